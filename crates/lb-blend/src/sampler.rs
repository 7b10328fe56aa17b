//! From noise to clean latents: the noise schedule a model was trained with, and the walk down it.

mod betas;
mod config;
mod ddim;
mod error;
mod timesteps;

pub use config::{BetaSchedule, NoiseScheduleConfig, PredictionType, TimestepSpacing};
pub use ddim::DdimSampler;
pub use error::SamplerError;
