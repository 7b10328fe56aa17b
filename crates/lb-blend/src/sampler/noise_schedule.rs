//! The noise schedule that a model was trained with, as its `scheduler_config.json` gives it: how
//! noisy latents are at each timestep, and what the model predicts from them.
//!
//! The arithmetic of ᾱ is torch's: βs are float32, and their running product is double and rounded
//! to float32 entry by entry. Near timestep 0, where ᾱ is almost 1, that rounding is visible.

use super::error::SamplerError;

/// The longest training schedule accepted; every published one has 1000 timesteps.
const MOST_TRAIN_TIMESTEPS: usize = 100_000;
/// The `original_inference_steps` of a configuration that has none.
const USUAL_ORIGINAL_STEPS: usize = 50;
/// ᾱ at the end of a schedule rescaled to pure noise, in place of 0, for samplers that divide by it:
/// diffusers' value, the smallest number that half precision has.
pub(super) const LAST_SIGNAL: f64 = 1.0 / (1 << 24) as f64;
/// β's cap in the squared-cosine schedule (Nichol and Dhariwal 2021, section 3.2).
const COSINE_BETA_CAP: f64 = 0.999;
/// The squared cosine's offset, which keeps the first βs from vanishing (ibid.).
const COSINE_OFFSET: f64 = 0.008;

lb_schedule::choice! {
    /// How the noise grows over the training timesteps.
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
    #[strum(serialize_all = "snake_case")]
    #[non_exhaustive]
    pub enum BetaSchedule: "beta_schedule" {
        /// The variance β grows evenly from `beta_start` to `beta_end`.
        Linear,
        /// The root √β grows evenly from √`beta_start` to √`beta_end`.
        ///
        /// This is Stable Diffusion's schedule.
        ScaledLinear,
        /// The share of signal ᾱ follows a squared cosine, and β is at most 0.999.
        ///
        /// See Nichol and Dhariwal 2021.
        SquaredcosCapV2,
    }
}

lb_schedule::choice! {
    /// What the model's output is.
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
    #[strum(serialize_all = "snake_case")]
    #[non_exhaustive]
    pub enum PredictionType: "prediction_type" {
        /// The model predicts the noise.
        Epsilon,
        /// The model predicts the velocity √ᾱ·noise − √(1−ᾱ)·clean.
        ///
        /// See Salimans and Ho 2022.
        VPrediction,
        /// The model predicts the clean latents.
        Sample,
    }
}

lb_schedule::choice! {
    /// Which of the training timesteps a shorter walk visits (table 2 of Lin et al. 2023).
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
    #[strum(serialize_all = "snake_case")]
    #[non_exhaustive]
    pub enum TimestepSpacing: "timestep_spacing" {
        /// Multiples of ⌊T/N⌋, plus `steps_offset`.
        Leading,
        /// Evenly from 0 to T − 1, rounded.
        Linspace,
        /// From T − 1 downwards in strides of T/N, rounded.
        Trailing,
    }
}

lb_schedule::choice! {
    /// How much noise the last step of some samplers leaves.
    #[derive(Default)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
    #[strum(serialize_all = "snake_case")]
    #[non_exhaustive]
    pub enum FinalSigmas: "final_sigmas_type" {
        /// It leaves no noise.
        #[default]
        Zero,
        /// It leaves the noise of timestep 0.
        SigmaMin,
    }
}

/// The noise schedule that a model was trained with: the fields of a diffusers
/// `scheduler_config.json` that a deterministic sampler depends on, under their names there.
///
/// The default is that of Stable Diffusion 2.1 at 768 pixels. With the feature `serde` the file's
/// text can be read into it: fields that it does not have are those of
/// [`diffusers_default`](Self::diffusers_default).
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(default = "NoiseScheduleConfig::diffusers_default")
)]
pub struct NoiseScheduleConfig {
    /// The number of timesteps of the training schedule, T.
    pub num_train_timesteps: usize,
    /// The first β, in (0, 1).
    pub beta_start: f64,
    /// The last β, in (0, 1).
    pub beta_end: f64,
    /// How β grows from the first to the last.
    pub beta_schedule: BetaSchedule,
    /// Each β by itself, in (0, 1). The list replaces the three fields above.
    pub trained_betas: Option<Vec<f64>>,
    /// What the model's output is.
    pub prediction_type: PredictionType,
    /// Added to every timestep under leading spacing; below T.
    pub steps_offset: usize,
    /// Which timesteps a sampler visits. `None` leaves it to the sampler, as diffusers does where the
    /// file has no such key (Stable Diffusion 2.1's has none).
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Whether DDIM's last step ends without any noise instead of with that of timestep 0.
    pub set_alpha_to_one: bool,
    /// How much noise the last step of Euler's method and of DPM-Solver++ leaves.
    pub final_sigmas_type: FinalSigmas,
    /// The number of timesteps with which a consistency model was distilled: 1 to T. TCD visits some of
    /// these, which are evenly spaced.
    pub original_inference_steps: usize,
    /// Whether DDIM clamps the predicted clean latents to ±`clip_sample_range` at every step.
    pub clip_sample: bool,
    /// The limit of `clip_sample`, a positive number.
    pub clip_sample_range: f64,
    /// Whether the schedule is rescaled to end in pure noise (algorithm 1 of Lin et al. 2023).
    pub rescale_betas_zero_snr: bool,
    /// Whether predictions are thresholded dynamically. Must be false.
    pub thresholding: bool,
}

impl Default for NoiseScheduleConfig {
    fn default() -> Self {
        Self {
            beta_start: 0.00085,
            beta_end: 0.012,
            beta_schedule: BetaSchedule::ScaledLinear,
            prediction_type: PredictionType::VPrediction,
            steps_offset: 1,
            set_alpha_to_one: false,
            clip_sample: false,
            ..Self::diffusers_default()
        }
    }
}

impl NoiseScheduleConfig {
    /// The values that diffusers' `DDIMScheduler` assumes for fields that the file does not have.
    #[must_use]
    pub fn diffusers_default() -> Self {
        Self {
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: BetaSchedule::Linear,
            trained_betas: None,
            prediction_type: PredictionType::Epsilon,
            steps_offset: 0,
            timestep_spacing: None,
            set_alpha_to_one: true,
            final_sigmas_type: FinalSigmas::Zero,
            original_inference_steps: USUAL_ORIGINAL_STEPS,
            clip_sample: true,
            clip_sample_range: 1.0,
            rescale_betas_zero_snr: false,
            thresholding: false,
        }
    }

    /// ᾱ of every training timestep, from 0: the share of the latents' variance that is signal there.
    ///
    /// Latents at timestep t are √ᾱ·x₀ + √(1 − ᾱ)·ε. A backend that computes its answer without a
    /// trained model needs this in [`Backend::predict`](crate::Backend::predict).
    ///
    /// # Errors
    /// Those of [`validate`](Self::validate).
    pub fn alphas_cumprod(&self) -> Result<Vec<f32>, SamplerError> {
        self.validate()?;
        Ok(alphas_cumprod(self))
    }

    /// Validates that a sampler can take this number of steps.
    pub(super) fn validate_steps(&self, steps: usize) -> Result<(), SamplerError> {
        let most = self.num_train_timesteps;
        match (1..=most).contains(&steps) {
            true => Ok(()),
            false => Err(SamplerError::Steps { steps, most }),
        }
    }

    /// The largest absolute value of predicted clean latents; infinity where they are not clipped.
    pub(super) fn clip_limit(&self) -> f32 {
        match self.clip_sample {
            true => self.clip_sample_range as f32,
            false => f32::INFINITY,
        }
    }

    /// Validates every field's range.
    ///
    /// # Errors
    /// The [`SamplerError`] of the first rule that is broken.
    pub fn validate(&self) -> Result<(), SamplerError> {
        let length = self.num_train_timesteps;
        if !(1..=MOST_TRAIN_TIMESTEPS).contains(&length) {
            let most = MOST_TRAIN_TIMESTEPS;
            return Err(SamplerError::TrainTimesteps {
                value: length,
                most,
            });
        }
        if let Some(betas) = &self.trained_betas {
            if betas.len() != length {
                let actual = betas.len();
                return Err(SamplerError::TrainedBetasLength {
                    actual,
                    expected: length,
                });
            }
            let bad = betas.iter().position(|beta| !(*beta > 0.0 && *beta < 1.0));
            if let Some(index) = bad {
                return Err(SamplerError::TrainedBeta {
                    index,
                    value: betas[index],
                });
            }
        } else {
            let (start, end) = (self.beta_start, self.beta_end);
            if !(0.0 < start && start <= end && end < 1.0) {
                return Err(SamplerError::BetaRange { start, end });
            }
        }
        if self.steps_offset >= length {
            return Err(SamplerError::StepsOffset {
                value: self.steps_offset,
                most: length - 1,
            });
        }
        // With the usual number, a training schedule that is too short for it is unsuitable only for TCD.
        let (value, usual) = (self.original_inference_steps, USUAL_ORIGINAL_STEPS);
        if !(1..=length).contains(&value) && value != usual {
            let most = length;
            return Err(SamplerError::OriginalInferenceSteps { value, most });
        }
        if self.clip_sample && !(self.clip_sample_range > 0.0 && self.clip_sample_range < f64::MAX)
        {
            return Err(SamplerError::ClipRange {
                value: self.clip_sample_range,
            });
        }
        if self.thresholding {
            Err(SamplerError::Thresholding)
        } else {
            Ok(())
        }
    }
}

/// ᾱ for each of the `num_train_timesteps` timesteps of a validated configuration.
pub(super) fn alphas_cumprod(config: &NoiseScheduleConfig) -> Vec<f32> {
    let count = config.num_train_timesteps;
    let mut betas = match (&config.trained_betas, config.beta_schedule) {
        (Some(betas), _) => betas.iter().map(|beta| *beta as f32).collect(),
        (None, BetaSchedule::Linear) => linspace(config.beta_start, config.beta_end, count),
        (None, BetaSchedule::ScaledLinear) => {
            let (start, end) = (libm::sqrt(config.beta_start), libm::sqrt(config.beta_end));
            linspace(start, end, count)
                .into_iter()
                .map(|root| root * root)
                .collect()
        }
        (None, BetaSchedule::SquaredcosCapV2) => squared_cosine(count),
    };
    if config.rescale_betas_zero_snr {
        rescale_to_zero_terminal_snr(&mut betas);
    }
    cumulative_product(&betas)
}

fn cumulative_product(betas: &[f32]) -> Vec<f32> {
    let mut product = 1.0_f64;
    let multiply = |beta: &f32| {
        product *= f64::from(1.0 - beta);
        product as f32
    };
    betas.iter().map(multiply).collect()
}

/// Evenly from `start` to `end`, rounded to float32.
fn linspace(start: f64, end: f64, count: usize) -> Vec<f32> {
    let stride = (end - start) / (count - 1).max(1) as f64;
    (0..count)
        .map(|index| (start + stride * index as f64) as f32)
        .collect()
}

fn squared_cosine(count: usize) -> Vec<f32> {
    let signal = |index: usize| {
        let time = index as f64 / count as f64;
        let angle = (time + COSINE_OFFSET) / (1.0 + COSINE_OFFSET) * std::f64::consts::FRAC_PI_2;
        let cosine = libm::cos(angle);
        cosine * cosine
    };
    let beta = |index| f64::min(1.0 - signal(index + 1) / signal(index), COSINE_BETA_CAP) as f32;
    (0..count).map(beta).collect()
}

/// Algorithm 1 of "Common Diffusion Noise Schedules and Sample Steps are Flawed" (Lin et al.
/// 2023): √ᾱ is shifted and scaled so that it keeps its first value and ends at 0.
fn rescale_to_zero_terminal_snr(betas: &mut [f32]) {
    let roots: Vec<f32> = cumulative_product(betas)
        .into_iter()
        .map(libm::sqrtf)
        .collect();
    let (first, last) = (roots[0], roots[roots.len() - 1]);
    if first == last {
        // βs too small for float32 add no noise: there is nothing to stretch.
        return;
    }
    let scale = first / (first - last);
    let rescaled = |root: &f32| {
        let root = (root - last) * scale;
        root * root
    };
    let mut previous = 1.0;
    for (beta, root) in betas.iter_mut().zip(&roots) {
        let signal = rescaled(root);
        *beta = 1.0 - signal / previous;
        previous = signal;
    }
}

/// Adds as much noise to clean values as the training schedule has at `timestep`:
/// √ᾱₜ · clean + √(1 − ᾱₜ) · noise (the forward process of Ho et al. 2020, equation 4), in float32 as
/// diffusers' `add_noise` computes it.
///
/// # Errors
/// Those of [`NoiseScheduleConfig::validate`]; [`SamplerError::Timestep`] for a timestep that the
/// schedule does not have; [`SamplerError::NoiseLength`] if there are more or fewer values of noise
/// than clean ones.
pub fn add_noise(
    config: &NoiseScheduleConfig,
    timestep: usize,
    clean: &[f32],
    noise: &[f32],
) -> Result<Vec<f32>, SamplerError> {
    config.validate()?;
    if noise.len() != clean.len() {
        return Err(SamplerError::NoiseLength {
            actual: noise.len(),
            expected: clean.len(),
        });
    }
    let alphas = alphas_cumprod(config);
    let Some(&alpha) = alphas.get(timestep) else {
        return Err(SamplerError::Timestep {
            timestep,
            most: alphas.len() - 1,
        });
    };
    let (signal, noisiness) = (libm::sqrtf(alpha), libm::sqrtf(1.0 - alpha));
    let pairs = clean.iter().zip(noise);
    Ok(pairs
        .map(|(&clean, &noise)| signal * clean + noisiness * noise)
        .collect())
}

/// Clean latents and noise as weights: every prediction type is linear in the latents x and the
/// model's output m.
pub(super) struct Prediction {
    /// clean = .0·x + .1·m
    pub(super) clean: (f64, f64),
    /// noise = .0·x + .1·m
    pub(super) noise: (f64, f64),
}

impl PredictionType {
    /// Solves x = signal·clean + noise·ε (signal = √ᾱ, noise = √(1−ᾱ)) with what the model
    /// predicts.
    pub(super) fn solve(self, signal: f64, noise: f64) -> Prediction {
        let (clean, noise) = match self {
            Self::Epsilon => ((1.0 / signal, -noise / signal), (0.0, 1.0)),
            Self::VPrediction => ((signal, -noise), (noise, signal)),
            // Without any noise there is none to solve for.
            Self::Sample if noise == 0.0 => ((0.0, 1.0), (0.0, 0.0)),
            Self::Sample => ((0.0, 1.0), (1.0 / noise, -signal / noise)),
        };
        Prediction { clean, noise }
    }
}

/// Weights as the latents' own type.
pub(super) fn single(weights: (f64, f64)) -> (f32, f32) {
    (weights.0 as f32, weights.1 as f32)
}

#[cfg(test)]
mod tests {
    use lb_schedule::Choice as _;

    use super::*;

    #[test]
    fn names_are_diffusers() {
        assert_eq!("scaled_linear".parse(), Ok(BetaSchedule::ScaledLinear));
        assert_eq!(BetaSchedule::SquaredcosCapV2.name(), "squaredcos_cap_v2");
        assert_eq!(PredictionType::VPrediction.to_string(), "v_prediction");
        let error = "karras".parse::<TimestepSpacing>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "timestep_spacing must be one of leading, linspace, trailing; got \"karras\""
        );
    }

    #[test]
    fn every_timestep_has_its_share_of_signal() {
        let alphas = NoiseScheduleConfig::default().alphas_cumprod().unwrap();
        assert_eq!(alphas.len(), 1000);
        // Stable Diffusion starts at 1 − β and ends at 0.0047.
        assert!((alphas[0] - 0.99915).abs() < 1e-6, "{}", alphas[0]);
        assert!((alphas[999] - 0.00466).abs() < 1e-5, "{}", alphas[999]);
        let wrong = NoiseScheduleConfig {
            beta_start: 2.0,
            ..Default::default()
        };
        assert!(wrong.alphas_cumprod().is_err());
    }

    #[test]
    fn each_rule_has_its_own_error() {
        let refused = |change: fn(&mut NoiseScheduleConfig)| {
            let mut config = NoiseScheduleConfig::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        assert!(NoiseScheduleConfig::default().validate().is_ok());
        assert!(refused(|c| c.num_train_timesteps = 0).contains("num_train_timesteps is 0"));
        assert!(refused(|c| c.num_train_timesteps = usize::MAX).contains("1..=100000"));
        assert!(refused(|c| c.beta_start = f64::NAN).contains("beta_start NaN"));
        assert!(
            refused(|c| c.beta_end = 0.0001).contains("beta_start 0.00085 and beta_end 0.0001")
        );
        assert!(refused(|c| c.trained_betas = Some(vec![0.1])).contains("has 1 entries"));
        assert!(refused(|c| c.trained_betas = Some(vec![0.0; 1000])).contains("trained_betas[0]"));
        assert!(refused(|c| c.steps_offset = 1000).contains("steps_offset is 1000"));
        assert!(refused(|c| c.thresholding = true).contains("thresholding"));
        assert!(refused(|c| (c.clip_sample, c.clip_sample_range) = (true, -1.0)).contains("is -1"));
    }

    #[test]
    fn signal_shrinks_and_stays_in_range() {
        for &beta_schedule in BetaSchedule::ALL {
            let config = NoiseScheduleConfig {
                beta_schedule,
                ..Default::default()
            };
            let alphas = alphas_cumprod(&config);
            assert_eq!(alphas.len(), 1000);
            assert!(alphas[0] < 1.0 && alphas[999] > 0.0);
            assert!(
                alphas.windows(2).all(|pair| pair[1] < pair[0]),
                "{beta_schedule}"
            );
        }
    }

    #[test]
    fn rescaled_schedules_end_in_pure_noise() {
        let config = NoiseScheduleConfig {
            rescale_betas_zero_snr: true,
            ..Default::default()
        };
        let (rescaled, plain) = (
            alphas_cumprod(&config),
            alphas_cumprod(&NoiseScheduleConfig::default()),
        );
        assert_eq!(rescaled[999], 0.0);
        assert!((rescaled[0] - plain[0]).abs() < 1e-6);
    }

    #[test]
    fn later_timesteps_are_noisier() {
        let config = NoiseScheduleConfig::default();
        let at = |timestep| add_noise(&config, timestep, &[1.0, 0.0], &[0.0, 1.0]).unwrap();
        assert!((at(0)[0] - 1.0).abs() < 1e-3 && at(999)[0] < 0.1);
        for pair in [at(0), at(20), at(500), at(999)].windows(2) {
            assert!(pair[0][0] > pair[1][0] && pair[0][1] < pair[1][1]);
        }
        let [signal, noise] = at(500)[..] else {
            panic!("two values")
        };
        assert!((signal * signal + noise * noise - 1.0).abs() < 1e-6);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let config = NoiseScheduleConfig::default();
        let refused = |timestep, noise: &[f32]| {
            let error = add_noise(&config, timestep, &[1.0], noise).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            refused(1000, &[1.0]),
            "timestep 1000 does not exist, must be in 0..=999"
        );
        assert_eq!(refused(0, &[]), "noise: 0 values, expected 1");
    }
}
