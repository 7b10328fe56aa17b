//! The settings of `UNet2DConditionModel` that Stable Diffusion 1 and 2 models use.
//!
//! Names, defaults and meanings are those of diffusers. A setting that switches on a feature which these
//! models do not use is an error: if it were ignored, the graph would compute something else.

use serde::Deserialize;
use serde_json::{Value, json};

use super::file::{ConfigFile, block_channels};
use super::values::{Count, EachBlock, PerBlock, PositiveNumber, Size};
use crate::error::CheckpointError;

/// The shape of a transformer that follows a residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransformerConfig {
    /// Number of attention heads. It divides the block's channels.
    pub heads: usize,
    /// Number of transformer layers.
    pub layers: usize,
    /// Whether the first attention of each layer attends to the text, as the second one does, instead of
    /// to the picture.
    pub only_cross_attention: bool,
}

/// The blocks at one resolution of the network, on the way down or up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnetBlockConfig {
    /// Number of channels of the features at this resolution.
    pub channels: usize,
    /// Number of residual blocks.
    pub layers: usize,
    /// The shape of the transformer after each residual block; `None` if there are no transformers.
    pub transformer: Option<TransformerConfig>,
}

/// The shape of a UNet.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UnetConfig {
    /// Channels of the input: those of the latents and the concatenated channels.
    pub in_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// Side of the first convolution's kernel. It is an odd number.
    pub conv_in_kernel: usize,
    /// Side of the last convolution's kernel. It is an odd number.
    pub conv_out_kernel: usize,
    /// The blocks on the way down, from the highest resolution to the lowest.
    pub down: Vec<UnetBlockConfig>,
    /// The shape of the middle block's transformer.
    pub mid: TransformerConfig,
    /// The blocks on the way up, from the lowest resolution to the highest.
    pub up: Vec<UnetBlockConfig>,
    /// Number of groups in each group norm. It divides all channel counts.
    pub norm_groups: usize,
    /// The number that group norms add to variances.
    pub norm_epsilon: f64,
    /// Width of the conditioning (`encoder_hidden_states`).
    pub text_width: usize,
    /// Width of the time embedding.
    pub time_width: usize,
    /// Whether cosines come before sines in the timestep's embedding.
    pub flip_sin_to_cos: bool,
    /// The number that is subtracted from the number of frequencies in the timestep's embedding.
    pub freq_shift: f64,
    /// Whether the transformers' projections are linear layers rather than 1×1 convolutions.
    pub linear_projection: bool,
    /// Whether attention is computed in 32-bit floats even if the graph's precision is 16 bits.
    pub upcast_attention: bool,
    /// Number of rows of the class embedding; `None` if the network does not take a class.
    pub classes: Option<usize>,
    /// Whether the convolutions that halve the resolution pad all four sides.
    pub symmetric_downsampling: bool,
}

/// The types of blocks on the way down.
#[derive(Clone, Copy, PartialEq, Deserialize)]
enum DownBlock {
    CrossAttnDownBlock2D,
    DownBlock2D,
}

/// The types of blocks on the way up.
#[derive(Clone, Copy, PartialEq, Deserialize)]
enum UpBlock {
    CrossAttnUpBlock2D,
    UpBlock2D,
}

#[derive(Clone, Copy, Deserialize)]
enum MidBlock {
    UNetMidBlock2DCrossAttn,
}

/// The settings, with the names that diffusers uses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    /// The number of heads. diffusers keeps this misleading name for the sake of older models.
    attention_head_dim: Option<PerBlock<Size>>,
    block_out_channels: EachBlock<Size>,
    conv_in_kernel: Option<Size>,
    conv_out_kernel: Option<Size>,
    cross_attention_dim: Option<Size>,
    down_block_types: EachBlock<DownBlock>,
    downsample_padding: Option<Count>,
    flip_sin_to_cos: Option<bool>,
    freq_shift: f64,
    in_channels: Option<Size>,
    layers_per_block: Option<PerBlock<Size>>,
    #[serde(rename = "mid_block_type")]
    _mid_block_type: Option<MidBlock>,
    norm_eps: Option<PositiveNumber>,
    norm_num_groups: Option<Size>,
    num_class_embeds: Option<Size>,
    only_cross_attention: Option<PerBlock<bool>>,
    out_channels: Option<Size>,
    transformer_layers_per_block: Option<PerBlock<Size>>,
    up_block_types: EachBlock<UpBlock>,
    upcast_attention: bool,
    use_linear_projection: bool,
}

impl UnetConfig {
    /// Reads and validates the settings. Settings that are absent have diffusers' defaults, except for the
    /// blocks, which every published model lists.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] for the first setting that is wrong or not supported.
    pub fn read(config: &ConfigFile) -> Result<Self, CheckpointError> {
        validate_supported(config)?;
        let settings: Settings = config.parse()?;
        let norm_groups = Size::or(settings.norm_num_groups, 32);
        let channels = block_channels(config, &settings.block_out_channels, norm_groups)?;
        let blocks = channels.len();
        validate_frequencies(config, channels[0], settings.freq_shift)?;
        let kernel = |key, setting| {
            let kernel = Size::or(setting, 3);
            config.require(key, kernel % 2 == 1, || "an odd number".to_owned())?;
            Ok::<_, CheckpointError>(kernel)
        };
        let conv_in_kernel = kernel("conv_in_kernel", settings.conv_in_kernel)?;
        let conv_out_kernel = kernel("conv_out_kernel", settings.conv_out_kernel)?;
        let sizes = |key, sizes: Option<PerBlock<Size>>, default| {
            let sizes = sizes.unwrap_or(PerBlock::Same(Size(default)));
            sizes.for_blocks(blocks).ok_or_else(|| {
                config.refuse(key, format!("a list of {blocks}, each {}", Size::EXPECTED))
            })
        };
        let layers = sizes("layers_per_block", settings.layers_per_block, 2)?;
        let depths = settings.transformer_layers_per_block;
        let depths = sizes("transformer_layers_per_block", depths, 1)?;
        let heads = sizes("attention_head_dim", settings.attention_head_dim, 8)?;
        let mut widths = channels.iter().zip(&heads);
        let are_divided = widths.all(|(channels, heads)| channels % heads.0 == 0);
        config.require("attention_head_dim", are_divided, || {
            format!(
                "the number of heads in each block, which must divide its channels {channels:?}"
            )
        })?;
        let only_cross_attention = settings.only_cross_attention;
        let only_cross_attention = only_cross_attention.unwrap_or(PerBlock::Same(false));
        let only_cross_attention = only_cross_attention.for_blocks(blocks).ok_or_else(|| {
            let expected = format!("a list of {blocks}, each true or false");
            config.refuse("only_cross_attention", expected)
        })?;
        let down_types = settings.down_block_types.0;
        config.require("down_block_types", down_types.len() == blocks, || {
            format!("a list of {blocks}, each \"CrossAttnDownBlock2D\" or \"DownBlock2D\"")
        })?;
        let up_types = settings.up_block_types.0;
        config.require("up_block_types", up_types.len() == blocks, || {
            format!("a list of {blocks}, each \"CrossAttnUpBlock2D\" or \"UpBlock2D\"")
        })?;
        let symmetric_downsampling = match settings.downsample_padding {
            Some(Count(0)) => false,
            Some(Count(1)) | None => true,
            _ => return Err(config.refuse("downsample_padding", "0 or 1")),
        };

        let last = blocks - 1;
        let transformer = |index: usize, only_cross_attention| TransformerConfig {
            heads: heads[index].0,
            layers: depths[index].0,
            only_cross_attention,
        };
        let block = |index: usize, more_layers, attends: bool| UnetBlockConfig {
            channels: channels[index],
            layers: layers[index].0 + more_layers,
            transformer: attends.then(|| transformer(index, only_cross_attention[index])),
        };
        let down = down_types.iter().enumerate();
        let up = up_types.iter().enumerate();
        Ok(Self {
            in_channels: Size::or(settings.in_channels, 4),
            out_channels: Size::or(settings.out_channels, 4),
            conv_in_kernel,
            conv_out_kernel,
            down: down
                .map(|(index, kind)| block(index, 0, *kind == DownBlock::CrossAttnDownBlock2D))
                .collect(),
            // The setting "mid_block_only_cross_attention" affects another type of middle block. In
            // diffusers, this type always attends to the picture.
            mid: transformer(last, false),
            up: up
                .map(|(index, kind)| block(last - index, 1, *kind == UpBlock::CrossAttnUpBlock2D))
                .collect(),
            norm_groups,
            norm_epsilon: settings.norm_eps.map_or(1e-5, |epsilon| epsilon.0),
            text_width: Size::or(settings.cross_attention_dim, 1280),
            time_width: channels[0] * 4,
            flip_sin_to_cos: settings.flip_sin_to_cos.unwrap_or(true),
            freq_shift: settings.freq_shift,
            linear_projection: settings.use_linear_projection,
            upcast_attention: settings.upcast_attention,
            classes: settings.num_class_embeds.map(|classes| classes.0),
            symmetric_downsampling,
        })
    }

    /// Returns the width of the timestep's sines and cosines.
    #[must_use]
    pub fn frequency_width(&self) -> usize {
        self.down[0].channels
    }
}

/// Validates what determines the timestep's frequencies. The sines and cosines together are as wide as
/// the first block.
fn validate_frequencies(
    config: &ConfigFile,
    width: usize,
    shift: f64,
) -> Result<(), CheckpointError> {
    config.require("block_out_channels", width.is_multiple_of(2), || {
        "a list that begins with an even number (the width of the timestep's sines and cosines)"
            .to_owned()
    })?;
    config.require("freq_shift", shift < (width / 2) as f64, || {
        format!("a number below {}", width / 2)
    })
}

/// Returns an error if a setting switches on a feature that Stable Diffusion does not have.
fn validate_supported(config: &ConfigFile) -> Result<(), CheckpointError> {
    let off = [
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
    for (key, value) in off {
        config.require_off(key, &value)?;
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
        config.require_off(key, &Value::Null)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a configuration with the given settings and the ones that every UNet needs.
    fn read(settings: Value) -> Result<UnetConfig, CheckpointError> {
        let mut all = json!({
            "block_out_channels": [64, 128],
            "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        });
        for (key, value) in settings.as_object().into_iter().flatten() {
            all[key] = value.clone();
        }
        let settings = all.as_object().cloned().unwrap_or_default();
        UnetConfig::read(&ConfigFile::new("unet/config.json".into(), settings))
    }

    #[test]
    fn absent_and_null_settings_have_diffusers_defaults() {
        let config = read(json!({})).unwrap();
        let transformer = TransformerConfig {
            heads: 8,
            layers: 1,
            only_cross_attention: false,
        };
        let block = |channels, layers, attends: bool| UnetBlockConfig {
            channels,
            layers,
            transformer: attends.then_some(transformer),
        };
        let expected = UnetConfig {
            in_channels: 4,
            out_channels: 4,
            conv_in_kernel: 3,
            conv_out_kernel: 3,
            down: vec![block(64, 2, true), block(128, 2, false)],
            mid: transformer,
            up: vec![block(128, 3, false), block(64, 3, true)],
            norm_groups: 32,
            norm_epsilon: 1e-5,
            text_width: 1280,
            time_width: 256,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            linear_projection: false,
            upcast_attention: false,
            classes: None,
            symmetric_downsampling: true,
        };
        assert_eq!(config, expected);
        let nulls = json!({
            "attention_head_dim": null,
            "class_embed_type": null,
            "layers_per_block": null,
            "mid_block_type": null,
            "num_class_embeds": null,
            "only_cross_attention": null,
            "upcast_attention": null,
        });
        assert_eq!(read(nulls).unwrap(), expected);
    }

    #[test]
    fn a_setting_is_one_value_or_one_for_each_block() {
        let heads = |setting: Value| -> Vec<usize> {
            let config = read(json!({ "attention_head_dim": setting })).unwrap();
            let last = config.up.iter().filter_map(|block| block.transformer);
            let first = config.down.iter().filter_map(|block| block.transformer);
            let heads = first.chain([config.mid]).chain(last);
            heads.map(|transformer| transformer.heads).collect()
        };
        // Despite its name, the setting is the number of heads.
        assert_eq!(heads(json!(4)), [4, 4, 4]);
        assert_eq!(heads(json!([2, 4])), [2, 4, 2]);
        let config = read(json!({ "layers_per_block": [1, 3] })).unwrap();
        let layers = config.down.iter().chain(&config.up);
        assert_eq!(
            layers.map(|block| block.layers).collect::<Vec<_>>(),
            [1, 3, 4, 2]
        );
        let refused = read(json!({ "layers_per_block": [1, 2, 3] })).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "unet/config.json: \"layers_per_block\" is [1,2,3]; expected a list of 2, each a \
             whole number from 1 to 16777216"
        );
    }

    #[test]
    fn an_unsupported_feature_must_be_off() {
        // serde_json distinguishes 1 from 1.0, but a setting does not.
        assert!(read(json!({ "mid_block_scale_factor": 1.0 })).is_ok());
        let refused = read(json!({ "mid_block_scale_factor": 2 })).unwrap_err();
        assert!(
            refused
                .to_string()
                .ends_with("is 2; expected 1 (or absent)")
        );
        let refused = read(json!({ "addition_embed_type": "text" })).unwrap_err();
        assert!(refused.to_string().ends_with("expected null (or absent)"));
    }
}
