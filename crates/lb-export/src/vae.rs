//! Writes the graphs of `AutoencoderKL`: its decoder and its encoder.
//!
//! The decoder takes `latent_sample` (`[batch, latent channels, height, width]`) and returns `sample`, a
//! picture with values from -1 to 1. The encoder takes such a `sample` and returns `latent_parameters`:
//! the channels of the means, followed by those of the log-variances. The caller has to apply the scaling
//! factor, as with diffusers' networks.

use lb_checkpoint::{CheckpointError, VaeConfig};

use crate::graph::{Dimension, ElementType, GraphWriter};
use crate::layers::{Attention, Bias, Features, GroupNorm};

/// diffusers uses this constant independently of the configuration.
const NORM_EPSILON: f64 = 1e-6;

/// The names of the height and width of pictures and of latents.
pub(crate) const PICTURE: [&str; 2] = ["height", "width"];
pub(crate) const LATENTS: [&str; 2] = ["height_latent", "width_latent"];

/// Writes the decoder into `graph`.
pub(crate) fn write_decoder(
    graph: &mut GraphWriter<'_>,
    config: &VaeConfig,
) -> Result<(), CheckpointError> {
    if config.decodes_in_float32_only() {
        graph.element = ElementType::Float32;
    }
    let latent = config.latent_channels;
    let size = graph.latent_size;
    let x = graph.float_input("latent_sample", &Dimension::picture(latent, LATENTS, size));
    let mut x = Features::picture(x, latent, size);
    if config.post_quantization {
        x = graph.convolve("post_quant_conv", &x, latent, 1)?;
    }
    x = graph.convolve("decoder.conv_in", &x, config.deepest_channels(), 3)?;
    x = mid_block(graph, "decoder.mid_block", &x, config)?;
    let last = config.block_channels.len() - 1;
    for (index, &channels) in config.block_channels.iter().rev().enumerate() {
        let path = format!("decoder.up_blocks.{index}");
        for layer in 0..=config.layers {
            let path = format!("{path}.resnets.{layer}");
            x = graph.resnet(&path, &x, channels, norm(config), None)?;
        }
        if index != last {
            x = graph.upsample(&format!("{path}.upsamplers.0"), &x, None)?;
        }
    }
    let x = last_convolution(graph, "decoder", &x, config.out_channels, config)?;
    let shape = Dimension::picture(config.out_channels, PICTURE, x.size);
    let x = graph.leave_graph_format("sample", &x.value);
    graph.output("sample", &shape, &x);
    Ok(())
}

/// Writes the encoder into `graph`.
pub(crate) fn write_encoder(
    graph: &mut GraphWriter<'_>,
    config: &VaeConfig,
) -> Result<(), CheckpointError> {
    let last = config.block_channels.len() - 1;
    let size = graph.latent_size.map(|size| size.map(|side| side << last));
    let shape = Dimension::picture(config.in_channels, PICTURE, size);
    let x = graph.float_input("sample", &shape);
    let x = Features::picture(x, config.in_channels, size);
    let mut x = graph.convolve("encoder.conv_in", &x, config.block_channels[0], 3)?;
    for (index, &channels) in config.block_channels.iter().enumerate() {
        let path = format!("encoder.down_blocks.{index}");
        for layer in 0..config.layers {
            let path = format!("{path}.resnets.{layer}");
            x = graph.resnet(&path, &x, channels, norm(config), None)?;
        }
        if index != last {
            x = graph.downsample(&format!("{path}.downsamplers.0"), &x, false)?;
        }
    }
    x = mid_block(graph, "encoder.mid_block", &x, config)?;
    let moments = config.latent_channels * 2;
    x = last_convolution(graph, "encoder", &x, moments, config)?;
    if config.quantization {
        x = graph.convolve("quant_conv", &x, moments, 1)?;
    }
    let shape = Dimension::picture(moments, LATENTS, x.size);
    let x = graph.leave_graph_format("latent_parameters", &x.value);
    graph.output("latent_parameters", &shape, &x);
    Ok(())
}

fn norm(config: &VaeConfig) -> GroupNorm {
    GroupNorm {
        groups: config.norm_groups,
        epsilon: NORM_EPSILON,
    }
}

/// Writes a residual block, attention if the configuration has it, and another residual block.
fn mid_block(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Features,
    config: &VaeConfig,
) -> Result<Features, CheckpointError> {
    let (channels, norm) = (x.channels, norm(config));
    let mut x = graph.resnet(&format!("{path}.resnets.0"), x, channels, norm, None)?;
    if config.mid_attention {
        x = self_attention(graph, &format!("{path}.attentions.0"), &x, norm)?;
    }
    graph.resnet(&format!("{path}.resnets.1"), &x, channels, norm, None)
}

const ATTENTION_NAMES: [&str; 4] = ["to_q", "to_k", "to_v", "to_out.0"];
const OLD_ATTENTION_NAMES: [&str; 4] = ["query", "key", "value", "proj_attn"];

/// Writes attention with one head over all positions, and adds its result to the input.
fn self_attention(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Features,
    norm: GroupNorm,
) -> Result<Features, CheckpointError> {
    let normal = graph.group_norm(&format!("{path}.group_norm"), x, norm)?;
    let tokens = graph.tokens_from_picture(path, &normal);
    // Checkpoints that were saved by diffusers before version 0.17 have the older names.
    let names = if graph.has_weight(&format!("{path}.query.weight")) {
        OLD_ATTENTION_NAMES
    } else {
        ATTENTION_NAMES
    };
    let mut project = |index: usize, x: &Features| {
        let path = format!("{path}.{}", names[index]);
        graph.linear(&path, x, x.channels, Bias::Present)
    };
    let query = project(0, &tokens)?;
    let key = project(1, &tokens)?;
    let value = project(2, &tokens)?;
    let attention = Attention {
        heads: 1,
        causal: None,
        in_float32: false,
    };
    let mixed = graph.attend(path, [&query, &key, &value], attention);
    let path_out = format!("{path}.{}", names[3]);
    graph.linear_onto_picture([path, &path_out], &mixed, x)
}

fn last_convolution(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Features,
    outputs: usize,
    config: &VaeConfig,
) -> Result<Features, CheckpointError> {
    let norm_path = format!("{path}.conv_norm_out");
    let x = graph.group_norm_and_silu(&norm_path, x, norm(config))?;
    graph.convolve(&format!("{path}.conv_out"), &x, outputs, 3)
}
