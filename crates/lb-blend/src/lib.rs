//! Latent blending over any diffusion model.
#![forbid(unsafe_code)]

mod backend;
mod engine;
mod error;
mod guide;
mod latents;
mod mix;
pub mod noise;
mod observe;
mod sampler;

pub use backend::{Backend, Conditioning, PredictRequest};
pub use engine::{
    BlendOptions, BlendStatistics, Blended, BlendedFrame, Keyframe, SpacingDistance, blend,
};
pub use error::{BackendError, BlendError, SamplerError, ShapeError};
pub use latents::{LatentShape, Latents};
pub use mix::{lerp, slerp};
pub use observe::{Branch, Observer, Phase, StepProgress};
pub use sampler::{
    BetaSchedule, DdimSampler, NoiseScheduleConfig, PredictionType, TimestepSpacing,
};
