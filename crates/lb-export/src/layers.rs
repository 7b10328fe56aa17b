//! Writes the layers that several networks have in common. Each uses the operators that run fastest.

mod activation;
mod attention;
mod normalization;
mod resnet;

use lb_checkpoint::CheckpointError;

use crate::graph::{Attribute, ElementType, GraphWriter, Value};
use crate::options::GraphForm;

pub(crate) use activation::Activation;
pub(crate) use attention::Attention;
pub(crate) use normalization::GroupNorm;

/// A value of a network: pictures `[batch, channels, height, width]`, or tokens
/// `[batch, tokens, channels]`.
#[derive(Clone)]
pub(crate) struct Features {
    pub(crate) value: Value,
    pub(crate) channels: usize,
    /// Height and width of pictures, if the graph is for one size only.
    pub(crate) size: Option<[usize; 2]>,
    /// Whether these are pictures `[batch, height, width, channels]`, as some of the CUDA provider's
    /// operators take and make them. Layers that need the channels first transpose them; the provider
    /// removes the transpositions before its convolutions, which take the channels last, too.
    channels_last: bool,
    /// Whether these are vectors `[rows, channels]`, such as the embedding of a timestep.
    pub(crate) is_vector: bool,
}

impl Features {
    /// Makes features of tokens, or of pictures whose size is not known.
    pub(crate) fn new(value: Value, channels: usize) -> Self {
        Self::picture(value, channels, None)
    }

    /// Makes features of pictures with this height and width, if they are known.
    pub(crate) fn picture(value: Value, channels: usize, size: Option<[usize; 2]>) -> Self {
        Self {
            value,
            channels,
            size,
            channels_last: false,
            is_vector: false,
        }
    }

    /// Makes features that are vectors `[rows, channels]`.
    pub(crate) fn vectors(value: Value, channels: usize) -> Self {
        Self {
            is_vector: true,
            ..Self::new(value, channels)
        }
    }

    /// Returns features of the same shape with another value.
    pub(crate) fn with_value(&self, value: Value) -> Self {
        Self {
            value,
            ..self.clone()
        }
    }
}

/// Whether a linear layer has a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bias {
    Present,
    Absent,
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
        let one = self.channels_first(scope, one);
        let other = self.channels_first(scope, other);
        let sum = self.node(scope, "Add", &[&one.value, &other.value], &[]);
        one.with_value(sum)
    }

    /// Writes the concatenation of two pictures' channels.
    pub(crate) fn join_channels(
        &mut self,
        scope: &str,
        one: &Features,
        other: &Features,
    ) -> Features {
        let one = self.channels_first(scope, one);
        let other = self.channels_first(scope, other);
        let joined = self.concatenate(scope, &[&one.value, &other.value], 1);
        Features::picture(joined, one.channels + other.channels, one.size)
    }

    /// Writes the transposition of pictures to `[batch, height, width, channels]`, if they have another
    /// order.
    fn channels_last(&mut self, scope: &str, x: &Features) -> Features {
        if x.channels_last {
            return x.clone();
        }
        Features {
            value: self.transpose(scope, &x.value, &[0, 2, 3, 1]),
            channels_last: true,
            ..x.clone()
        }
    }

    /// Writes the transposition of pictures to `[batch, channels, height, width]`, if they have another
    /// order.
    fn channels_first(&mut self, scope: &str, x: &Features) -> Features {
        if !x.channels_last {
            return x.clone();
        }
        Features {
            value: self.transpose(scope, &x.value, &[0, 3, 1, 2]),
            channels_last: false,
            ..x.clone()
        }
    }

    /// Writes the shape of pictures, for changes of shape: as a constant if their size is known.
    fn picture_shape(&mut self, scope: &str, x: &Features) -> Value {
        let Some([height, width]) = x.size else {
            return self.node(scope, "Shape", &[&x.value], &[]);
        };
        let [channels, height, width] = [x.channels, height, width].map(|side| side as i64);
        if x.channels_last {
            self.integers(&[-1, height, width, channels])
        } else {
            self.integers(&[-1, channels, height, width])
        }
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
        let mut product = self.matrix_product(path, &x.value, &weight);
        if let Some(bias) = bias {
            product = self.node(path, "Add", &[&product, &bias], &[]);
        }
        if let Some(change) = self.linear_change(path, x, outputs)? {
            product = self.node(path, "Add", &[&product, &change], &[]);
        }
        Ok(Features {
            is_vector: x.is_vector,
            ..Features::new(product, outputs)
        })
    }

    /// Writes a linear layer with a bias over tokens, and adds its result to the tokens `residual`.
    pub(crate) fn linear_with_residual(
        &mut self,
        path: &str,
        x: &Features,
        residual: &Features,
    ) -> Result<Features, CheckpointError> {
        let outputs = residual.channels;
        if !self.has_bias_add(outputs) {
            let change = self.linear(path, x, outputs, Bias::Present)?;
            return Ok(self.add(path, &change, residual));
        }
        let weight = self.weight(&format!("{path}.weight"), &[outputs, x.channels])?;
        let bias = self.weight(&format!("{path}.bias"), &[outputs])?;
        let mut product = self.matrix_product(path, &x.value, &weight);
        if let Some(change) = self.linear_change(path, x, outputs)? {
            product = self.node(path, "Add", &[&product, &change], &[]);
        }
        let sum = self.node(path, "BiasAdd", &[&product, &bias, &residual.value], &[]);
        Ok(Features::new(sum, outputs))
    }

    /// Whether a bias and a residual can be added to tokens of this many channels by one node, `BiasAdd`.
    fn has_bias_add(&self, channels: usize) -> bool {
        /// The numbers of channels that CUDA's kernel takes.
        const CHANNELS: [usize; 3] = [320, 640, 1280];
        self.form == GraphForm::Cuda && CHANNELS.contains(&channels)
    }

    /// Adds the sum of biases. The runtime computes it once, when it loads the graph, which it can only do
    /// in 32 bits.
    fn sum_of_biases(
        &mut self,
        scope: &str,
        names: &[String],
        channels: usize,
    ) -> Result<Value, CheckpointError> {
        let mut sum: Option<Value> = None;
        for name in names {
            let bias = self.weight_in(ElementType::Float32, name, &[channels])?;
            sum = Some(match sum {
                Some(sum) => self.node(scope, "Add", &[&sum, &bias], &[]),
                None => bias,
            });
        }
        Ok(self.enter_graph_format(scope, &sum.unwrap_or(Value::absent())))
    }

    /// Writes x·weightᵀ over the last axis.
    pub(crate) fn matrix_product(&mut self, scope: &str, x: &Value, weight: &Value) -> Value {
        if self.form == GraphForm::Cuda {
            // Transposing every weight would take most of the loading time.
            let transposed = [Attribute::Integer("transB", 1)];
            return self.node(scope, "FusedMatMul", &[x, weight], &transposed);
        }
        // The runtime transposes the weight only once, when it loads the graph.
        let transposed = self.node(scope, "Transpose", &[weight], &[]);
        self.node(scope, "MatMul", &[x, &transposed], &[])
    }

    /// Writes a convolution with a bias that keeps the height and width. The kernel's side must be odd.
    pub(crate) fn convolve(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
        kernel: usize,
    ) -> Result<Features, CheckpointError> {
        let padding = [(kernel / 2) as i64; 4];
        self.convolve_strided(path, x, outputs, kernel, 1, padding, Bias::Present)
    }

    /// Writes a convolution as [`Self::convolve`] does, but without a bias.
    pub(crate) fn convolve_without_bias(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
        kernel: usize,
    ) -> Result<Features, CheckpointError> {
        let padding = [(kernel / 2) as i64; 4];
        self.convolve_strided(path, x, outputs, kernel, 1, padding, Bias::Absent)
    }

    /// Writes a convolution. `padding` is the number of rows or columns of zeros that are added at the
    /// top, left, bottom and right.
    #[expect(clippy::too_many_arguments, reason = "each says something else")]
    pub(crate) fn convolve_strided(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
        kernel: usize,
        stride: i64,
        padding: [i64; 4],
        bias: Bias,
    ) -> Result<Features, CheckpointError> {
        let shape = [outputs, x.channels, kernel, kernel];
        let weight = self.weight(&format!("{path}.weight"), &shape)?;
        let bias = match bias {
            Bias::Present => Some(self.weight(&format!("{path}.bias"), &[outputs])?),
            Bias::Absent => None,
        };
        let attributes = [
            Attribute::Integers("kernel_shape", &[kernel as i64; 2]),
            Attribute::Integers("strides", &[stride; 2]),
            Attribute::Integers("pads", &padding),
        ];
        let x = self.channels_first(path, x);
        let mut inputs = vec![&x.value, &weight];
        inputs.extend(&bias);
        let mut convolved = self.node(path, "Conv", &inputs, &attributes);
        if let Some(change) = self.convolution_change(path, &x, outputs, kernel, &attributes)? {
            convolved = self.node(path, "Add", &[&convolved, &change], &[]);
        }
        let [top, left, bottom, right] = padding.map(|zeros| zeros as usize);
        let after = |side: usize, zeros| (side + zeros - kernel) / stride as usize + 1;
        let size = x
            .size
            .map(|[height, width]| [after(height, top + bottom), after(width, left + right)]);
        Ok(Features::picture(convolved, outputs, size))
    }
}
