//! Writes the residual block of the UNet and the autoencoder, and the layers that change the resolution.

use super::{Activation, Convolution, GroupNorm, activate, convolve, group_norm, linear};
use crate::error::ExportError;
use crate::graph::{Attribute, GraphWriter, Value};

/// The sizes and settings of a residual block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResnetBlock<'v> {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) norm: GroupNorm,
    /// The time embedding after its activation, and its width; `None` if the network has none.
    pub(crate) time: Option<(&'v Value, usize)>,
}

/// Writes norm → SiLU → convolution (+ time embedding) → norm → SiLU → convolution, and adds the result
/// to the input.
pub(crate) fn resnet(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Value,
    block: ResnetBlock<'_>,
) -> Result<Value, ExportError> {
    let ResnetBlock {
        inputs,
        outputs,
        norm,
        time,
    } = block;
    let first = group_norm(graph, &format!("{path}.norm1"), x, inputs, norm)?;
    let first = activate(graph, path, &first, Activation::Silu);
    let first =
        Convolution::same(inputs, outputs, 3).on(graph, &format!("{path}.conv1"), &first)?;
    let first = match time {
        Some((embedding, width)) => {
            let name = format!("{path}.time_emb_proj");
            let offsets = linear(
                graph,
                &name,
                embedding,
                width,
                outputs,
                super::Bias::Present,
            )?;
            let per_channel = graph.integers(&[0, outputs as i64, 1, 1]);
            let offsets = graph.node(&name, "Reshape", &[&offsets, &per_channel], &[]);
            graph.node(path, "Add", &[&first, &offsets], &[])
        }
        None => first,
    };
    let second = group_norm(graph, &format!("{path}.norm2"), &first, outputs, norm)?;
    let second = activate(graph, path, &second, Activation::Silu);
    let second =
        Convolution::same(outputs, outputs, 3).on(graph, &format!("{path}.conv2"), &second)?;
    let shortcut = if inputs == outputs {
        x.clone()
    } else {
        Convolution::same(inputs, outputs, 1).on(graph, &format!("{path}.conv_shortcut"), x)?
    };
    Ok(graph.node(path, "Add", &[&shortcut, &second], &[]))
}

impl Convolution {
    fn on(self, graph: &mut GraphWriter<'_>, path: &str, x: &Value) -> Result<Value, ExportError> {
        convolve(graph, path, x, self)
    }
}

/// Writes the doubling of height and width by repetition of pixels, and a convolution after it.
pub(crate) fn upsample(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Value,
    channels: usize,
) -> Result<Value, ExportError> {
    let factors = graph.float32s("upsampling_factors", &[4], &[1.0, 1.0, 2.0, 2.0]);
    let absent = GraphWriter::absent();
    let attributes = [
        Attribute::Text("mode", "nearest"),
        Attribute::Text("coordinate_transformation_mode", "asymmetric"),
        Attribute::Text("nearest_mode", "floor"),
    ];
    let larger = graph.node(path, "Resize", &[x, &absent, &factors], &attributes);
    convolve(
        graph,
        &format!("{path}.conv"),
        &larger,
        Convolution::same(channels, channels, 3),
    )
}

/// Writes the halving of height and width by a convolution with stride 2. With symmetric padding, zeros
/// are added on all four sides; otherwise only at the bottom and on the right, as in diffusers'
/// autoencoders.
pub(crate) fn downsample(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Value,
    channels: usize,
    symmetric_padding: bool,
) -> Result<Value, ExportError> {
    let padding = if symmetric_padding {
        [1, 1, 1, 1]
    } else {
        [0, 0, 1, 1]
    };
    let convolution = Convolution {
        inputs: channels,
        outputs: channels,
        kernel: 3,
        stride: 2,
        padding,
    };
    convolve(graph, &format!("{path}.conv"), x, convolution)
}
