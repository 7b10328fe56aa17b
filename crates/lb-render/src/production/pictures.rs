//! Pictures as keyframes: what the film shows of them.

use std::sync::Arc;

use image::RgbImage;
use lb_blend::Latents;

use super::{Production, proceed};
use crate::error::RenderError;
use crate::modes::KeyframePictures;
use crate::observe::{RenderEvent, RenderObserver};
use crate::summary::Reconstruction;

impl Production {
    /// The pictures that the film shows at their keyframes.
    pub(crate) fn set_pictures(&mut self, pictures: KeyframePictures) {
        self.pictures = Some(pictures);
    }

    /// How close the keyframes come to their pictures.
    pub(crate) fn take_reconstructions(&mut self) -> Vec<Reconstruction> {
        std::mem::take(&mut self.reconstructions)
    }

    /// What the film shows at a keyframe of which `made` was decoded.
    pub(super) fn exact(
        &mut self,
        index: usize,
        latents: &Latents,
        made: RgbImage,
        observer: &mut dyn RenderObserver,
    ) -> Result<Arc<RgbImage>, RenderError> {
        let Some(pictures) = &mut self.pictures else {
            return Ok(Arc::new(made));
        };
        let (picture, reconstruction) = pictures.keyframe(index, latents, made)?;
        if let Some(reconstruction) = reconstruction {
            proceed(observer.event(&RenderEvent::Reconstructed(&reconstruction)))?;
            self.reconstructions.push(reconstruction);
        }
        Ok(picture)
    }

    /// What the film shows between keyframes where `made` was decoded.
    pub(super) fn restored(
        &self,
        transition: usize,
        fraction: f64,
        made: RgbImage,
    ) -> Result<RgbImage, RenderError> {
        match &self.pictures {
            Some(pictures) => pictures.frame(transition, fraction, made, self.radius),
            None => Ok(made),
        }
    }
}
