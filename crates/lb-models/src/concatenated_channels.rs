//! The channels that a UNet takes beside the latents
//! ([`Keyframe::concatenated`](lb_blend::Keyframe::concatenated)), made from what users give a model
//! beside text: a mask and a picture, a depth map, or a picture of low resolution.
//!
//! The arithmetic is that of diffusers' pipelines, in pure functions; [`Pipeline`](crate::Pipeline)
//! applies them with its own sizes, noise level and autoencoder.

mod depth;
mod inpaint;
mod upscale;

use lb_blend::{LatentShape, Latents};

pub use self::depth::depth_channel;
pub use self::inpaint::{MaskedPicture, masked_picture};
pub use self::upscale::{UpscaleNoise, low_res_channels};
use crate::error::ModelError;

/// Channels of this shape, which `values` were made for.
pub(crate) fn channels_of(shape: LatentShape, values: Vec<f32>) -> Result<Latents, ModelError> {
    let found = format!("{} values", values.len());
    Latents::from_values(shape, values)
        .map_err(|_| ModelError::shape("concatenated channels", found, shape))
}
