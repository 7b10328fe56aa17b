//! How graphs are written.

/// The number format of a graph's arithmetic. Inputs and outputs are 32-bit floats either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Float32,
    /// 16-bit floats, for devices that are faster at them. What overflows them stays in 32 bits:
    /// the means and variances of group norms, attention if the model's `upcast_attention` asks for
    /// it, and the whole decoder of the x4 upscaler's autoencoder (the one with factor 4).
    Float16,
}

/// Which operators a graph uses. Both forms compute the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GraphForm {
    /// ONNX's operators and three of ONNX Runtime's own, for which its CPU and CUDA providers have
    /// kernels: attention and the sigmoid gates are one node each.
    #[default]
    OnnxRuntime,
    /// Only ONNX's operators, and of those only what TensorRT's parser knows: attention, sigmoid
    /// gates and GELU are written as the products and sums that they are made of.
    Standard,
}

/// How graphs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportOptions {
    /// The number format of the graphs' arithmetic.
    pub precision: Precision,
    /// The operators that the graphs use.
    pub form: GraphForm,
}

impl ExportOptions {
    /// Graphs with this arithmetic and these operators.
    #[must_use]
    pub fn new(precision: Precision, form: GraphForm) -> Self {
        Self { precision, form }
    }
}
