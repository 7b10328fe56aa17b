//! Writes the graph of `UNet2DConditionModel`.
//!
//! The inputs are `sample` (`[batch, channels, height, width]`), `timestep` (int64, one for each row or
//! one for the whole batch) and `encoder_hidden_states` (`[batch, tokens, width]`). Models with class
//! embeddings, which are the noise levels of the upscaler, also take `class_labels` (int64, `[batch]`).
//! The output `out_sample` is the prediction; it has the shape of `sample`, but the model's number of
//! output channels.

mod time;
mod transformer;

use lb_checkpoint::{TransformerConfig, UnetBlockConfig, UnetConfig};

use crate::error::ExportError;
use crate::graph::{Dimension, ElementType, GraphWriter, Value};
use crate::layers::{
    Activation, Convolution, GroupNorm, ResnetBlock, activate, convolve, downsample, group_norm,
    resnet, upsample,
};

use transformer::transformer;

/// A value of shape `[batch, channels, height, width]`, and its number of channels.
type Features = (Value, usize);

/// Writes the network into `graph`.
pub(crate) fn write_unet(
    graph: &mut GraphWriter<'_>,
    config: &UnetConfig,
) -> Result<(), ExportError> {
    let picture = |channels| {
        [
            Dimension::Named("batch_size"),
            Dimension::Fixed(channels),
            Dimension::Named("height"),
            Dimension::Named("width"),
        ]
    };
    let text = [
        Dimension::Named("batch_size"),
        Dimension::Named("sequence_length"),
        Dimension::Fixed(config.text_width),
    ];
    let sample = graph.input("sample", ElementType::Float32, &picture(config.in_channels));
    let timestep = graph.input("timestep", ElementType::Int64, &[Dimension::Named("steps")]);
    let text = graph.input("encoder_hidden_states", ElementType::Float32, &text);
    let class = config.classes.map(|count| {
        let batch = [Dimension::Named("batch_size")];
        let labels = graph.input("class_labels", ElementType::Int64, &batch);
        time::ClassLabels { labels, count }
    });
    let sample = graph.enter_graph_format("sample", &sample);
    let text = graph.enter_graph_format("encoder_hidden_states", &text);

    let time = time::embed_timestep(graph, &timestep, class.as_ref(), config)?;
    let network = Unet { config, text, time };
    let predicted = network.write(graph, sample)?;

    let predicted = graph.leave_graph_format("out_sample", &predicted);
    graph.output(
        "out_sample",
        ElementType::Float32,
        &picture(config.out_channels),
        &predicted,
    );
    Ok(())
}

/// What all blocks of the network use.
struct Unet<'c> {
    config: &'c UnetConfig,
    text: Value,
    /// The time embedding after its activation: one row for each batch row, or one for all of them
    /// (`[rows, time_width]`).
    time: Value,
}

impl Unet<'_> {
    fn write(&self, graph: &mut GraphWriter<'_>, sample: Value) -> Result<Value, ExportError> {
        let config = self.config;
        let first = config.down[0].channels;
        let convolution = Convolution::same(config.in_channels, first, config.conv_in_kernel);
        let mut x = (convolve(graph, "conv_in", &sample, convolution)?, first);
        let mut skips = vec![x.clone()];
        for (index, block) in config.down.iter().enumerate() {
            let last = index + 1 == config.down.len();
            x = self.down_block(graph, index, block, last, x, &mut skips)?;
        }
        x = self.mid_block(graph, x)?;
        for (index, block) in config.up.iter().enumerate() {
            let last = index + 1 == config.up.len();
            x = self.up_block(graph, index, block, last, x, &mut skips)?;
        }
        let (x, channels) = x;
        let x = group_norm(graph, "conv_norm_out", &x, channels, self.norm())?;
        let x = activate(graph, "conv_norm_out", &x, Activation::Silu);
        let convolution = Convolution::same(channels, config.out_channels, config.conv_out_kernel);
        convolve(graph, "conv_out", &x, convolution)
    }

    fn down_block(
        &self,
        graph: &mut GraphWriter<'_>,
        index: usize,
        block: &UnetBlockConfig,
        last: bool,
        mut x: Features,
        skips: &mut Vec<Features>,
    ) -> Result<Features, ExportError> {
        let path = format!("down_blocks.{index}");
        for layer in 0..block.layers {
            x = self.resnet(graph, &format!("{path}.resnets.{layer}"), x, block.channels)?;
            x = self.attend(
                graph,
                &format!("{path}.attentions.{layer}"),
                x,
                block.transformer,
            )?;
            skips.push(x.clone());
        }
        if !last {
            let path = format!("{path}.downsamplers.0");
            let symmetric = self.config.symmetric_downsampling;
            x.0 = downsample(graph, &path, &x.0, block.channels, symmetric)?;
            skips.push(x.clone());
        }
        Ok(x)
    }

    fn mid_block(&self, graph: &mut GraphWriter<'_>, x: Features) -> Result<Features, ExportError> {
        let channels = x.1;
        let x = self.resnet(graph, "mid_block.resnets.0", x, channels)?;
        let x = self.attend(graph, "mid_block.attentions.0", x, Some(self.config.mid))?;
        self.resnet(graph, "mid_block.resnets.1", x, channels)
    }

    fn up_block(
        &self,
        graph: &mut GraphWriter<'_>,
        index: usize,
        block: &UnetBlockConfig,
        last: bool,
        mut x: Features,
        skips: &mut Vec<Features>,
    ) -> Result<Features, ExportError> {
        let path = format!("up_blocks.{index}");
        for layer in 0..block.layers {
            if let Some((skip, channels)) = skips.pop() {
                let joined = graph.concatenate(&path, &[&x.0, &skip], 1);
                x = (joined, x.1 + channels);
            }
            x = self.resnet(graph, &format!("{path}.resnets.{layer}"), x, block.channels)?;
            x = self.attend(
                graph,
                &format!("{path}.attentions.{layer}"),
                x,
                block.transformer,
            )?;
        }
        if !last {
            x.0 = upsample(graph, &format!("{path}.upsamplers.0"), &x.0, block.channels)?;
        }
        Ok(x)
    }

    fn resnet(
        &self,
        graph: &mut GraphWriter<'_>,
        path: &str,
        (x, inputs): Features,
        outputs: usize,
    ) -> Result<Features, ExportError> {
        let time = Some((&self.time, self.config.time_width));
        let block = ResnetBlock {
            inputs,
            outputs,
            norm: self.norm(),
            time,
        };
        Ok((resnet(graph, path, &x, block)?, outputs))
    }

    fn attend(
        &self,
        graph: &mut GraphWriter<'_>,
        path: &str,
        (x, channels): Features,
        shape: Option<TransformerConfig>,
    ) -> Result<Features, ExportError> {
        let Some(shape) = shape else {
            return Ok((x, channels));
        };
        Ok((
            transformer(graph, path, &x, channels, &self.text, self.config, shape)?,
            channels,
        ))
    }

    fn norm(&self) -> GroupNorm {
        GroupNorm {
            groups: self.config.norm_groups,
            epsilon: self.config.norm_epsilon,
        }
    }
}
