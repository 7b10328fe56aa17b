//! What a model's `scheduler_config.json` says, by the names it says it with.

use std::fmt;
use std::str::FromStr;

use super::betas::alphas_cumprod;
use super::error::SamplerError;

/// The longest training schedule accepted; every published one has 1000 timesteps.
const MOST_TRAIN_TIMESTEPS: usize = 100_000;

/// How the noise grows over the training timesteps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BetaSchedule {
    /// `linear`: β from `beta_start` to `beta_end`.
    Linear,
    /// `scaled_linear`: √β from √`beta_start` to √`beta_end` (Stable Diffusion).
    ScaledLinear,
    /// `squaredcos_cap_v2`: ᾱ follows a squared cosine, β at most 0.999 (Nichol and Dhariwal 2021).
    SquaredcosCapV2,
}

/// What the model's output means.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PredictionType {
    /// `epsilon`: the noise.
    Epsilon,
    /// `v_prediction`: the velocity √ᾱ·noise − √(1−ᾱ)·clean (Salimans and Ho 2022).
    VPrediction,
    /// `sample`: the clean latents.
    Sample,
}

/// Which of the training timesteps a shorter walk visits (table 2 of Lin et al. 2023).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TimestepSpacing {
    /// `leading`: multiples of ⌊T/N⌋, plus `steps_offset`.
    Leading,
    /// `linspace`: from 0 to T − 1, rounded.
    Linspace,
    /// `trailing`: from T − 1 downwards in steps of T/N, rounded.
    Trailing,
}

macro_rules! named {
    ($type:ty, $field:literal, $allowed:literal, $($name:literal => $variant:ident),+) => {
        impl FromStr for $type {
            type Err = SamplerError;

            fn from_str(name: &str) -> Result<Self, SamplerError> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(SamplerError::UnknownName {
                        field: $field,
                        value: name.to_owned(),
                        allowed: $allowed,
                    }),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(match self {
                    $(Self::$variant => $name,)+
                })
            }
        }
    };
}

named!(BetaSchedule, "beta_schedule", "linear, scaled_linear, squaredcos_cap_v2",
    "linear" => Linear, "scaled_linear" => ScaledLinear, "squaredcos_cap_v2" => SquaredcosCapV2);
named!(PredictionType, "prediction_type", "epsilon, v_prediction, sample",
    "epsilon" => Epsilon, "v_prediction" => VPrediction, "sample" => Sample);
named!(TimestepSpacing, "timestep_spacing", "leading, linspace, trailing",
    "leading" => Leading, "linspace" => Linspace, "trailing" => Trailing);

/// The noise schedule a model was trained with: the fields of a diffusers `scheduler_config.json`
/// that a deterministic walk depends on, under their names there.
///
/// The default is Stable Diffusion 2.1's at 768 pixels.
#[derive(Clone, PartialEq, Debug)]
pub struct NoiseScheduleConfig {
    /// Timesteps of the training schedule, T.
    pub num_train_timesteps: usize,
    /// The first β, in (0, 1).
    pub beta_start: f64,
    /// The last β, in (0, 1).
    pub beta_end: f64,
    /// How β gets from the first to the last.
    pub beta_schedule: BetaSchedule,
    /// Every β by itself, each in (0, 1); replaces the three fields above.
    pub trained_betas: Option<Vec<f64>>,
    /// What the model's output means.
    pub prediction_type: PredictionType,
    /// Added to every timestep under leading spacing; below T.
    pub steps_offset: usize,
    /// Which timesteps a walk visits; `None` leaves it to the sampler, as diffusers does where the
    /// file has no such key (Stable Diffusion 2.1's has none).
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Whether DDIM's last step ends at no noise at all instead of at timestep 0's.
    pub set_alpha_to_one: bool,
    /// Whether DDIM clamps the predicted clean latents to ±`clip_sample_range` at every step.
    pub clip_sample: bool,
    /// See `clip_sample`; positive.
    pub clip_sample_range: f64,
    /// Whether the schedule is rescaled to end in pure noise (algorithm 1 of Lin et al. 2023).
    pub rescale_betas_zero_snr: bool,
    /// Dynamic thresholding; must be false.
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
    /// What diffusers' `DDIMScheduler` takes for a field that the file does not have.
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
            clip_sample: true,
            clip_sample_range: 1.0,
            rescale_betas_zero_snr: false,
            thresholding: false,
        }
    }

    /// ᾱ of every training timestep, from 0: the share of the latents' variance that is signal there.
    ///
    /// Latents at timestep t are √ᾱ·x₀ + √(1 − ᾱ)·ε. A model that computes its answer, instead of
    /// having learnt it, needs this in [`Backend::predict`](crate::Backend::predict).
    ///
    /// # Errors
    /// Those of [`validate`](Self::validate).
    pub fn alphas_cumprod(&self) -> Result<Vec<f32>, SamplerError> {
        self.validate()?;
        Ok(alphas_cumprod(self))
    }

    /// Whether a walk can have so many steps.
    pub(super) fn check_steps(&self, steps: usize) -> Result<(), SamplerError> {
        let most = self.num_train_timesteps;
        match (1..=most).contains(&steps) {
            true => Ok(()),
            false => Err(SamplerError::Steps { steps, most }),
        }
    }

    /// Checks every field's range.
    ///
    /// # Errors
    /// The [`SamplerError`] of the first rule broken.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_diffusers() {
        assert_eq!("scaled_linear".parse(), Ok(BetaSchedule::ScaledLinear));
        assert_eq!(PredictionType::VPrediction.to_string(), "v_prediction");
        let error = "karras".parse::<TimestepSpacing>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "timestep_spacing \"karras\" is unknown, must be one of leading, linspace, trailing"
        );
    }

    #[test]
    fn signal_is_told_of_every_timestep() {
        let alphas = NoiseScheduleConfig::default().alphas_cumprod().unwrap();
        assert_eq!(alphas.len(), 1000);
        // As Stable Diffusion has them: 1 − β at first, 0.0047 at last.
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
}
