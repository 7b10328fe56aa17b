//! How a graph is to be written: the number format, the operators, and the size of the latents.

/// The number format in which a graph computes. Inputs and outputs are always 32-bit floats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// The graph computes in 32-bit floats.
    #[default]
    Float32,
    /// The graph computes in 16-bit floats, for devices on which these are faster. Computations that
    /// would overflow remain in 32 bits: the means and variances of group norms, attention if the
    /// setting `upcast_attention` is on (but see [`GraphForm::Cuda`]), and the whole VAE decoder of the
    /// x4 upscaler.
    Float16,
}

/// Which operators a graph uses. Graphs of all forms compute the same function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GraphForm {
    /// The graph uses ONNX Runtime's own operators as well, for which its CPU and CUDA providers have
    /// kernels. Each attention, sigmoid gate and GELU is a single node.
    #[default]
    OnnxRuntime,
    /// The graph also uses the operators of ONNX Runtime for which only its CUDA provider has kernels,
    /// and is fastest if the provider runs convolutions with the channels last (`prefer_nhwc`). A group
    /// norm with the SiLU after it is a single node, and so are the end of GEGLU and the addition of
    /// biases and a residual; weights are multiplied as they are stored. Where a kernel does not take the
    /// number of channels, the node is written as in [`Self::OnnxRuntime`].
    ///
    /// Attention is never converted to 32 bits, whatever the setting `upcast_attention` says: the
    /// provider's fused kernels sum in 32 bits anyway. diffusers ignores the setting in the same way if
    /// PyTorch's fused attention is used.
    Cuda,
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
    /// Height and width of the latents, if the graphs are for one size only. They then contain the sizes
    /// of all pictures as constants, refuse inputs of other sizes, and are faster on a GPU. Batch size and
    /// the number of tokens remain open. A UNet's graph for any size takes only multiples of the pixels that
    /// its halvings make one of: 8 latent pixels for Stable Diffusion.
    pub latent_size: Option<[usize; 2]>,
    /// How many of the text encoder's last layers are left out, fewer than it has. What the layer before them
    /// gives goes through the final layer norm.
    pub skipped_text_layers: usize,
    /// Whether the text encoder's graph has the further input `embedding_vectors`: 32-bit floats
    /// `[vectors, width]`, at least one vector. An id beyond the encoder's own table stands for one of them: the
    /// number of rows of the table for the first, and so on.
    pub takes_embeddings: bool,
}

impl ExportOptions {
    /// Makes options with this precision and this form, for pictures of any size.
    #[must_use]
    pub fn new(precision: Precision, form: GraphForm) -> Self {
        Self {
            precision,
            form,
            latent_size: None,
            skipped_text_layers: 0,
            takes_embeddings: false,
        }
    }
}
