//! Writes the layers that several networks have in common. Each uses the operators that run fastest.

mod activation;
mod attention;
mod resnet;

use lb_checkpoint::CheckpointError;

use crate::graph::{Attribute, GraphWriter, Value};

pub(crate) use activation::Activation;
pub(crate) use attention::Attention;

/// A value of a network: pictures `[batch, channels, height, width]`, or tokens
/// `[batch, tokens, channels]`.
#[derive(Clone)]
pub(crate) struct Features {
    pub(crate) value: Value,
    pub(crate) channels: usize,
}

impl Features {
    pub(crate) fn new(value: Value, channels: usize) -> Self {
        Self { value, channels }
    }
}

/// Whether a linear layer has a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bias {
    Present,
    Absent,
}

/// The settings of a group normalisation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupNorm {
    pub(crate) groups: usize,
    pub(crate) epsilon: f64,
}

impl GraphWriter<'_> {
    /// Writes the lookup of rows `ids` in a table `[rows, width]`. The rows are looked up in the stored
    /// number format and then converted, because a converted copy of the whole table would take memory.
    pub(crate) fn embedding(
        &mut self,
        path: &str,
        ids: &Value,
        [rows, width]: [usize; 2],
    ) -> Result<Features, CheckpointError> {
        let (table, stored) = self.weight_as_stored(&format!("{path}.weight"), &[rows, width])?;
        let mut found = self.node(path, "Gather", &[&table, ids], &[]);
        if stored != self.element {
            found = self.cast(path, &found, self.element);
        }
        Ok(Features::new(found, width))
    }

    /// Writes the sum of two values of the same shape.
    pub(crate) fn add(&mut self, scope: &str, one: &Features, other: &Features) -> Features {
        let sum = self.node(scope, "Add", &[&one.value, &other.value], &[]);
        Features::new(sum, one.channels)
    }

    /// Writes a linear layer over the last axis of tokens. Its weight is `[outputs, inputs]`.
    pub(crate) fn linear(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
        bias: Bias,
    ) -> Result<Features, CheckpointError> {
        let weight = self.weight(&format!("{path}.weight"), &[outputs, x.channels])?;
        let bias = match bias {
            Bias::Present => Some(self.weight(&format!("{path}.bias"), &[outputs])?),
            Bias::Absent => None,
        };
        let product = self.matrix_product(path, &x.value, &weight, bias.as_ref());
        Ok(Features::new(product, outputs))
    }

    /// Writes x·weightᵀ over the last axis, plus the bias if there is one. The runtime transposes the
    /// weight only once, when it loads the graph.
    pub(crate) fn matrix_product(
        &mut self,
        scope: &str,
        x: &Value,
        weight: &Value,
        bias: Option<&Value>,
    ) -> Value {
        let transposed = self.node(scope, "Transpose", &[weight], &[]);
        let product = self.node(scope, "MatMul", &[x, &transposed], &[]);
        match bias {
            Some(bias) => self.node(scope, "Add", &[&product, bias], &[]),
            None => product,
        }
    }

    /// Writes a convolution with a bias that keeps the height and width. The kernel's side must be odd.
    pub(crate) fn convolve(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
        kernel: usize,
    ) -> Result<Features, CheckpointError> {
        self.convolve_strided(path, x, outputs, kernel, 1, [(kernel / 2) as i64; 4])
    }

    /// Writes a convolution with a bias. `padding` is the number of rows or columns of zeros that are
    /// added at the top, left, bottom and right.
    fn convolve_strided(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
        kernel: usize,
        stride: i64,
        padding: [i64; 4],
    ) -> Result<Features, CheckpointError> {
        let shape = [outputs, x.channels, kernel, kernel];
        let weight = self.weight(&format!("{path}.weight"), &shape)?;
        let bias = self.weight(&format!("{path}.bias"), &[outputs])?;
        let attributes = [
            Attribute::Integers("kernel_shape", &[kernel as i64; 2]),
            Attribute::Integers("strides", &[stride; 2]),
            Attribute::Integers("pads", &padding),
        ];
        let convolved = self.node(path, "Conv", &[&x.value, &weight, &bias], &attributes);
        Ok(Features::new(convolved, outputs))
    }

    /// Writes a layer normalisation over the last axis.
    pub(crate) fn layer_norm(
        &mut self,
        path: &str,
        x: &Features,
        epsilon: f64,
    ) -> Result<Features, CheckpointError> {
        let [scale, shift] = self.scale_and_shift(path, x.channels)?;
        let epsilon = [Attribute::Float("epsilon", epsilon as f32)];
        let inputs = [&x.value, &scale, &shift];
        let normal = self.node(path, "LayerNormalization", &inputs, &epsilon);
        Ok(Features::new(normal, x.channels))
    }

    /// Writes a group normalisation of pictures: each group of channels is normalised to mean 0 and
    /// variance 1, and then each channel is scaled and shifted.
    ///
    /// The operator is `InstanceNormalization` over the groups, because ONNX Runtime's CPU provider has a
    /// kernel for it. It has none for `GroupNormalization`, which it splits into slower operators. Means
    /// and variances are always computed in 32-bit floats, because their sums would overflow 16-bit ones.
    pub(crate) fn group_norm(
        &mut self,
        path: &str,
        x: &Features,
        GroupNorm { groups, epsilon }: GroupNorm,
    ) -> Result<Features, CheckpointError> {
        let [scale, shift] = self.scale_and_shift(path, x.channels)?;
        let shape = self.node(path, "Shape", &[&x.value], &[]);
        let grouped = self.reshape(path, &x.value, &[0, groups as i64, -1]);
        let grouped = self.leave_graph_format(path, &grouped);
        let [ones, zeros] = [("ones", 1.0), ("zeros", 0.0)].map(|(name, number)| {
            self.float32s(
                &format!("{name}({groups})"),
                &[groups],
                &vec![number; groups],
            )
        });
        let epsilon = [Attribute::Float("epsilon", epsilon as f32)];
        let inputs = [&grouped, &ones, &zeros];
        let normal = self.node(path, "InstanceNormalization", &inputs, &epsilon);
        let normal = self.enter_graph_format(path, &normal);
        let normal = self.node(path, "Reshape", &[&normal, &shape], &[]);
        let per_channel = [x.channels as i64, 1, 1];
        let scale = self.reshape(path, &scale, &per_channel);
        let shift = self.reshape(path, &shift, &per_channel);
        let scaled = self.node(path, "Mul", &[&normal, &scale], &[]);
        let shifted = self.node(path, "Add", &[&scaled, &shift], &[]);
        Ok(Features::new(shifted, x.channels))
    }

    /// Adds the weight and the bias of a normalisation.
    fn scale_and_shift(
        &mut self,
        path: &str,
        channels: usize,
    ) -> Result<[Value; 2], CheckpointError> {
        let scale = self.weight(&format!("{path}.weight"), &[channels])?;
        let shift = self.weight(&format!("{path}.bias"), &[channels])?;
        Ok([scale, shift])
    }
}
