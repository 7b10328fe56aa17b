//! The settings of `AutoencoderKL` that Stable Diffusion 1 and 2 models use.

use serde_json::json;

use super::ConfigFile;
use crate::error::CheckpointError;

/// The shape of an autoencoder. Names, defaults and meanings of the settings are those of diffusers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VaeConfig {
    /// Channels of the encoder's pictures.
    pub in_channels: usize,
    /// Channels of the decoder's pictures.
    pub out_channels: usize,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Channels of the features, from the highest resolution to the lowest.
    pub block_channels: Vec<usize>,
    /// Residual blocks at each resolution of the encoder; the decoder has one more.
    pub layers: usize,
    /// Whether the middle block attends to the picture.
    pub mid_attention: bool,
    /// Whether a convolution follows the encoder.
    pub quantization: bool,
    /// Whether a convolution precedes the decoder.
    pub post_quantization: bool,
    /// Groups of the group norms; they divide all channels.
    pub norm_groups: usize,
}

impl VaeConfig {
    /// Reads and validates the settings.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] for the first setting that is wrong or not supported.
    pub fn read(config: &ConfigFile) -> Result<Self, CheckpointError> {
        config.only("act_fn", json!("silu"))?;
        let block_channels = config.sizes("block_out_channels")?;
        let blocks = block_channels.len();
        config.choices("down_block_types", blocks, &[("DownEncoderBlock2D", ())])?;
        config.choices("up_block_types", blocks, &[("UpDecoderBlock2D", ())])?;
        let norm_groups = config.size("norm_num_groups", Some(32))?;
        config.require(
            "block_out_channels",
            block_channels
                .iter()
                .all(|channels| channels % norm_groups == 0),
            || format!("multiples of \"norm_num_groups\" ({norm_groups})"),
        )?;
        Ok(Self {
            in_channels: config.size("in_channels", Some(3))?,
            out_channels: config.size("out_channels", Some(3))?,
            latent_channels: config.size("latent_channels", Some(4))?,
            block_channels,
            layers: config.size("layers_per_block", Some(1))?,
            mid_attention: config.flag("mid_block_add_attention", true)?,
            quantization: config.flag("use_quant_conv", true)?,
            post_quantization: config.flag("use_post_quant_conv", true)?,
            norm_groups,
        })
    }

    /// Channels at the lowest resolution.
    #[must_use]
    pub fn deepest_channels(&self) -> usize {
        self.block_channels[self.block_channels.len() - 1]
    }

    /// Whether the decoder's activations overflow 16-bit floats.
    ///
    /// Stability's notes say so about the x4 upscaler's decoder, which is the one with factor 4
    /// (three resolutions). The setting `force_upcast` does not help: diffusers writes it as true
    /// for every autoencoder.
    #[must_use]
    pub fn decodes_in_float32_only(&self) -> bool {
        self.block_channels.len() == 3
    }
}
