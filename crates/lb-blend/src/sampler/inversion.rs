//! DDIM backwards: from clean latents to the noise that becomes them.

use super::error::SamplerError;
use super::kind::SamplerKind;
use super::noise_schedule::{NoiseScheduleConfig, single};
use super::validated_step;
use super::visits::Visit;
use crate::latents::ShapeError;

/// The steps of [`DdimSampler`](super::DdimSampler) taken backwards, last step first: from clean
/// latents up to noise.
///
/// A step of DDIM goes from noisier latents y to x = a·y + b·m(y), where m(y) is the model's output
/// for y. Backwards x is known and y is not, and the model can only be asked about a guess of y:
///
/// - [`estimate`](Self::estimate) takes m(x) for m(y). This is the inversion of the DDIM paper
///   (Song et al. 2020, section 4.3), equal to diffusers' `DDIMInverseScheduler`.
/// - [`solve`](Self::solve) is y = (x − b·m)/a. Repeated with the model's output for its own last
///   answer, it converges to the y from which DDIM arrives at x (fixed-point iteration, as in AIDI,
///   Pan et al. 2023, and ReNoise, Garibi et al. 2024).
#[derive(Clone, PartialEq, Debug)]
pub struct DdimInversion {
    timesteps: Vec<u32>,
    steps: Vec<Step>,
    clip_limit: f32,
}

/// One step as weights of the less noisy latents x and the model's output m.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Step {
    /// clean = .0·x + .1·m, as if m were the model's output for x
    clean: (f32, f32),
    /// noise = .0·x + .1·m, likewise
    noise: (f32, f32),
    /// the estimate of y = .0·clean + .1·noise
    noisier: (f32, f32),
    /// the solution for y = .0·x + .1·m
    solution: (f32, f32),
}

impl DdimInversion {
    /// Creates the inversion of `steps` steps. A [`DdimSampler`](super::DdimSampler) made with the
    /// same arguments leads back.
    ///
    /// # Errors
    /// Those of [`DdimSampler::new`](super::DdimSampler::new); [`SamplerError::NotInvertible`] where
    /// a step leaves nothing of the latents that it starts from.
    pub fn new(config: &NoiseScheduleConfig, steps: usize) -> Result<Self, SamplerError> {
        Self::of(SamplerKind::Ddim, config, steps)
    }

    /// Creates the inversion of another sampler. A sampler of this kind, made with the same arguments,
    /// leads back.
    ///
    /// # Errors
    /// Those of [`SamplerKind::sampler`]; [`SamplerError::NotInvertible`] as for DDIM, and
    /// [`SamplerError::MultistepInversion`] if the kind is not
    /// [invertible](SamplerKind::is_invertible).
    pub fn of(
        kind: SamplerKind,
        config: &NoiseScheduleConfig,
        steps: usize,
    ) -> Result<Self, SamplerError> {
        let visits = kind.visits(config, steps)?;
        let step = |visit: &Visit| {
            let (signal, noise) = (libm::sqrt(visit.now), libm::sqrt(1.0 - visit.now));
            let (clearer, quieter) = (libm::sqrt(visit.next), libm::sqrt(1.0 - visit.next));
            let forth = config.prediction_type.solve(signal, noise);
            let along = clearer * forth.clean.0 + quieter * forth.noise.0;
            let across = clearer * forth.clean.1 + quieter * forth.noise.1;
            if along == 0.0 {
                let timestep = visit.timestep;
                return Err(SamplerError::NotInvertible { timestep });
            }
            let back = config.prediction_type.solve(clearer, quieter);
            Ok(Step {
                clean: single(back.clean),
                noise: single(back.noise),
                noisier: single((signal, noise)),
                solution: single((1.0 / along, -across / along)),
            })
        };
        let mut timesteps: Vec<u32> = visits.steps.iter().map(|visit| visit.timestep).collect();
        timesteps.reverse();
        Ok(Self {
            timesteps,
            steps: visits
                .steps
                .iter()
                .rev()
                .map(step)
                .collect::<Result<_, _>>()?,
            clip_limit: visits.clip_limit,
        })
    }

    /// The model's timestep at each step, first step (the least noisy one) first.
    #[must_use]
    pub fn timesteps(&self) -> &[u32] {
        &self.timesteps
    }

    /// Writes a first guess of the noisier latents of step `index` to `noisier`, from the less noisy
    /// `latents` and the model's output for them at the step's timestep. The predicted clean latents
    /// are clipped if the configuration asks for it.
    ///
    /// # Errors
    /// [`ShapeError::Length`] if the three lengths differ; [`ShapeError::Step`] if there is no such
    /// step.
    pub fn estimate(
        &self,
        index: usize,
        latents: &[f32],
        model_output: &[f32],
        noisier: &mut [f32],
    ) -> Result<(), ShapeError> {
        let step = validated_step(&self.steps, index, latents, model_output, noisier)?;
        let limit = self.clip_limit;
        for ((&x, &m), noisier) in latents.iter().zip(model_output).zip(noisier) {
            let clean = (step.clean.0 * x + step.clean.1 * m).clamp(-limit, limit);
            let noise = step.noise.0 * x + step.noise.1 * m;
            *noisier = step.noisier.0 * clean + step.noisier.1 * noise;
        }
        Ok(())
    }

    /// Writes those noisier latents from which step `index` of the sampler arrives at `latents` if
    /// `model_output` is the model's output for them. (A sampler that clips predictions may arrive
    /// elsewhere.)
    ///
    /// # Errors
    /// Those of [`estimate`](Self::estimate).
    pub fn solve(
        &self,
        index: usize,
        latents: &[f32],
        model_output: &[f32],
        noisier: &mut [f32],
    ) -> Result<(), ShapeError> {
        let step = validated_step(&self.steps, index, latents, model_output, noisier)?;
        for ((&x, &m), noisier) in latents.iter().zip(model_output).zip(noisier) {
            *noisier = step.solution.0 * x + step.solution.1 * m;
        }
        Ok(())
    }
}
