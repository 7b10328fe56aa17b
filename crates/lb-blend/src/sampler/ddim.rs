//! DDIM without added noise (Song et al. 2020, η = 0), equal to diffusers' `DDIMScheduler`; and the
//! samplers that take the same steps between other noise levels.

use super::error::SamplerError;
use super::noise_schedule::{NoiseScheduleConfig, PredictionType, single};
use super::visits::{self, Visit, Visits};
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
/// [`euler`](Self::euler) and [`tcd`](Self::tcd) create the samplers of other schedulers, whose steps start
/// and end at other timesteps.
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
    initial_noise: f64,
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
        Ok(Self::of(config, &visits::ddim(config, steps)?))
    }

    /// Creates the sampler that takes `steps` steps of Euler's method without added noise, as diffusers'
    /// `EulerDiscreteScheduler` does.
    ///
    /// Its latents are those that the model sees with diffusers' class, which divides its own by √(1 + σ²)
    /// first. It reads `final_sigmas_type` instead of `set_alpha_to_one`, never clips, and takes linspace
    /// spacing where the configuration names none. Under trailing and linspace spacing it starts from less
    /// than unit noise ([`Sampler::initial_noise`]). It differs from diffusers' class in one point: the
    /// timesteps of linspace spacing are rounded to whole ones.
    ///
    /// ```
    /// use lb_blend::{DdimSampler, NoiseScheduleConfig, Sampler, TimestepSpacing};
    ///
    /// let config = NoiseScheduleConfig {
    ///     timestep_spacing: Some(TimestepSpacing::Trailing),
    ///     ..Default::default()
    /// };
    /// let sampler = DdimSampler::euler(&config, 4)?;
    /// assert_eq!(sampler.timesteps(), [999, 749, 499, 249]);
    /// assert!((sampler.initial_noise() - 0.99767).abs() < 1e-5);
    /// # Ok::<(), lb_blend::SamplerError>(())
    /// ```
    ///
    /// # Errors
    /// The [`SamplerError`] of the first rule that the configuration breaks; [`SamplerError::Steps`];
    /// [`SamplerError::NoSignal`] if the model predicts noise and no signal is left where the walk starts.
    pub fn euler(config: &NoiseScheduleConfig, steps: usize) -> Result<Self, SamplerError> {
        Ok(Self::of(config, &visits::euler(config, steps)?))
    }

    /// Creates the sampler that takes `steps` steps of trajectory consistency without added noise
    /// (Zheng et al. 2024, η = 0), as diffusers' `TCDScheduler` does.
    ///
    /// It visits timesteps out of the `original_inference_steps` with which a consistency model was
    /// distilled, whatever the timestep spacing is, always ends at timestep 0, and never clips.
    ///
    /// ```
    /// use lb_blend::{DdimSampler, NoiseScheduleConfig, Sampler};
    ///
    /// let sampler = DdimSampler::tcd(&NoiseScheduleConfig::default(), 4)?;
    /// assert_eq!(sampler.timesteps(), [999, 759, 499, 259]);
    /// # Ok::<(), lb_blend::SamplerError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and [`SamplerError::OriginalSteps`] for more steps than the model was
    /// distilled with.
    pub fn tcd(config: &NoiseScheduleConfig, steps: usize) -> Result<Self, SamplerError> {
        Ok(Self::of(config, &visits::tcd(config, steps)?))
    }

    fn of(config: &NoiseScheduleConfig, visits: &Visits) -> Self {
        let steps = visits.steps.iter();
        let step = |visit: &Visit| Step::new(config.prediction_type, visit.now, visit.next);
        Self {
            timesteps: steps.clone().map(|visit| visit.timestep).collect(),
            alphas_cumprod: steps.clone().map(|visit| visit.now).collect(),
            steps: steps.map(step).collect(),
            initial_noise: visits.initial_noise,
            clip_limit: visits.clip_limit,
        }
    }
}

impl Sampler for DdimSampler {
    fn timesteps(&self) -> &[u32] {
        &self.timesteps
    }

    fn alphas_cumprod(&self) -> &[f64] {
        &self.alphas_cumprod
    }

    fn initial_noise(&self) -> f64 {
        self.initial_noise
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
