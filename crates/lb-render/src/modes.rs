//! The modes of a film: from prompts alone, inpainted, or following a depth map.

mod composite;
mod fit;
mod inpaint;

use image::RgbImage;
use lb_blend::Latents;
use lb_job::Job;
use lb_models::{GreyPicture, ModelDirectory, ModelKind};

pub(crate) use self::fit::fit_picture;
use self::fit::read_grey_picture;
use self::inpaint::InpaintPictures;
use crate::cached_pipeline::CachedPipeline;
use crate::error::RenderError;

/// A film's mode. Its pictures have been read and fitted.
#[derive(Debug)]
pub(crate) enum Mode {
    /// The film follows prompts alone.
    Text,
    /// A part of a picture is repainted.
    Inpaint(InpaintPictures),
    /// The film follows a depth map. The map may have any size, because it is stretched to the size of
    /// the latents, as in the training of the model.
    Depth(GreyPicture),
}

impl Mode {
    /// Checks that the model is of the kind that the job needs.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`](lb_models::ModelError::WrongKind) if it is not, and
    /// [`RenderError::TwoModes`].
    pub(crate) fn check(job: &Job, directory: &ModelDirectory) -> Result<(), RenderError> {
        let (kind, what) = match (&job.inpaint, &job.depth) {
            (Some(_), Some(_)) => return Err(RenderError::TwoModes),
            (Some(_), None) => (ModelKind::Inpaint, "a mask"),
            (None, Some(_)) => (ModelKind::Depth, "a depth map"),
            (None, None) => (ModelKind::TextToImage, "a film of prompts alone"),
        };
        Ok(directory.require_kind(kind, what)?)
    }

    /// Checks the job against the model and reads the pictures that the job names, for a film of
    /// this width and height. No part of the model is loaded.
    ///
    /// # Errors
    /// Those of [`Self::check`], and errors for pictures that cannot be read or do not fit.
    pub(crate) fn read(
        job: &Job,
        directory: &ModelDirectory,
        size: (usize, usize),
    ) -> Result<Self, RenderError> {
        Self::check(job, directory)?;
        if let Some(inpaint) = &job.inpaint {
            let pictures = InpaintPictures::read(inpaint, size, job.fit)?;
            return Ok(Self::Inpaint(pictures));
        }
        match &job.depth {
            Some(map) => Ok(Self::Depth(read_grey_picture(&map.image)?)),
            None => Ok(Self::Text),
        }
    }

    /// The concatenated channels of every keyframe.
    pub(crate) fn channels(
        &self,
        pipeline: &mut CachedPipeline,
    ) -> Result<Option<Latents>, RenderError> {
        Ok(match self {
            Self::Text => None,
            Self::Inpaint(pictures) => {
                Some(pipeline.inpaint_channels(&pictures.source, &pictures.mask)?)
            }
            Self::Depth(map) => Some(pipeline.uncached.depth_channel(map)?),
        })
    }

    /// A decoded picture as the film shows it.
    pub(crate) fn finish(&self, picture: RgbImage) -> Result<RgbImage, RenderError> {
        match self {
            Self::Inpaint(pictures) => Ok(pictures.kept.over(picture)?),
            Self::Text | Self::Depth(_) => Ok(picture),
        }
    }
}
