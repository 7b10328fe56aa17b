//! Writes the graphs of `AutoencoderKL`: its decoder and its encoder.
//!
//! The decoder takes `latent_sample` (`[batch, latent channels, height, width]`) and returns `sample`, a
//! picture with values from -1 to 1. The encoder takes such a `sample` and returns `latent_parameters`:
//! the channels of the means, followed by those of the log-variances. The caller has to apply the scaling
//! factor, as with diffusers' networks.

use lb_checkpoint::VaeConfig;

use crate::error::ExportError;
use crate::graph::{Dimension, ElementType, GraphWriter, Value};
use crate::layers::{
    Activation, AttentionShape, Bias, Convolution, GroupNorm, ResnetBlock, activate, attend,
    convolve, downsample, group_norm, linear, picture_from_tokens, resnet, tokens_from_picture,
    upsample,
};

/// diffusers uses this constant independently of the configuration.
const NORM_EPSILON: f64 = 1e-6;

/// A value of shape `[batch, channels, height, width]`, and its number of channels.
type Features = (Value, usize);

/// Writes the decoder into `graph`.
pub(crate) fn write_decoder(
    graph: &mut GraphWriter<'_>,
    config: &VaeConfig,
) -> Result<(), ExportError> {
    if config.decodes_in_float32_only() {
        graph.compute_in(ElementType::Float32);
    }
    let latent = config.latent_channels;
    let shape = picture(latent, ["height_latent", "width_latent"]);
    let x = graph.input("latent_sample", ElementType::Float32, &shape);
    let mut x = graph.enter_graph_format("latent_sample", &x);
    if config.post_quantization {
        x = convolve(
            graph,
            "post_quant_conv",
            &x,
            Convolution::same(latent, latent, 1),
        )?;
    }
    let deepest = config.deepest_channels();
    let x = convolve(
        graph,
        "decoder.conv_in",
        &x,
        Convolution::same(latent, deepest, 3),
    )?;
    let mut x = mid_block(graph, "decoder.mid_block", (x, deepest), config)?;
    let last = config.block_channels.len() - 1;
    for (index, &channels) in config.block_channels.iter().rev().enumerate() {
        let path = format!("decoder.up_blocks.{index}");
        for layer in 0..=config.layers {
            x = block(
                graph,
                &format!("{path}.resnets.{layer}"),
                x,
                channels,
                config,
            )?;
        }
        if index != last {
            x.0 = upsample(graph, &format!("{path}.upsamplers.0"), &x.0, channels)?;
        }
    }
    let x = last_convolution(graph, "decoder", x, config.out_channels, config)?;
    let x = graph.leave_graph_format("sample", &x);
    let shape = picture(config.out_channels, ["height", "width"]);
    graph.output("sample", ElementType::Float32, &shape, &x);
    Ok(())
}

/// Writes the encoder into `graph`.
pub(crate) fn write_encoder(
    graph: &mut GraphWriter<'_>,
    config: &VaeConfig,
) -> Result<(), ExportError> {
    let shape = picture(config.in_channels, ["height", "width"]);
    let x = graph.input("sample", ElementType::Float32, &shape);
    let x = graph.enter_graph_format("sample", &x);
    let first = config.block_channels[0];
    let convolution = Convolution::same(config.in_channels, first, 3);
    let mut x = (convolve(graph, "encoder.conv_in", &x, convolution)?, first);
    let last = config.block_channels.len() - 1;
    for (index, &channels) in config.block_channels.iter().enumerate() {
        let path = format!("encoder.down_blocks.{index}");
        for layer in 0..config.layers {
            x = block(
                graph,
                &format!("{path}.resnets.{layer}"),
                x,
                channels,
                config,
            )?;
        }
        if index != last {
            x.0 = downsample(
                graph,
                &format!("{path}.downsamplers.0"),
                &x.0,
                channels,
                false,
            )?;
        }
    }
    let x = mid_block(graph, "encoder.mid_block", x, config)?;
    let moments = config.latent_channels * 2;
    let mut x = last_convolution(graph, "encoder", x, moments, config)?;
    if config.quantization {
        x = convolve(
            graph,
            "quant_conv",
            &x,
            Convolution::same(moments, moments, 1),
        )?;
    }
    let x = graph.leave_graph_format("latent_parameters", &x);
    let shape = picture(moments, ["height_latent", "width_latent"]);
    graph.output("latent_parameters", ElementType::Float32, &shape, &x);
    Ok(())
}

fn norm(config: &VaeConfig) -> GroupNorm {
    GroupNorm {
        groups: config.norm_groups,
        epsilon: NORM_EPSILON,
    }
}

fn picture(channels: usize, [height, width]: [&'static str; 2]) -> [Dimension; 4] {
    [
        Dimension::Named("batch_size"),
        Dimension::Fixed(channels),
        Dimension::Named(height),
        Dimension::Named(width),
    ]
}

fn block(
    graph: &mut GraphWriter<'_>,
    path: &str,
    (x, inputs): Features,
    outputs: usize,
    config: &VaeConfig,
) -> Result<Features, ExportError> {
    let block = ResnetBlock {
        inputs,
        outputs,
        norm: norm(config),
        time: None,
    };
    Ok((resnet(graph, path, &x, block)?, outputs))
}

/// Writes a residual block, attention if the configuration has it, and another residual block.
fn mid_block(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: Features,
    config: &VaeConfig,
) -> Result<Features, ExportError> {
    let channels = x.1;
    let mut x = block(graph, &format!("{path}.resnets.0"), x, channels, config)?;
    if config.mid_attention {
        x.0 = self_attention(
            graph,
            &format!("{path}.attentions.0"),
            &x.0,
            channels,
            config,
        )?;
    }
    block(graph, &format!("{path}.resnets.1"), x, channels, config)
}

const ATTENTION_NAMES: [&str; 4] = ["to_q", "to_k", "to_v", "to_out.0"];
const OLD_ATTENTION_NAMES: [&str; 4] = ["query", "key", "value", "proj_attn"];

/// Writes attention with one head over all positions, and adds its result to the input.
fn self_attention(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Value,
    channels: usize,
    config: &VaeConfig,
) -> Result<Value, ExportError> {
    let normal = group_norm(
        graph,
        &format!("{path}.group_norm"),
        x,
        channels,
        norm(config),
    )?;
    let tokens = tokens_from_picture(graph, path, &normal, channels);
    // Checkpoints that were saved by diffusers before version 0.17 have the older names.
    let old = graph.has_weight(&format!("{path}.query.weight"));
    let names = if old {
        OLD_ATTENTION_NAMES
    } else {
        ATTENTION_NAMES
    };
    let [query, key, value, out] = names.map(|name| format!("{path}.{name}"));
    let mut project =
        |path: &str, x: &Value| linear(graph, path, x, channels, channels, Bias::Present);
    let query = project(&query, &tokens)?;
    let key = project(&key, &tokens)?;
    let value = project(&value, &tokens)?;
    let shape = AttentionShape {
        heads: 1,
        width: channels,
        causal: None,
        in_float32: false,
    };
    let mixed = attend(graph, path, [&query, &key, &value], shape);
    let change = linear(graph, &out, &mixed, channels, channels, Bias::Present)?;
    let change = picture_from_tokens(graph, path, &change, x);
    Ok(graph.node(path, "Add", &[&change, x], &[]))
}

fn last_convolution(
    graph: &mut GraphWriter<'_>,
    path: &str,
    (x, channels): Features,
    outputs: usize,
    config: &VaeConfig,
) -> Result<Value, ExportError> {
    let norm_path = format!("{path}.conv_norm_out");
    let x = group_norm(graph, &norm_path, &x, channels, norm(config))?;
    let x = activate(graph, &norm_path, &x, Activation::Silu);
    convolve(
        graph,
        &format!("{path}.conv_out"),
        &x,
        Convolution::same(channels, outputs, 3),
    )
}
