//! Takes pictures back to the noise that they are made from, so that they can be keyframes.

use lb_schedule::GuidanceRescale;

use super::batch::{Batch, Moment, Start};
use super::denoiser::{proceed, validated_batch_limit};
use super::forecast::Forecast;
use super::origin::Origin;
use crate::backend::Backend;
use crate::error::BlendError;
use crate::film::{Branch, Keyframe};
use crate::guidance::{GuidanceOptions, rows_at};
use crate::keyframe_source::validate_keyframes;
use crate::latents::{Latents, ShapeError, validate_length};
use crate::observer::{Observer, Phase, StepProgress};
use crate::sampler::DdimInversion;

/// How carefully pictures are inverted.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct InversionOptions {
    /// How often each step is solved again with the model's output for its last solution, 0 to
    /// [`MOST_ITERATIONS`](Self::MOST_ITERATIONS). 0 is the inversion of the DDIM paper, which loses
    /// much of a picture. Each iteration costs one more model evaluation for each step, and reduces
    /// the error to a third or less.
    pub iterations: usize,
    /// That of the film, [`BlendOptions::guidance_rescale`](crate::BlendOptions::guidance_rescale): the noise
    /// that is found leads back to the picture only under the guidance with which it was found.
    #[cfg_attr(feature = "serde", serde(default))]
    pub guidance_rescale: GuidanceRescale,
}

impl Default for InversionOptions {
    /// Enough iterations for any number of steps.
    fn default() -> Self {
        Self::new(4)
    }
}

impl InversionOptions {
    /// Options with this number of iterations.
    #[must_use]
    pub const fn new(iterations: usize) -> Self {
        Self {
            iterations,
            guidance_rescale: GuidanceRescale::OFF,
        }
    }

    /// The same options with this guidance rescale.
    #[must_use]
    pub const fn with_guidance_rescale(self, guidance_rescale: GuidanceRescale) -> Self {
        Self {
            guidance_rescale,
            ..self
        }
    }

    /// The iterations that keep the error of a picture near 1 % with this number of steps: 4, or 3 from
    /// [`MANY_STEPS`](Self::MANY_STEPS) on, because the first guess of a short step is nearly right. The
    /// numbers follow from a table in `docs/benchmarks.md`.
    #[must_use]
    pub fn for_steps(steps: usize) -> Self {
        match steps {
            Self::MANY_STEPS.. => Self::new(3),
            _ => Self::default(),
        }
    }

    /// The number of steps from which three iterations suffice.
    pub const MANY_STEPS: usize = 30;

    /// The largest number of iterations.
    pub const MOST_ITERATIONS: usize = 100;

    /// Validates the number of iterations.
    ///
    /// # Errors
    /// [`BlendError::Iterations`] for more than the largest number.
    pub fn validate(&self) -> Result<(), BlendError> {
        // A new field also belongs in the cache keys of lb-render (cached_pipeline/content.rs).
        let &Self {
            iterations: found,
            guidance_rescale: _,
        } = self;
        let most = Self::MOST_ITERATIONS;
        if found > most {
            return Err(BlendError::Iterations { found, most });
        }
        Ok(())
    }

    /// The model evaluations that it takes to invert this number of pictures in this number of
    /// steps.
    #[must_use]
    pub fn model_evaluations(&self, pictures: usize, steps: usize) -> usize {
        pictures * steps * (1 + self.iterations)
    }

    /// What it takes to invert pictures of these guidance scales in this number of steps.
    #[must_use]
    pub fn forecast(
        &self,
        guidance_scales: impl IntoIterator<Item = f64>,
        steps: usize,
    ) -> Forecast {
        let mut sum = Forecast::default();
        for scale in guidance_scales {
            let evaluations = self.model_evaluations(1, steps);
            sum.model_evaluations += evaluations;
            sum.rows += evaluations * rows_at(scale);
        }
        sum
    }
}

/// What an inversion found, and what it took.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Inverted {
    /// For each picture the latents at the first step from which DDIM arrives at about the
    /// picture's.
    pub initial_latents: Vec<Latents>,
    /// Pictures × steps × (1 + iterations).
    pub model_evaluations: usize,
    /// Rows that the backend predicted, conditional and unconditional ones.
    pub predicted_rows: usize,
    /// Calls of [`Backend::predict`].
    pub predict_calls: usize,
}

/// Finds the initial latents that DDIM denoises to given clean latents, under the same conditioning
/// and guidance: deterministic inversion, step by step from the clean end, each step refined by
/// fixed-point iteration (see [`DdimInversion`]).
///
/// `pictures` are keyframes whose `initial_latents` are the *clean* latents of a picture, as an
/// encoder makes them. With the result as their `initial_latents` they are keyframes for
/// [`blend`](crate::blend()) with the [`DdimSampler`](crate::DdimSampler) of the same steps.
/// [`relative_error`] measures how close the finished keyframe comes to the picture.
///
/// Pictures are inverted together, in batches of as many branches as the backend takes rows.
///
/// # Errors
/// A [`BlendError`] for what does not fit together, for a value that becomes NaN or infinite, for a
/// backend that fails, and [`BlendError::Interrupted`] once the observer stops the work. The
/// index of a keyframe in an error is its index in `pictures`.
pub fn invert(
    backend: &mut dyn Backend,
    inversion: &DdimInversion,
    pictures: &[Keyframe],
    options: &InversionOptions,
    observer: &mut dyn Observer,
) -> Result<Inverted, BlendError> {
    options.validate()?;
    validate_keyframes(pictures)?;
    let limit = validated_batch_limit(backend)?;
    let timesteps = inversion.timesteps();
    let total_model_evaluations = options.model_evaluations(pictures.len(), timesteps.len());
    let mut inverted = Inverted::default();
    for (group, pictures) in pictures.chunks(limit).enumerate() {
        // The steps go backwards here: the difference that the film will reuse comes from a step that is not
        // inverted yet. So guidance is computed at each.
        let mut batch = Batch::new(GuidanceOptions {
            rescale: options.guidance_rescale,
            every: 1,
        });
        batch.fill(&starts(pictures, group * limit))?;
        for step in 0..timesteps.len() {
            let at = Moment::new(step, timesteps, true);
            let known = batch.latents().to_vec();
            let mut acceleration = Acceleration::default();
            for iteration in 0..=options.iterations {
                inverted.predict_calls += batch.predict(backend, limit, at)?;
                inverted.predicted_rows += batch.rows(at);
                inverted.model_evaluations += pictures.len();
                batch.replace(at, |output, noisier| {
                    if iteration == 0 {
                        return inversion.estimate(step, &known, output, noisier);
                    }
                    let guess = noisier.to_vec();
                    inversion.solve(step, &known, output, noisier)?;
                    acceleration.improve(&guess, noisier, pictures.len());
                    Ok(())
                })?;
                proceed(observer.step(&StepProgress {
                    phase: Phase::Inversion,
                    branches: pictures.len(),
                    step: step + 1,
                    steps: timesteps.len(),
                    model_evaluations: inverted.model_evaluations,
                    total_model_evaluations,
                }))?;
            }
        }
        let found = batch.snapshot(0..pictures.len(), false)?.latents;
        inverted.initial_latents.extend(found);
    }
    Ok(inverted)
}

/// Makes the iterations of a step converge faster, and also where they would swing to and fro. After two
/// plain ones, each solution is extrapolated from itself and the one before, so that as little as possible
/// is left to the next iteration (Anderson acceleration of depth 1; Walker and Ni 2011).
#[derive(Default)]
struct Acceleration {
    solutions: usize,
    /// The last solutions of all pictures, not extrapolated.
    last: Vec<f32>,
    /// How far each was from the guess that the model was asked about.
    residual: Vec<f32>,
}

impl Acceleration {
    /// How many solutions are left as they are.
    const PLAIN: usize = 2;

    /// Improves the solutions of this number of pictures that follow from these guesses.
    fn improve(&mut self, guess: &[f32], solution: &mut [f32], pictures: usize) {
        let residual: Vec<f32> = solution.iter().zip(guess).map(|(s, g)| s - g).collect();
        let plain = solution.to_vec();
        self.solutions += 1;
        if self.solutions > Self::PLAIN {
            let values = solution.len() / pictures;
            for (index, solution) in solution.chunks_exact_mut(values).enumerate() {
                let own = index * values..(index + 1) * values;
                let (now, before) = (&residual[own.clone()], &self.residual[own.clone()]);
                let share = extrapolation(now, before);
                for (value, last) in solution.iter_mut().zip(&self.last[own]) {
                    *value -= share * (*value - last);
                }
            }
        }
        (self.last, self.residual) = (plain, residual);
    }
}

/// The share of the way back to the last solution at which a residual that changes evenly along the way is
/// the smallest, between -1 and 1.
fn extrapolation(now: &[f32], before: &[f32]) -> f32 {
    let (mut along, mut square) = (0.0, 0.0);
    for (&now, &before) in now.iter().zip(before) {
        let change = f64::from(now) - f64::from(before);
        along += f64::from(now) * change;
        square += change * change;
    }
    if square == 0.0 {
        return 0.0;
    }
    (along / square).clamp(-1.0, 1.0) as f32
}

/// Each picture as a branch of its own. The first one has the index `first`.
fn starts(pictures: &[Keyframe], first: usize) -> Vec<Start<'_>> {
    let indexed = pictures.iter().zip(first..);
    indexed
        .map(|(picture, index)| Start {
            branch: Branch::Keyframe(index),
            guidance_scale: picture.guidance_scale,
            origin: Origin::State(&picture.initial_latents, None),
            keyframes: (picture, picture, 0.0),
            guidance_difference: None,
        })
        .collect()
}

/// How far latents are from others: the root mean square of the difference over the root mean square
/// of `expected`. It is 0 where both are equal, and infinite where only `expected` is zero.
///
/// It tells how far a finished keyframe is from the clean latents that it was inverted from.
///
/// # Errors
/// [`ShapeError::Length`](crate::ShapeError::Length) if there are not as many values.
pub fn relative_error(actual: &Latents, expected: &Latents) -> Result<f64, ShapeError> {
    let (actual, expected) = (actual.values(), expected.values());
    validate_length("latents to compare", actual.len(), expected.len())?;
    let (mut difference, mut size) = (0.0, 0.0);
    for (&actual, &expected) in actual.iter().zip(expected) {
        let (actual, expected) = (f64::from(actual), f64::from(expected));
        difference += (actual - expected) * (actual - expected);
        size += expected * expected;
    }
    Ok(match difference == 0.0 {
        true => 0.0,
        false => libm::sqrt(difference / size),
    })
}
