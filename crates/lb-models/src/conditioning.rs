//! What users give a model beside text, made into the channels that its UNet takes beside the
//! latents ([`Keyframe::concatenated`](lb_blend::Keyframe::concatenated)).
//!
//! The arithmetic is that of diffusers' pipelines, in pure functions; [`Pipeline`] applies them
//! with its own sizes, noise level and autoencoder.

mod depth;
mod inpaint;
mod upscale;

use image::RgbImage;
use lb_blend::{LatentShape, Latents};

pub use self::depth::depth_channel;
pub use self::inpaint::{MaskedPicture, masked_picture};
pub use self::upscale::{UpscaleNoise, low_res_channels};
use crate::error::ModelError;
use crate::kind::ModelKind;
use crate::picture::GrayPicture;
use crate::pipeline::Pipeline;

impl Pipeline {
    /// The 5 concatenated channels of an inpainting model: the mask, then the latents of `source`
    /// without what is repainted. Both pictures must have this pipeline's size.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`] for another kind of model, those of [`masked_picture`], and
    /// [`ModelError`] where the VAE encoder cannot be loaded or run.
    pub fn inpaint_channels(
        &mut self,
        source: &RgbImage,
        mask: &GrayPicture,
    ) -> Result<Latents, ModelError> {
        self.directory()
            .require_kind(ModelKind::Inpaint, "a mask")?;
        let shape = self.latent_shape();
        let step = self.directory().pixels_per_latent();
        let masked = masked_picture(source, mask, shape, step)?;
        let encoded = self.encode_planes(&[masked.planes])?;
        let mut values = masked.mask;
        values.extend(encoded.iter().flat_map(Latents::values));
        let channels = ModelKind::Inpaint.concatenated_channels(shape.channels);
        latents(shape.with_channels(channels), values)
    }

    /// The concatenated channel of a depth model, from a map of any size.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`] for another kind of model, and those of [`depth_channel`].
    pub fn depth_channel(&self, map: &GrayPicture) -> Result<Latents, ModelError> {
        self.directory()
            .require_kind(ModelKind::Depth, "a depth map")?;
        depth_channel(map, self.latent_shape())
    }

    /// The noise of an upscaled film: what all its pictures start from, and what is added to all
    /// its pictures of low resolution.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`] for another kind of model.
    pub fn upscale_noise(&self, seed: u64) -> Result<UpscaleNoise, ModelError> {
        self.directory().upscaler()?;
        UpscaleNoise::seeded(seed, self.latent_shape())
    }

    /// The 3 concatenated channels of an upscaler: a picture of low resolution (a quarter of this
    /// pipeline's width and height), as noisy as the pipeline's noise level says.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`] for another kind of model, and those of [`low_res_channels`].
    pub fn low_res_channels(
        &self,
        picture: &RgbImage,
        noise: &UpscaleNoise,
    ) -> Result<Latents, ModelError> {
        let schedule = &self.directory().upscaler()?.low_res_schedule;
        low_res_channels(picture, &noise.low_res, schedule, self.noise_level())
    }
}

/// Latents of a shape for which `values` were made.
fn latents(shape: LatentShape, values: Vec<f32>) -> Result<Latents, ModelError> {
    let length = values.len();
    Latents::from_values(shape, values).map_err(|_| ModelError::Shape {
        what: "concatenated channels".into(),
        found: format!("{length} values"),
        expected: format!("{shape}"),
    })
}
