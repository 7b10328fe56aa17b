//! What no sampler can follow, one variant for each broken rule.

/// A noise schedule or a step count that no sampler can follow.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values in the message")]
pub enum SamplerError {
    /// The training schedule's length is zero or absurd.
    #[error("num_train_timesteps is {value}, must be in 1..={most}")]
    TrainTimesteps { value: usize, most: usize },
    /// There are more steps than the training schedule has, or none.
    #[error("{steps} steps asked for, must be in 1..={most} (num_train_timesteps)")]
    Steps { steps: usize, most: usize },
    /// There are as many steps as training timesteps, under a spacing that divides by one more.
    #[error(
        "{steps} steps asked for, must be at most {most} for DPM-Solver++ under leading \
         timestep_spacing, which divides num_train_timesteps by steps + 1"
    )]
    LeadingSteps { steps: usize, most: usize },
    /// `steps_offset` shifts every timestep beyond the training schedule.
    #[error("steps_offset is {value}, must be in 0..={most}")]
    StepsOffset { value: usize, most: usize },
    /// `beta_start` or `beta_end` is not in (0, 1), or they are out of order.
    #[error("beta_start {start} and beta_end {end} must satisfy 0 < beta_start <= beta_end < 1")]
    BetaRange { start: f64, end: f64 },
    /// `trained_betas` has another length than the training schedule.
    #[error("trained_betas has {actual} entries, num_train_timesteps is {expected}")]
    TrainedBetasLength { actual: usize, expected: usize },
    /// An entry of `trained_betas` is not in (0, 1).
    #[error("trained_betas[{index}] is {value}, must be in (0, 1)")]
    TrainedBeta { index: usize, value: f64 },
    /// `clip_sample_range` is not a positive number.
    #[error("clip_sample_range is {value}, must be a positive number")]
    ClipRange { value: f64 },
    /// Dynamic thresholding is on, which is meant for models that work on pixels.
    #[error("thresholding is true; dynamic thresholding is unsuitable for latents and unsupported")]
    Thresholding,
    /// The schedule is pure noise at a step. There the noise alone (epsilon) does not determine the
    /// picture.
    #[error(
        "the noise schedule has no signal left at timestep {timestep} (rescale_betas_zero_snr): \
         prediction_type must be v_prediction or sample there, not epsilon"
    )]
    NoSignal { timestep: u32 },
    /// The βs are lost in float32's rounding at a step that divides by the noise they should add.
    #[error(
        "the noise schedule has no noise at timestep {timestep}: its betas are too small for \
         DPM-Solver++"
    )]
    NoNoise { timestep: u32 },
    /// The end of a step does not depend on its start.
    #[error(
        "the step at timestep {timestep} cannot be inverted: under prediction_type sample and \
         set_alpha_to_one it leaves nothing of the latents that it starts from"
    )]
    NotInvertible { timestep: u32 },
    /// The training schedule does not have this timestep.
    #[error("timestep {timestep} does not exist, must be in 0..={most}")]
    Timestep { timestep: usize, most: usize },
    /// There are more or fewer values of noise than values to which it is added.
    #[error("noise: {actual} values, expected {expected}")]
    NoiseLength { actual: usize, expected: usize },
}
