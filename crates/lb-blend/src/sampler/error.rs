//! What no sampler can follow, one variant per broken rule.

/// A noise schedule or a step count that no sampler can follow.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplerError {
    /// The training schedule's length is zero or absurd.
    #[error("num_train_timesteps is {value}, must be in 1..={most}")]
    TrainTimesteps {
        /// What the configuration says.
        value: usize,
        /// The longest schedule accepted.
        most: usize,
    },
    /// More steps than the training schedule has, or none.
    #[error("{steps} steps asked for, must be in 1..={most} (num_train_timesteps)")]
    Steps {
        /// Steps asked for.
        steps: usize,
        /// The training schedule's length.
        most: usize,
    },
    /// As many steps as training timesteps, under a spacing that divides them by one more.
    #[error(
        "{steps} steps asked for, must be at most {most} for DPM-Solver++ under leading \
         timestep_spacing, which divides num_train_timesteps by steps + 1"
    )]
    LeadingSteps {
        /// Steps asked for.
        steps: usize,
        /// The most there can be.
        most: usize,
    },
    /// `steps_offset` shifts every timestep beyond the training schedule.
    #[error("steps_offset is {value}, must be in 0..={most}")]
    StepsOffset {
        /// What the configuration says.
        value: usize,
        /// The largest offset accepted.
        most: usize,
    },
    /// `beta_start` or `beta_end` is not in (0, 1), or they are out of order.
    #[error("beta_start {start} and beta_end {end} must satisfy 0 < beta_start <= beta_end < 1")]
    BetaRange {
        /// `beta_start`.
        start: f64,
        /// `beta_end`.
        end: f64,
    },
    /// `trained_betas` has another length than the training schedule.
    #[error("trained_betas has {actual} entries, num_train_timesteps is {expected}")]
    TrainedBetasLength {
        /// Its length.
        actual: usize,
        /// `num_train_timesteps`.
        expected: usize,
    },
    /// An entry of `trained_betas` is not in (0, 1).
    #[error("trained_betas[{index}] is {value}, must be in (0, 1)")]
    TrainedBeta {
        /// Which entry.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// `clip_sample_range` is not a positive number.
    #[error("clip_sample_range is {value}, must be a positive number")]
    ClipRange {
        /// What the configuration says.
        value: f64,
    },
    /// Dynamic thresholding, which is meant for models that work on pixels.
    #[error("thresholding is true; dynamic thresholding is unsuitable for latents and unsupported")]
    Thresholding,
    /// The schedule is pure noise at a step, where the noise alone (epsilon) says nothing about
    /// the picture.
    #[error(
        "the noise schedule has no signal left at timestep {timestep} (rescale_betas_zero_snr): \
         prediction_type must be v_prediction or sample there, not epsilon"
    )]
    NoSignal {
        /// The timestep.
        timestep: u32,
    },
    /// The βs are lost in float32's rounding at a step that divides by the noise they should add.
    #[error(
        "the noise schedule has no noise at timestep {timestep}: its betas are too small for \
         DPM-Solver++"
    )]
    NoNoise {
        /// The timestep.
        timestep: u32,
    },
    /// A step whose end says nothing about its start.
    #[error(
        "the step at timestep {timestep} cannot be inverted: under prediction_type sample and \
         set_alpha_to_one it leaves nothing of the latents that it starts from"
    )]
    NotInvertible {
        /// The timestep.
        timestep: u32,
    },
    /// A timestep that the training schedule does not have.
    #[error("timestep {timestep} does not exist, must be in 0..={most}")]
    Timestep {
        /// The timestep.
        timestep: usize,
        /// The last one there is.
        most: usize,
    },
    /// More or fewer values of noise than values to be noised.
    #[error("noise: {actual} values, expected {expected}")]
    NoiseLength {
        /// How many there are.
        actual: usize,
        /// How many there must be.
        expected: usize,
    },
    /// A name that is none of the known values of a `scheduler_config.json` field.
    #[error("{field} {value:?} is unknown, must be one of {allowed}")]
    UnknownName {
        /// The field.
        field: &'static str,
        /// The value found.
        value: String,
        /// The known values.
        allowed: &'static str,
    },
}
