//! What is said about the inputs of other models.

use std::path::PathBuf;

use super::SettingsError;
use crate::{Inpaint, Upscale};

/// What is said about inpainting; see [`Inpaint`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct InpaintSettings {
    /// See [`Inpaint::image`].
    pub image: Option<PathBuf>,
    /// See [`Inpaint::mask`].
    pub mask: Option<PathBuf>,
    /// See [`Inpaint::feather`].
    pub feather: Option<f64>,
}

impl InpaintSettings {
    pub(super) fn over(self, lower: Self) -> Self {
        Self {
            image: self.image.or(lower.image),
            mask: self.mask.or(lower.mask),
            feather: self.feather.or(lower.feather),
        }
    }

    pub(super) fn resolve(&self) -> Result<Option<Inpaint>, SettingsError> {
        let missing = |missing| Err(SettingsError::InpaintIncomplete { missing });
        match (&self.image, &self.mask, self.feather) {
            (None, None, None) => Ok(None),
            (None, ..) => missing("image"),
            (_, None, _) => missing("mask"),
            (Some(image), Some(mask), feather) => Ok(Some(Inpaint {
                image: image.clone(),
                mask: mask.clone(),
                feather: feather.unwrap_or(Inpaint::FEATHER),
            })),
        }
    }
}

/// What is said about the second stage; see [`Upscale`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UpscaleSettings {
    /// See [`Upscale::model`].
    pub model: Option<String>,
    /// See [`Upscale::steps`].
    pub steps: Option<usize>,
    /// See [`Upscale::frames`].
    pub frames: Option<usize>,
    /// See [`Upscale::depth_strength`].
    pub depth_strength: Option<f64>,
    /// See [`Upscale::noise_level`].
    pub noise_level: Option<usize>,
    /// See [`Upscale::seed`].
    pub seed: Option<u64>,
}

impl UpscaleSettings {
    pub(super) fn over(self, lower: Self) -> Self {
        Self {
            model: self.model.or(lower.model),
            steps: self.steps.or(lower.steps),
            frames: self.frames.or(lower.frames),
            depth_strength: self.depth_strength.or(lower.depth_strength),
            noise_level: self.noise_level.or(lower.noise_level),
            seed: self.seed.or(lower.seed),
        }
    }

    /// The second stage, with defaults for whatever is not said; `None` where nothing is.
    ///
    /// # Errors
    /// [`SettingsError::UpscaleWithoutModel`].
    pub fn resolve(&self) -> Result<Option<Upscale>, SettingsError> {
        let Some(model) = &self.model else {
            return if *self == Self::default() {
                Ok(None)
            } else {
                Err(SettingsError::UpscaleWithoutModel)
            };
        };
        let default = Upscale::with_model(model);
        Ok(Some(Upscale {
            steps: self.steps.unwrap_or(default.steps),
            frames: self.frames.unwrap_or(default.frames),
            depth_strength: self.depth_strength.unwrap_or(default.depth_strength),
            noise_level: self.noise_level.unwrap_or(default.noise_level),
            seed: self.seed.unwrap_or(default.seed),
            ..default
        }))
    }
}
