//! Writes the graph of `UNet2DConditionModel`.
//!
//! The inputs are `sample` (`[batch, channels, height, width]`), `timestep` (int64, one for each row or
//! one for the whole batch) and `encoder_hidden_states` (`[batch, tokens, width]`). Models with class
//! embeddings, which are the noise levels of the upscaler, also take `class_labels` (int64, `[batch]`).
//! With LoRAs there is also `lora_strengths` (`[batch, LoRAs]`).
//! The output `out_sample` is the prediction; it has the shape of `sample`, but the model's number of
//! output channels.

mod time;
mod transformer;

use lb_checkpoint::{CheckpointError, TransformerConfig, UnetConfig};

use crate::graph::{Dimension, ElementType, GraphWriter};
use crate::layers::{Features, GroupNorm};

/// Writes the network into `graph`.
pub(crate) fn write_unet(
    graph: &mut GraphWriter<'_>,
    config: &UnetConfig,
) -> Result<(), CheckpointError> {
    let batch = Dimension::Named("batch_size");
    let size = graph.latent_size;
    let picture = |channels| Dimension::picture(channels, ["height", "width"], size);
    let tokens = Dimension::Named("sequence_length");
    let text = [batch, tokens, Dimension::Fixed(config.text_width)];
    let sample = graph.float_input("sample", &picture(config.in_channels));
    let timestep = graph.input("timestep", ElementType::Int64, &[Dimension::Named("steps")]);
    let text = graph.float_input("encoder_hidden_states", &text);
    let class = config.classes.map(|count| {
        let labels = graph.input("class_labels", ElementType::Int64, &[batch]);
        (labels, count)
    });
    graph.lora_input(batch);
    let network = Unet {
        config,
        norm: GroupNorm {
            groups: config.norm_groups,
            epsilon: config.norm_epsilon,
        },
        text: Features::new(text, config.text_width),
        time: time::embed_timestep(graph, &timestep, class, config)?,
    };
    let sample = Features::picture(sample, config.in_channels, size);
    let predicted = network.write(graph, sample)?;
    let predicted = graph.leave_graph_format("out_sample", &predicted.value);
    graph.output("out_sample", &picture(config.out_channels), &predicted);
    Ok(())
}

/// What all blocks of the network use.
struct Unet<'c> {
    config: &'c UnetConfig,
    norm: GroupNorm,
    text: Features,
    /// The time embedding after its activation: one row for each batch row, or one for all of them
    /// (`[rows, time_width]`).
    time: Features,
}

impl Unet<'_> {
    fn write(
        &self,
        graph: &mut GraphWriter<'_>,
        sample: Features,
    ) -> Result<Features, CheckpointError> {
        let config = self.config;
        let first = config.down[0].channels;
        let mut x = graph.convolve("conv_in", &sample, first, config.conv_in_kernel)?;
        let mut skips = vec![x.clone()];
        for (index, block) in config.down.iter().enumerate() {
            let path = format!("down_blocks.{index}");
            for layer in 0..block.layers {
                x = self.layer(graph, &path, layer, &x, block.channels, block.transformer)?;
                skips.push(x.clone());
            }
            if index + 1 < config.down.len() {
                let path = format!("{path}.downsamplers.0");
                x = graph.downsample(&path, &x, config.symmetric_downsampling)?;
                skips.push(x.clone());
            }
        }

        x = self.layer(graph, "mid_block", 0, &x, x.channels, Some(config.mid))?;
        x = self.layer(graph, "mid_block", 1, &x, x.channels, None)?;

        for (index, block) in config.up.iter().enumerate() {
            let path = format!("up_blocks.{index}");
            for layer in 0..block.layers {
                if let Some(skip) = skips.pop() {
                    x = graph.join_channels(&path, &x, &skip);
                }
                x = self.layer(graph, &path, layer, &x, block.channels, block.transformer)?;
            }
            if index + 1 < config.up.len() {
                // Of an odd number of rows or columns, halving keeps one more than half.
                let size = skips.last().and_then(|skip| skip.size);
                x = graph.upsample(&format!("{path}.upsamplers.0"), &x, size)?;
            }
        }

        let x = graph.group_norm_and_silu("conv_norm_out", &x, self.norm)?;
        graph.convolve("conv_out", &x, config.out_channels, config.conv_out_kernel)
    }

    /// Writes a residual block, and the transformer after it if there is one.
    fn layer(
        &self,
        graph: &mut GraphWriter<'_>,
        path: &str,
        layer: usize,
        x: &Features,
        channels: usize,
        transformer: Option<TransformerConfig>,
    ) -> Result<Features, CheckpointError> {
        let resnet = format!("{path}.resnets.{layer}");
        let x = graph.resnet(&resnet, x, channels, self.norm, Some(&self.time))?;
        let Some(shape) = transformer else {
            return Ok(x);
        };
        let path = format!("{path}.attentions.{layer}");
        transformer::transformer(graph, &path, &x, &self.text, self.config, shape)
    }
}
