//! Turning denoised latents into computed frames, before they go to the sinks.

use image::RgbImage;
use lb_blend::{BlendedFrame, Latents};

use crate::cached_pipeline::{CachedDecoder, CachedPipeline};
use crate::error::RenderError;
use crate::modes::Mode;
use crate::picture_keyframes::KeyframePictures;
use crate::summary::Reconstruction;

/// Decodes latents, restores the kept part of an inpainted picture, and replaces keyframes that are
/// pictures by the exact pictures.
pub(crate) struct FrameDecoder {
    decoder: CachedDecoder,
    mode: Mode,
    pictures: KeyframePictures,
    /// Half of the width of a latent, in pixels.
    radius: usize,
    pub(crate) counts: DecodeCounts,
}

/// What was counted while decoding.
#[derive(Default)]
pub(crate) struct DecodeCounts {
    /// Pictures that were decoded.
    pub(crate) decoded: usize,
    /// Pictures that were in the cache.
    pub(crate) reused: usize,
    /// How close keyframes come to the pictures from which they were inverted, in film order.
    pub(crate) reconstructions: Vec<Reconstruction>,
}

impl FrameDecoder {
    pub(crate) fn new(pipeline: &CachedPipeline, mode: Mode, pictures: KeyframePictures) -> Self {
        Self {
            decoder: pipeline.decoder(),
            mode,
            pictures,
            radius: pipeline.uncached.directory().pixels_per_latent / 2,
            counts: DecodeCounts::default(),
        }
    }

    /// The picture of a keyframe. If it was inverted from a picture, this also returns how close it
    /// comes to it.
    pub(crate) fn keyframe(
        &mut self,
        index: usize,
        latents: &Latents,
    ) -> Result<(RgbImage, Option<Reconstruction>), RenderError> {
        let decoded = self.decode(&[latents])?.remove(0);
        let (picture, reconstruction) = self.pictures.keyframe(index, latents, decoded)?;
        self.counts.reconstructions.extend(reconstruction);
        Ok((picture, reconstruction))
    }

    /// The pictures of these frames of a transition.
    pub(crate) fn frames(
        &mut self,
        transition: usize,
        frames: &[&BlendedFrame],
    ) -> Result<Vec<RgbImage>, RenderError> {
        let latents: Vec<&Latents> = frames.iter().map(|frame| &frame.latents).collect();
        let decoded = self.decode(&latents)?.into_iter().zip(frames);
        let (pictures, radius) = (&self.pictures, self.radius);
        decoded
            .map(|(decoded, frame)| pictures.frame(transition, frame.fraction, decoded, radius))
            .collect()
    }

    /// Forgets what no transition after this one needs.
    pub(crate) fn finish_transition(&mut self, transition: usize) {
        self.pictures.finish_transition(transition);
    }

    fn decode(&mut self, latents: &[&Latents]) -> Result<Vec<RgbImage>, RenderError> {
        let decoded = self.decoder.decode(latents)?;
        self.counts.reused += decoded.found;
        self.counts.decoded += decoded.values.len() - decoded.found;
        let pictures = decoded.values.into_iter();
        pictures.map(|picture| self.mode.finish(picture)).collect()
    }
}
