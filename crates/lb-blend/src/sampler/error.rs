//! Why a sampler cannot be made, with one variant for each broken rule.

/// Why no sampler or inversion can be made of a noise schedule and a number of steps, or why
/// [`add_noise`](crate::add_noise) cannot add noise.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values in the message")]
pub enum SamplerError {
    #[error("num_train_timesteps is {value}, must be in 1..={most}")]
    TrainTimesteps { value: usize, most: usize },
    #[error("{steps} steps asked for, must be in 1..={most} (num_train_timesteps)")]
    Steps { steps: usize, most: usize },
    #[error(
        "{steps} steps asked for, must be at most {most} for DPM-Solver++ under leading \
         timestep_spacing, which divides num_train_timesteps by steps + 1"
    )]
    LeadingSteps { steps: usize, most: usize },
    #[error(
        "{steps} steps asked for, must be at most {most} (original_inference_steps): those with which \
         the model was distilled"
    )]
    OriginalSteps { steps: usize, most: usize },
    #[error("original_inference_steps is {value}, must be in 1..={most} (num_train_timesteps)")]
    OriginalInferenceSteps { value: usize, most: usize },
    #[error("steps_offset is {value}, must be in 0..={most}")]
    StepsOffset { value: usize, most: usize },
    #[error("beta_start {start} and beta_end {end} must satisfy 0 < beta_start <= beta_end < 1")]
    BetaRange { start: f64, end: f64 },
    #[error("trained_betas has {actual} entries, num_train_timesteps is {expected}")]
    TrainedBetasLength { actual: usize, expected: usize },
    #[error("trained_betas[{index}] is {value}, must be in (0, 1)")]
    TrainedBeta { index: usize, value: f64 },
    #[error("clip_sample_range is {value}, must be a positive number")]
    ClipRange { value: f64 },
    #[error("thresholding is true; dynamic thresholding is unsuitable for latents and unsupported")]
    Thresholding,
    #[error(
        "the noise schedule has no signal left at timestep {timestep} (rescale_betas_zero_snr): \
         prediction_type must be v_prediction or sample there, not epsilon"
    )]
    NoSignal { timestep: u32 },
    #[error(
        "the noise schedule has no noise at timestep {timestep}: its betas are too small for \
         DPM-Solver++"
    )]
    NoNoise { timestep: u32 },
    #[error(
        "the step at timestep {timestep} cannot be inverted: under prediction_type sample and \
         set_alpha_to_one it leaves nothing of the latents that it starts from"
    )]
    NotInvertible { timestep: u32 },
    #[error("{sampler} cannot be inverted: a step of it needs what the step before predicted")]
    MultistepInversion { sampler: &'static str },
    #[error("timestep {timestep} does not exist, must be in 0..={most}")]
    Timestep { timestep: usize, most: usize },
    #[error("noise: {actual} values, expected {expected}")]
    NoiseLength { actual: usize, expected: usize },
}
