//! The settings of `UNet2DConditionModel` that Stable Diffusion 1 and 2 models use.
//!
//! Names, defaults and meanings are those of diffusers. Settings that switch on something which
//! is not written here are refused rather than ignored.

use serde_json::{Value as Json, json};

use super::ConfigFile;
use crate::error::CheckpointError;

/// A transformer between the convolutions of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransformerConfig {
    /// Attention heads; they divide the block's channels.
    pub heads: usize,
    /// Number of layers.
    pub layers: usize,
    /// The first attention of each layer attends to the text, as the second does, instead of to the
    /// picture.
    pub only_cross_attention: bool,
}

/// One resolution of the network, on the way down or up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnetBlockConfig {
    /// Channels of the features.
    pub channels: usize,
    /// Number of residual blocks.
    pub layers: usize,
    /// The transformer after each residual block, if there is one.
    pub transformer: Option<TransformerConfig>,
}

/// The shape of a UNet.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UnetConfig {
    /// Channels of the input: those of the latents and those concatenated to them.
    pub in_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// Side of the first convolution's kernel; odd.
    pub conv_in_kernel: usize,
    /// Side of the last convolution's kernel; odd.
    pub conv_out_kernel: usize,
    /// The way down, from the highest resolution to the lowest.
    pub down: Vec<UnetBlockConfig>,
    /// The transformer of the middle block.
    pub mid: TransformerConfig,
    /// The way up, from the lowest resolution to the highest.
    pub up: Vec<UnetBlockConfig>,
    /// Groups of the group norms; they divide all channels.
    pub norm_groups: usize,
    /// Added to variances by the group norms.
    pub norm_epsilon: f64,
    /// Width of the conditioning (`encoder_hidden_states`).
    pub text_width: usize,
    /// Width of the time embedding.
    pub time_width: usize,
    /// Whether cosines come before sines in the timestep's embedding.
    pub flip_sin_to_cos: bool,
    /// Subtracted from the number of frequencies in the timestep's embedding.
    pub freq_shift: f64,
    /// Whether the transformers' projections are linear layers rather than 1×1 convolutions.
    pub linear_projection: bool,
    /// Whether attention is computed in 32-bit floats, whatever the graph's number format is.
    pub upcast_attention: bool,
    /// Rows of the class embedding; `None` if the network takes no class.
    pub classes: Option<usize>,
    /// Whether the convolutions that halve the resolution pad all four sides.
    pub symmetric_downsampling: bool,
}

impl UnetConfig {
    /// Reads and validates the settings.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] for the first setting that is wrong or not supported.
    pub fn read(config: &ConfigFile) -> Result<Self, CheckpointError> {
        refuse_unsupported(config)?;
        let channels = config.sizes("block_out_channels")?;
        let blocks = channels.len();
        let norm_groups = config.size("norm_num_groups", Some(32))?;
        config.require(
            "block_out_channels",
            channels.iter().all(|channels| channels % norm_groups == 0),
            || format!("multiples of \"norm_num_groups\" ({norm_groups})"),
        )?;
        let freq_shift = config.number("freq_shift", 0.0)?;
        config.require("block_out_channels", channels[0] % 2 == 0, || {
            "an even number first (it is the width of the timestep's sines and cosines)".to_owned()
        })?;
        config.require("freq_shift", freq_shift < (channels[0] / 2) as f64, || {
            format!("a number below {}", channels[0] / 2)
        })?;
        let layers = config.size_per_block("layers_per_block", 2, blocks)?;
        // What diffusers calls the heads' dimension is their number: a misnomer it has to keep.
        let heads = config.size_per_block("attention_head_dim", 8, blocks)?;
        config.require(
            "attention_head_dim",
            channels
                .iter()
                .zip(&heads)
                .all(|(channels, heads)| channels % heads == 0),
            || format!("the number of heads in each block, dividing its channels {channels:?}"),
        )?;
        let depths = config.size_per_block("transformer_layers_per_block", 1, blocks)?;
        let down_types = [("CrossAttnDownBlock2D", true), ("DownBlock2D", false)];
        let down_types = config.choices("down_block_types", blocks, &down_types)?;
        let up_types = [("CrossAttnUpBlock2D", true), ("UpBlock2D", false)];
        let up_types = config.choices("up_block_types", blocks, &up_types)?;
        let only_cross_attention = config.flag_per_block("only_cross_attention", false, blocks)?;

        let last = blocks - 1;
        let transformer = |index: usize, only_cross_attention| TransformerConfig {
            heads: heads[index],
            layers: depths[index],
            only_cross_attention,
        };
        let block = |index: usize, more_layers, attends: bool| UnetBlockConfig {
            channels: channels[index],
            layers: layers[index] + more_layers,
            transformer: attends.then(|| transformer(index, only_cross_attention[index])),
        };
        config.choice(
            "mid_block_type",
            "UNetMidBlock2DCrossAttn",
            &[("UNetMidBlock2DCrossAttn", ())],
        )?;
        Ok(Self {
            in_channels: config.size("in_channels", Some(4))?,
            out_channels: config.size("out_channels", Some(4))?,
            conv_in_kernel: odd_kernel(config, "conv_in_kernel")?,
            conv_out_kernel: odd_kernel(config, "conv_out_kernel")?,
            down: (0..blocks)
                .map(|index| block(index, 0, down_types[index]))
                .collect(),
            // "mid_block_only_cross_attention" is about another type of middle block: in diffusers
            // this one attends to the picture whatever the setting says.
            mid: transformer(last, false),
            up: (0..blocks)
                .map(|index| block(last - index, 1, up_types[index]))
                .collect(),
            norm_groups,
            norm_epsilon: config.positive("norm_eps", 1e-5)?,
            text_width: config.size("cross_attention_dim", Some(1280))?,
            time_width: channels[0] * 4,
            flip_sin_to_cos: config.flag("flip_sin_to_cos", true)?,
            freq_shift,
            linear_projection: config.flag("use_linear_projection", false)?,
            upcast_attention: config.flag("upcast_attention", false)?,
            classes: config.optional_size("num_class_embeds")?,
            symmetric_downsampling: match config.size_or_zero("downsample_padding", 1)? {
                0 => false,
                1 => true,
                _ => return Err(config.refuse("downsample_padding", "0 or 1")),
            },
        })
    }

    /// Width of the timestep's sines and cosines.
    #[must_use]
    pub fn frequency_width(&self) -> usize {
        self.down[0].channels
    }
}

fn odd_kernel(config: &ConfigFile, key: &str) -> Result<usize, CheckpointError> {
    let kernel = config.size(key, Some(3))?;
    config.require(key, kernel % 2 == 1, || "an odd number".to_owned())?;
    Ok(kernel)
}

/// Settings that must have the value Stable Diffusion has (or be absent).
fn refuse_unsupported(config: &ConfigFile) -> Result<(), CheckpointError> {
    let required = [
        ("act_fn", json!("silu")),
        ("center_input_sample", json!(false)),
        ("class_embeddings_concat", json!(false)),
        ("dual_cross_attention", json!(false)),
        ("mid_block_scale_factor", json!(1)),
        ("resnet_out_scale_factor", json!(1)),
        ("resnet_skip_time_act", json!(false)),
        ("resnet_time_scale_shift", json!("default")),
        ("time_embedding_type", json!("positional")),
        ("attention_type", json!("default")),
    ];
    for (key, value) in required {
        config.only(key, value)?;
    }
    let absent = [
        "addition_embed_type",
        "class_embed_type",
        "cross_attention_norm",
        "encoder_hid_dim",
        "encoder_hid_dim_type",
        "num_attention_heads",
        "projection_class_embeddings_input_dim",
        "reverse_transformer_layers_per_block",
        "time_cond_proj_dim",
        "time_embedding_act_fn",
        "time_embedding_dim",
        "timestep_post_act",
    ];
    for key in absent {
        config.only(key, Json::Null)?;
    }
    Ok(())
}
