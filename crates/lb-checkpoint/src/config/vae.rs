//! The settings of `AutoencoderKL` that Stable Diffusion 1 and 2 models use.

use serde::Deserialize;
use serde_json::json;

use super::file::{ConfigFile, block_channels};
use super::values::{EachBlock, Size};
use crate::error::CheckpointError;

/// The shape of an autoencoder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VaeConfig {
    /// Channels of the pictures that the encoder takes.
    pub in_channels: usize,
    /// Channels of the pictures that the decoder makes.
    pub out_channels: usize,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Channels of the features, from the highest resolution to the lowest.
    pub block_channels: Vec<usize>,
    /// Number of residual blocks at each resolution of the encoder. The decoder has one more at each.
    pub layers: usize,
    /// Whether the middle block contains attention.
    pub mid_attention: bool,
    /// Whether a 1×1 convolution follows the encoder.
    pub quantization: bool,
    /// Whether a 1×1 convolution precedes the decoder.
    pub post_quantization: bool,
    /// Number of groups in each group norm. It divides all channel counts.
    pub norm_groups: usize,
}

/// The only type of block that the encoder may have.
#[derive(Clone, Copy, Deserialize)]
enum EncoderBlock {
    DownEncoderBlock2D,
}

/// The only type of block that the decoder may have.
#[derive(Clone, Copy, Deserialize)]
enum DecoderBlock {
    UpDecoderBlock2D,
}

/// The settings, with the names that diffusers uses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    block_out_channels: EachBlock<Size>,
    down_block_types: EachBlock<EncoderBlock>,
    in_channels: Option<Size>,
    latent_channels: Option<Size>,
    layers_per_block: Option<Size>,
    mid_block_add_attention: Option<bool>,
    norm_num_groups: Option<Size>,
    out_channels: Option<Size>,
    up_block_types: EachBlock<DecoderBlock>,
    use_post_quant_conv: Option<bool>,
    use_quant_conv: Option<bool>,
}

impl VaeConfig {
    /// Reads and validates the settings. Settings that are absent have diffusers' defaults, except for the
    /// blocks, which every published model lists.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] for the first setting that is wrong or not supported.
    pub fn read(config: &ConfigFile) -> Result<Self, CheckpointError> {
        config.require_off("act_fn", &json!("silu"))?;
        let settings: Settings = config.parse()?;
        let norm_groups = Size::or(settings.norm_num_groups, 32);
        let block_channels = block_channels(config, &settings.block_out_channels, norm_groups)?;
        let blocks = block_channels.len();
        let types = |key, count, word| {
            config.require(key, count == blocks, || {
                format!("a list of {blocks}, each \"{word}\"")
            })
        };
        let (down, up) = (settings.down_block_types.0, settings.up_block_types.0);
        types("down_block_types", down.len(), "DownEncoderBlock2D")?;
        types("up_block_types", up.len(), "UpDecoderBlock2D")?;
        Ok(Self {
            in_channels: Size::or(settings.in_channels, 3),
            out_channels: Size::or(settings.out_channels, 3),
            latent_channels: Size::or(settings.latent_channels, 4),
            block_channels,
            layers: Size::or(settings.layers_per_block, 1),
            mid_attention: settings.mid_block_add_attention.unwrap_or(true),
            quantization: settings.use_quant_conv.unwrap_or(true),
            post_quantization: settings.use_post_quant_conv.unwrap_or(true),
            norm_groups,
        })
    }

    /// Returns the number of channels at the lowest resolution.
    #[must_use]
    pub fn deepest_channels(&self) -> usize {
        self.block_channels[self.block_channels.len() - 1]
    }

    /// Whether the decoder's activations overflow 16-bit floats.
    ///
    /// According to Stability AI's notes, those of the x4 upscaler's decoder do. It is recognised by its
    /// three resolutions (a factor of 4). The setting `force_upcast` does not distinguish it, because
    /// diffusers sets it to true for every autoencoder.
    #[must_use]
    pub fn decodes_in_float32_only(&self) -> bool {
        self.block_channels.len() == 3
    }
}
