//! Writes the layers that several networks have in common. Each uses the operators that run fastest.

mod activation;
mod attention;
mod resnet;

use crate::error::ExportError;
use crate::graph::{Attribute, GraphWriter, Value};

pub(crate) use activation::{Activation, activate};
pub(crate) use attention::{AttentionShape, attend, picture_from_tokens, tokens_from_picture};
pub(crate) use resnet::{ResnetBlock, downsample, resnet, upsample};

/// Whether a linear layer has a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bias {
    Present,
    Absent,
}

/// Writes the lookup of rows `ids` in a table `[rows, width]`. The rows are looked up in the stored number
/// format and then converted, because a converted copy of the whole table would take memory.
pub(crate) fn embedding(
    graph: &mut GraphWriter<'_>,
    path: &str,
    ids: &Value,
    rows: usize,
    width: usize,
) -> Result<Value, ExportError> {
    let table = graph.weight_as_stored(&format!("{path}.weight"), &[rows, width])?;
    let found = graph.node(path, "Gather", &[&table.value, ids], &[]);
    if table.element == graph.element() {
        Ok(found)
    } else {
        Ok(graph.cast(path, &found, graph.element()))
    }
}

/// Writes a linear layer over the last axis of `x`. Its weight is `[outputs, inputs]`.
pub(crate) fn linear(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Value,
    inputs: usize,
    outputs: usize,
    bias: Bias,
) -> Result<Value, ExportError> {
    let weight = graph.weight(&format!("{path}.weight"), &[outputs, inputs])?;
    let bias = match bias {
        Bias::Present => Some(graph.weight(&format!("{path}.bias"), &[outputs])?),
        Bias::Absent => None,
    };
    Ok(matrix_product(graph, path, x, &weight, bias.as_ref()))
}

/// Writes x·weightᵀ over the last axis, plus the bias if there is one. The runtime transposes the weight
/// only once, when it loads the graph.
pub(crate) fn matrix_product(
    graph: &mut GraphWriter<'_>,
    scope: &str,
    x: &Value,
    weight: &Value,
    bias: Option<&Value>,
) -> Value {
    let transposed = graph.node(scope, "Transpose", &[weight], &[]);
    let product = graph.node(scope, "MatMul", &[x, &transposed], &[]);
    match bias {
        Some(bias) => graph.node(scope, "Add", &[&product, bias], &[]),
        None => product,
    }
}

/// The geometry of a convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Convolution {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    /// Number of rows or columns of zeros that are added at the top, left, bottom and right.
    pub(crate) padding: [i64; 4],
}

impl Convolution {
    /// Makes a convolution that keeps the height and width. The kernel's side must be odd.
    pub(crate) fn same(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self {
            inputs,
            outputs,
            kernel,
            stride: 1,
            padding: [(kernel / 2) as i64; 4],
        }
    }
}

/// Writes a 2-D convolution with a bias.
pub(crate) fn convolve(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Value,
    convolution: Convolution,
) -> Result<Value, ExportError> {
    let Convolution {
        inputs,
        outputs,
        kernel,
        stride,
        padding,
    } = convolution;
    let weight = graph.weight(
        &format!("{path}.weight"),
        &[outputs, inputs, kernel, kernel],
    )?;
    let bias = graph.weight(&format!("{path}.bias"), &[outputs])?;
    let attributes = [
        Attribute::Integers("kernel_shape", &[kernel as i64; 2]),
        Attribute::Integers("strides", &[stride as i64; 2]),
        Attribute::Integers("pads", &padding),
    ];
    Ok(graph.node(path, "Conv", &[x, &weight, &bias], &attributes))
}

/// Writes a layer normalisation over the last axis.
pub(crate) fn layer_norm(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Value,
    width: usize,
    epsilon: f64,
) -> Result<Value, ExportError> {
    let scale = graph.weight(&format!("{path}.weight"), &[width])?;
    let shift = graph.weight(&format!("{path}.bias"), &[width])?;
    let epsilon = Attribute::Float("epsilon", epsilon as f32);
    Ok(graph.node(path, "LayerNormalization", &[x, &scale, &shift], &[epsilon]))
}

/// The settings of a group normalisation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupNorm {
    pub(crate) groups: usize,
    pub(crate) epsilon: f64,
}

/// Writes a group normalisation of pictures `[batch, channels, height, width]`: each group of channels is
/// normalised to mean 0 and variance 1, and then each channel is scaled and shifted.
///
/// The operator is `InstanceNormalization` over the groups, because ONNX Runtime's CPU provider has a
/// kernel for it. It has none for `GroupNormalization`, which it splits into slower operators. Means and
/// variances are always computed in 32-bit floats, because their sums would overflow 16-bit ones.
pub(crate) fn group_norm(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Value,
    channels: usize,
    norm: GroupNorm,
) -> Result<Value, ExportError> {
    let scale = graph.weight(&format!("{path}.weight"), &[channels])?;
    let shift = graph.weight(&format!("{path}.bias"), &[channels])?;
    let shape = graph.node(path, "Shape", &[x], &[]);
    let grouped = graph.integers(&[0, norm.groups as i64, -1]);
    let grouped = graph.node(path, "Reshape", &[x, &grouped], &[]);
    let grouped = graph.leave_graph_format(path, &grouped);
    let ones = vec![1.0; norm.groups];
    let ones = graph.float32s(&format!("ones({})", norm.groups), &[norm.groups], &ones);
    let zeros = vec![0.0; norm.groups];
    let zeros = graph.float32s(&format!("zeros({})", norm.groups), &[norm.groups], &zeros);
    let epsilon = Attribute::Float("epsilon", norm.epsilon as f32);
    let normal = graph.node(
        path,
        "InstanceNormalization",
        &[&grouped, &ones, &zeros],
        &[epsilon],
    );
    let normal = graph.enter_graph_format(path, &normal);
    let normal = graph.node(path, "Reshape", &[&normal, &shape], &[]);
    let per_channel = graph.integers(&[channels as i64, 1, 1]);
    let scale = graph.node(path, "Reshape", &[&scale, &per_channel], &[]);
    let shift = graph.node(path, "Reshape", &[&shift, &per_channel], &[]);
    let scaled = graph.node(path, "Mul", &[&normal, &scale], &[]);
    Ok(graph.node(path, "Add", &[&scaled, &shift], &[]))
}
