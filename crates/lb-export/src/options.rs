//! The options for writing graphs.

/// The number format in which a graph computes. Inputs and outputs are always 32-bit floats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// The graph computes in 32-bit floats.
    #[default]
    Float32,
    /// The graph computes in 16-bit floats, for devices on which these are faster. Computations that
    /// would overflow remain in 32 bits: the means and variances of group norms, attention if the
    /// setting `upcast_attention` is on, and the whole VAE decoder of the x4 upscaler.
    Float16,
}

/// Which operators a graph uses. Graphs of both forms compute the same function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GraphForm {
    /// The graph uses ONNX Runtime's own operators as well, for which its CPU and CUDA providers have
    /// kernels. Each attention, sigmoid gate and GELU is a single node.
    #[default]
    OnnxRuntime,
    /// The graph uses only operators of the ONNX standard that TensorRT's parser supports. Attention,
    /// sigmoid gates and GELU are written as their individual operations.
    Standard,
}

/// The options for writing graphs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportOptions {
    /// The number format in which the graphs compute.
    pub precision: Precision,
    /// The operators that the graphs use.
    pub form: GraphForm,
}

impl ExportOptions {
    /// Makes options with this precision and this form.
    #[must_use]
    pub fn new(precision: Precision, form: GraphForm) -> Self {
        Self { precision, form }
    }
}
