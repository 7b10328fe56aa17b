//! How a pipeline runs.

use crate::device::SessionOptions;
use crate::error::ModelError;
use crate::vae::DecodeTiling;

/// How a [`Pipeline`](crate::Pipeline) runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PipelineOptions {
    /// Device and threads of its sessions.
    pub session: SessionOptions,
    /// Most rows of one model call; `None` chooses by the size of the latents.
    pub batch_limit: Option<usize>,
    /// Noise on an upscaler's picture of low resolution, as a timestep of its schedule: more lets
    /// the model invent more. Other kinds of model have no use for it.
    pub noise_level: usize,
    /// When and how latents are decoded in tiles.
    pub tiling: DecodeTiling,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        Self {
            session: SessionOptions::default(),
            batch_limit: None,
            noise_level: Self::DEFAULT_NOISE_LEVEL,
            tiling: DecodeTiling::default(),
        }
    }
}

impl PipelineOptions {
    /// diffusers' `StableDiffusionUpscalePipeline` takes the same.
    pub const DEFAULT_NOISE_LEVEL: usize = 20;

    /// Checks the ranges that do not depend on the model.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for a batch limit of 0 or above 4096, and those of
    /// [`SessionOptions::validate`] and [`DecodeTiling::validate`].
    pub fn validate(&self) -> Result<(), ModelError> {
        self.session.validate()?;
        self.tiling.validate()?;
        match self.batch_limit {
            Some(limit) if limit == 0 || limit > 4096 => Err(ModelError::Setting {
                setting: "batch limit",
                found: limit.to_string(),
                allowed: "1 to 4096",
            }),
            _ => Ok(()),
        }
    }
}
