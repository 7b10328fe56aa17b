//! What a film shows the model beside its prompts, and what becomes of finished pictures.

mod composite;
mod depth;
mod fit;
mod inpaint;
mod picture;
pub(crate) mod upscale;

use std::path::Path;

use image::RgbImage;
use lb_blend::Latents;
use lb_models::{GrayPicture, ModelDirectory, ModelKind, Pipeline};

use self::inpaint::InpaintPictures;
pub use self::picture::film_size;
pub(crate) use self::picture::{Inversion, KeyframePictures};
use crate::error::RenderError;
use crate::reuse::Reuse;
use lb_job::Job;

/// Reads a mask or a depth map in the form that the pipeline takes.
fn read_grey_picture(path: &Path) -> Result<GrayPicture, RenderError> {
    let picture = lb_video::read_grey_picture(path)?;
    Ok(GrayPicture {
        width: picture.width() as usize,
        height: picture.height() as usize,
        values: picture.into_raw(),
    })
}

/// A film's mode, its pictures read and fitted.
#[derive(Debug)]
pub(crate) enum Mode {
    /// Prompts alone.
    Text,
    /// A picture of which a part is repainted.
    Inpaint(InpaintPictures),
    /// A map of what is near and what is far.
    Depth(GrayPicture),
}

impl Mode {
    /// Checks the job against the model and reads the pictures that the job names, for a film of
    /// this width and height. No part of the model is loaded.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`](lb_models::ModelError::WrongKind) for a model of another kind than
    /// the job needs, [`RenderError::TwoModes`], and for pictures that cannot be read or do not fit.
    pub(crate) fn read(
        job: &Job,
        directory: &ModelDirectory,
        size: (usize, usize),
    ) -> Result<Self, RenderError> {
        match (&job.inpaint, &job.depth) {
            (Some(_), Some(_)) => Err(RenderError::TwoModes),
            (Some(inpaint), None) => {
                directory.require_kind(ModelKind::Inpaint, "a mask")?;
                Ok(Self::Inpaint(InpaintPictures::read(
                    inpaint, size, job.fit,
                )?))
            }
            (None, Some(map)) => {
                directory.require_kind(ModelKind::Depth, "a depth map")?;
                Ok(Self::Depth(depth::read(map)?))
            }
            (None, None) => {
                directory.require_kind(ModelKind::TextToImage, "a film of prompts alone")?;
                Ok(Self::Text)
            }
        }
    }

    /// The channels that the model sees beside every keyframe's latents.
    ///
    /// # Errors
    /// Where a mask asks for no inpainting, and where the VAE encoder cannot be loaded or run.
    pub(crate) fn channels(
        &self,
        pipeline: &mut Pipeline,
        reuse: &Reuse,
    ) -> Result<Option<Latents>, RenderError> {
        Ok(match self {
            Self::Text => None,
            Self::Inpaint(pictures) => Some(pictures.channels(pipeline, reuse)?),
            Self::Depth(map) => Some(pipeline.depth_channel(map)?),
        })
    }

    /// A decoded picture as the film shows it.
    ///
    /// # Errors
    /// [`RenderError::Video`] for a picture of another size than the film's.
    pub(crate) fn finish(&self, picture: RgbImage) -> Result<RgbImage, RenderError> {
        match self {
            Self::Inpaint(pictures) => pictures.finish(picture),
            Self::Text | Self::Depth(_) => Ok(picture),
        }
    }
}
