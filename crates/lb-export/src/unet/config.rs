//! The settings of `UNet2DConditionModel` that Stable Diffusion 1 and 2 models use.
//!
//! Names, defaults and meanings are those of diffusers. Settings that switch on something which
//! is not written here are refused rather than ignored.

use serde_json::{Value as Json, json};

use crate::config::Config;
use crate::error::ExportError;

/// A transformer between the convolutions of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransformerConfig {
    pub(crate) heads: usize,
    pub(crate) layers: usize,
    /// The first attention of a layer sees the text, as the second does, and not the picture.
    pub(crate) only_cross_attention: bool,
}

/// One resolution of the network, on the way down or up.
#[derive(Clone, Debug)]
pub(crate) struct BlockConfig {
    pub(crate) channels: usize,
    pub(crate) layers: usize,
    pub(crate) transformer: Option<TransformerConfig>,
}

/// The whole network's shape.
#[derive(Clone, Debug)]
pub(crate) struct UnetConfig {
    pub(crate) in_channels: usize,
    pub(crate) out_channels: usize,
    pub(crate) conv_in_kernel: usize,
    pub(crate) conv_out_kernel: usize,
    pub(crate) down: Vec<BlockConfig>,
    pub(crate) mid: TransformerConfig,
    /// From the lowest resolution to the highest.
    pub(crate) up: Vec<BlockConfig>,
    pub(crate) norm_groups: usize,
    pub(crate) norm_epsilon: f64,
    /// Width of `encoder_hidden_states`.
    pub(crate) text_width: usize,
    pub(crate) time_width: usize,
    /// Cosines before sines in the timestep's embedding.
    pub(crate) flip_sin_to_cos: bool,
    pub(crate) freq_shift: f64,
    /// The transformers' projections are linear layers rather than 1×1 convolutions.
    pub(crate) linear_projection: bool,
    /// Attention is computed in 32-bit floats, whatever the graph's number format is.
    pub(crate) upcast_attention: bool,
    /// Rows of the class embedding; none where the network takes no class.
    pub(crate) classes: Option<usize>,
    pub(crate) symmetric_downsampling: bool,
}

impl UnetConfig {
    /// Reads and checks the settings.
    pub(crate) fn read(config: &Config) -> Result<Self, ExportError> {
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
        let block = |index: usize, more_layers, attends: bool| BlockConfig {
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
    pub(crate) fn frequency_width(&self) -> usize {
        self.down[0].channels
    }
}

fn odd_kernel(config: &Config, key: &str) -> Result<usize, ExportError> {
    let kernel = config.size(key, Some(3))?;
    config.require(key, kernel % 2 == 1, || "an odd number".to_owned())?;
    Ok(kernel)
}

/// Settings that must have the value Stable Diffusion has (or be absent).
fn refuse_unsupported(config: &Config) -> Result<(), ExportError> {
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
