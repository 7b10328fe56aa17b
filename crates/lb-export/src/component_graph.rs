//! Builds the graph of one component from its configuration and weights, and says how it is to be written.

use std::path::{Path, PathBuf};

use lb_checkpoint::{
    CheckpointError, Component, ConfigFile, DecoderConfig, Manifest, StandaloneDecoder,
    TextEncoderConfig, TinyVaeConfig, UnetConfig, VaeConfig, Weights,
};

use crate::graph::GraphWriter;
use crate::text_encoder::write_text_encoder;
use crate::tiny_vae;
use crate::unet::write_unet;
use crate::vae;

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
    /// the number of tokens remain open.
    pub latent_size: Option<[usize; 2]>,
}

impl ExportOptions {
    /// Makes options with this precision and this form, for pictures of any size.
    #[must_use]
    pub fn new(precision: Precision, form: GraphForm) -> Self {
        Self {
            precision,
            form,
            latent_size: None,
        }
    }
}

/// The graph of one component, in memory.
#[derive(Clone, Debug)]
pub struct Graph {
    /// An ONNX file (`ModelProto`) whose weights are external data.
    pub bytes: Vec<u8>,
    /// The files that contain the external data.
    pub weight_files: Vec<WeightFile>,
    /// The precision in which it computes. This is the requested one, except that components which would
    /// overflow 16-bit floats always compute in 32 bits.
    pub precision: Precision,
}

/// A file that contains weights of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightFile {
    /// The name by which the graph's external data refers to the file. It is a plain file name.
    pub location: String,
    /// The path of the file. Symbolic links have been followed if all files of the component are then in
    /// one folder.
    pub path: PathBuf,
}

/// Builds a component's graph from the configuration and weights in a diffusers directory.
///
/// If the component's folder has no weights, they are taken from the single-file checkpoint
/// `checkpoint.safetensors` in the model directory (see [`import`](crate::import())). A component that
/// the model takes from another one (see [`Manifest`]) is looked for there.
///
/// No file is written. Of the weight files only the headers are read.
///
/// # Errors
/// The configuration or the weights are missing, damaged, not supported, or contradict each other. The
/// error names the file, the setting or tensor, and what was expected.
pub fn build_graph(
    model_directory: &Path,
    component: Component,
    options: &ExportOptions,
) -> Result<Graph, CheckpointError> {
    let manifest = Manifest::read(model_directory)?;
    let name = component.source_name();
    let folder = manifest.home_of(name).join(name);
    let config = ConfigFile::open(&folder.join("config.json"))?;
    let weights = Weights::open(model_directory, component)?;
    write_component(component, &config, &weights, options)
}

/// Builds the graph of a VAE decoder that is used instead of a model's own.
///
/// # Errors
/// Those of [`build_graph`].
pub fn build_decoder_graph(
    decoder: &StandaloneDecoder,
    options: &ExportOptions,
) -> Result<Graph, CheckpointError> {
    let name = Component::VaeDecoder.directory_name();
    let mut graph = GraphWriter::new(name, decoder.weights(), options);
    write_decoder(&mut graph, decoder.config())?;
    Ok(graph.finish())
}

fn write_decoder(
    graph: &mut GraphWriter<'_>,
    config: &DecoderConfig,
) -> Result<(), CheckpointError> {
    match config {
        DecoderConfig::Kl(config) => vae::write_decoder(graph, config),
        DecoderConfig::Tiny(config) => tiny_vae::write_decoder(graph, config),
    }
}

/// Builds the graph of a component. This also checks that its configuration and weights fit together.
pub(crate) fn write_component(
    component: Component,
    config: &ConfigFile,
    weights: &Weights,
    options: &ExportOptions,
) -> Result<Graph, CheckpointError> {
    let mut graph = GraphWriter::new(component.directory_name(), weights, options);
    match component {
        Component::TextEncoder => {
            write_text_encoder(&mut graph, &TextEncoderConfig::read(config)?)?;
        }
        Component::Unet => write_unet(&mut graph, &UnetConfig::read(config)?)?,
        Component::VaeDecoder => write_decoder(&mut graph, &DecoderConfig::read(config)?)?,
        Component::VaeEncoder if TinyVaeConfig::describes(config) => {
            tiny_vae::write_encoder(&mut graph, &TinyVaeConfig::read(config)?.encoder)?;
        }
        Component::VaeEncoder => vae::write_encoder(&mut graph, &VaeConfig::read(config)?)?,
    }
    Ok(graph.finish())
}
