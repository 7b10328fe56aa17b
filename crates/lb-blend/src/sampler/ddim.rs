//! DDIM without added noise (Song et al. 2020, η = 0), equal to diffusers' `DDIMScheduler`.

use super::error::SamplerError;
use super::noise_schedule::{NoiseScheduleConfig, PredictionType, alphas_cumprod, single};
use super::timesteps::ddim_timesteps;
use super::{Sampler, validated_step};
use crate::latents::ShapeError;

/// A one-step sampler: no step reads what the step before predicted.
///
/// It takes exactly N steps for every N from 1 to `num_train_timesteps`, at diffusers' own timesteps
/// (leading spacing where the configuration names none). It differs in two cases where diffusers
/// fails: timesteps beyond the training schedule (leading spacing with an offset at N = T) are
/// clamped to its last, and where numpy's rounding adds a step at timestep −1 under trailing
/// spacing, that step is left out.
///
/// ```
/// use lb_blend::{DdimSampler, NoiseScheduleConfig, Sampler};
///
/// let sampler = DdimSampler::new(&NoiseScheduleConfig::default(), 4)?;
/// assert_eq!(sampler.timesteps(), [751, 501, 251, 1]);
/// # Ok::<(), lb_blend::SamplerError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct DdimSampler {
    timesteps: Vec<u32>,
    alphas_cumprod: Vec<f64>,
    steps: Vec<Step>,
    clip_limit: f32,
}

/// One step as weights of the latents x and the model's output m.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Step {
    /// clean = .0·x + .1·m
    clean: (f32, f32),
    /// noise = .0·x + .1·m
    noise: (f32, f32),
    /// next x = .0·clean + .1·noise
    next: (f32, f32),
}

impl DdimSampler {
    /// Creates the sampler of `steps` steps.
    ///
    /// # Errors
    /// The [`SamplerError`] of the first rule that the configuration breaks;
    /// [`SamplerError::Steps`] if `steps` is not in 1..=`num_train_timesteps`;
    /// [`SamplerError::NoSignal`] if the model predicts noise and the walk starts at pure noise.
    pub fn new(config: &NoiseScheduleConfig, steps: usize) -> Result<Self, SamplerError> {
        let visits = visits(config, steps)?;
        let step = |visit: &Visit| Step::new(config.prediction_type, visit.now, visit.next);
        Ok(Self {
            timesteps: visits.iter().map(|visit| visit.timestep).collect(),
            alphas_cumprod: visits.iter().map(|visit| visit.now).collect(),
            steps: visits.iter().map(step).collect(),
            clip_limit: config.clip_limit(),
        })
    }
}

/// Where a step of DDIM starts and ends.
pub(super) struct Visit {
    /// The model's timestep.
    pub(super) timestep: u32,
    /// The share of signal (ᾱ) that the step starts from.
    pub(super) now: f64,
    /// The share of signal that it arrives at.
    pub(super) next: f64,
}

/// Where the steps of a walk of `steps` steps start and end, first step first.
pub(super) fn visits(
    config: &NoiseScheduleConfig,
    steps: usize,
) -> Result<Vec<Visit>, SamplerError> {
    config.validate()?;
    config.validate_steps(steps)?;
    let length = config.num_train_timesteps;
    let alphas = alphas_cumprod(config);
    let end = if config.set_alpha_to_one {
        1.0
    } else {
        alphas[0]
    };
    let visit = |wanted: usize| {
        // diffusers' previous timestep is always ⌊T/N⌋ earlier, even where the next step starts
        // elsewhere.
        let previous = wanted.checked_sub(length / steps);
        let index = wanted.min(length - 1);
        let (timestep, now) = (index as u32, f64::from(alphas[index]));
        if now == 0.0 && config.prediction_type == PredictionType::Epsilon {
            return Err(SamplerError::NoSignal { timestep });
        }
        let next = previous.map_or(end, |previous| alphas[previous.min(length - 1)]);
        Ok(Visit {
            timestep,
            now,
            next: f64::from(next),
        })
    };
    ddim_timesteps(config, steps)
        .into_iter()
        .map(visit)
        .collect()
}

impl Sampler for DdimSampler {
    fn timesteps(&self) -> &[u32] {
        &self.timesteps
    }

    fn alphas_cumprod(&self) -> &[f64] {
        &self.alphas_cumprod
    }

    /// Returns false: DDIM is a one-step method.
    fn is_multistep(&self) -> bool {
        false
    }

    /// Takes a step as [`Sampler::step`] describes. x̂₀ is clipped if the configuration asks for it.
    fn step(
        &self,
        index: usize,
        latents: &mut [f32],
        model_output: &[f32],
        predicted_clean: &mut [f32],
    ) -> Result<(), ShapeError> {
        let step = validated_step(&self.steps, index, latents, model_output, predicted_clean)?;
        let limit = self.clip_limit;
        for ((x, &m), clean) in latents.iter_mut().zip(model_output).zip(predicted_clean) {
            *clean = (step.clean.0 * *x + step.clean.1 * m).clamp(-limit, limit);
            let noise = step.noise.0 * *x + step.noise.1 * m;
            *x = step.next.0 * *clean + step.next.1 * noise;
        }
        Ok(())
    }
}

impl Step {
    /// The weights for a step from signal share `now` (ᾱ) to `next`: equations 9 and 12 of the
    /// DDIM paper, with clean and noise solved from what the model predicts.
    fn new(prediction: PredictionType, now: f64, next: f64) -> Self {
        let prediction = prediction.solve(libm::sqrt(now), libm::sqrt(1.0 - now));
        Self {
            clean: single(prediction.clean),
            noise: single(prediction.noise),
            next: single((libm::sqrt(next), libm::sqrt(1.0 - next))),
        }
    }
}
