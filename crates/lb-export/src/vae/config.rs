//! The settings of `AutoencoderKL` that Stable Diffusion 1 and 2 models use.

use serde_json::json;

use crate::config::Config;
use crate::error::ExportError;
use crate::layers::GroupNorm;

/// diffusers fixes this, whatever the configuration says.
const NORM_EPSILON: f64 = 1e-6;

/// The network's shape; names, defaults and meanings are those of diffusers.
#[derive(Clone, Debug)]
pub(crate) struct VaeConfig {
    pub(crate) in_channels: usize,
    pub(crate) out_channels: usize,
    pub(crate) latent_channels: usize,
    /// From the highest resolution to the lowest.
    pub(crate) block_channels: Vec<usize>,
    /// Of the encoder's blocks; the decoder's have one more.
    pub(crate) layers: usize,
    pub(crate) mid_attention: bool,
    pub(crate) quantization: bool,
    pub(crate) post_quantization: bool,
    norm_groups: usize,
}

impl VaeConfig {
    /// Reads and checks the settings.
    pub(crate) fn read(config: &Config) -> Result<Self, ExportError> {
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
    pub(crate) fn deepest_channels(&self) -> usize {
        self.block_channels[self.block_channels.len() - 1]
    }

    /// Whether the decoder's activations overflow 16-bit floats.
    ///
    /// Stability's notes say so of the x4 upscaler's, which is the one with factor 4 (three
    /// resolutions). The setting `force_upcast` does not tell: diffusers writes it as true for
    /// every autoencoder.
    pub(crate) fn decodes_in_float32_only(&self) -> bool {
        self.block_channels.len() == 3
    }

    pub(crate) fn norm(&self) -> GroupNorm {
        GroupNorm {
            groups: self.norm_groups,
            epsilon: NORM_EPSILON,
        }
    }
}
