//! Whole model directories: which component lies where, and what an export writes.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::error::ExportError;
use crate::graph::{ElementType, GraphWriter};
use crate::text_encoder::{TextEncoderConfig, write_text_encoder};
use crate::unet::{UnetConfig, write_unet};
use crate::vae::{VaeConfig, write_decoder, write_encoder};
use crate::weights::Weights;

/// The networks of a model, each of which becomes a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// `CLIPTextModel`: prompt tokens → conditioning.
    TextEncoder,
    /// `UNet2DConditionModel`: the denoiser.
    Unet,
    /// The half of `AutoencoderKL` that makes pictures of latents.
    VaeDecoder,
    /// The half of `AutoencoderKL` that makes latents of pictures.
    VaeEncoder,
}

impl Component {
    /// All components, in the order in which a picture passes them (the encoder last).
    pub const ALL: [Self; 4] = [
        Self::TextEncoder,
        Self::Unet,
        Self::VaeDecoder,
        Self::VaeEncoder,
    ];

    /// The folder of the component's graph in a model directory: the names that Optimum uses.
    #[must_use]
    pub fn directory_name(self) -> &'static str {
        match self {
            Self::TextEncoder => "text_encoder",
            Self::Unet => "unet",
            Self::VaeDecoder => "vae_decoder",
            Self::VaeEncoder => "vae_encoder",
        }
    }

    /// The folder of the component's configuration and weights: the names that diffusers uses.
    #[must_use]
    pub fn source_name(self) -> &'static str {
        match self {
            Self::TextEncoder => "text_encoder",
            Self::Unet => "unet",
            Self::VaeDecoder | Self::VaeEncoder => "vae",
        }
    }
}

/// The number format of a graph's arithmetic. Inputs and outputs are 32-bit floats either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Float32,
    /// 16-bit floats, for devices that are faster at them. What overflows them stays in 32 bits:
    /// the means and variances of group norms, attention where a model's `upcast_attention` says
    /// so, and the whole decoder of the x4 upscaler's autoencoder (the one with factor 4).
    Float16,
}

/// Whose operators a graph is written in. Both forms compute the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GraphForm {
    /// ONNX's operators and three of ONNX Runtime's own, which its CPU and CUDA providers have
    /// kernels for: attention and the sigmoid gates are one node each.
    #[default]
    OnnxRuntime,
    /// Nothing but ONNX's operators, and of those only what TensorRT's parser knows: attention,
    /// sigmoid gates and GELU in the products and sums that they are made of.
    Standard,
}

/// How graphs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// The number format of the graphs' arithmetic.
    pub precision: Precision,
    /// The operators that they are written in.
    pub form: GraphForm,
}

/// One component's graph, in memory.
#[derive(Clone, Debug)]
pub struct Graph {
    /// An ONNX file (`ModelProto`) whose weights are external data.
    pub bytes: Vec<u8>,
    /// The files that the external data lies in.
    pub weight_files: Vec<WeightFile>,
    /// What it computes in: what was asked for, or 32-bit floats where only those do.
    pub precision: Precision,
}

/// A file with a graph's weights: no link to one, where all files of a component lie in one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightFile {
    /// What the graph's external data calls it: a plain file name.
    pub location: String,
    /// Where it lies.
    pub path: PathBuf,
}

/// Builds a component's graph from the configuration and weights in a diffusers directory.
///
/// A component whose folder has no weights of its own takes them from `checkpoint.safetensors` in
/// the model directory, a single-file checkpoint (see [`import`](crate::import())).
///
/// Writes nothing. The weights' headers are read, their numbers are not.
///
/// # Errors
/// When the configuration or the weights are missing, damaged, not supported, or contradict each
/// other; the error names the file, the setting or tensor, and what was expected.
pub fn build_graph(
    model_directory: &Path,
    component: Component,
    options: &ExportOptions,
) -> Result<Graph, ExportError> {
    let folder = model_directory.join(component.source_name());
    let config = Config::open(&folder)?;
    let weights = Weights::of_component(model_directory, component)?;
    write_component(component, &config, &weights, options)
}

/// Writes the graph of a component, and with that checks that configuration and weights fit.
pub(crate) fn write_component(
    component: Component,
    config: &Config,
    weights: &Weights,
    options: &ExportOptions,
) -> Result<Graph, ExportError> {
    let files = followed(weights.files());
    let locations: Vec<_> = files
        .iter()
        .map(|path| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let element = match options.precision {
        Precision::Float32 => ElementType::Float32,
        Precision::Float16 => ElementType::Float16,
    };
    let mut graph = GraphWriter::new(
        component.directory_name(),
        weights,
        locations.clone(),
        element,
        options.form,
    );
    match component {
        Component::TextEncoder => {
            write_text_encoder(&mut graph, &TextEncoderConfig::read(config)?)?;
        }
        Component::Unet => write_unet(&mut graph, &UnetConfig::read(config)?)?,
        Component::VaeDecoder => write_decoder(&mut graph, &VaeConfig::read(config)?)?,
        Component::VaeEncoder => write_encoder(&mut graph, &VaeConfig::read(config)?)?,
    }
    let written = graph.finish();
    let weight_files = written
        .files_used
        .iter()
        .map(|&file| WeightFile {
            location: locations[file].clone(),
            path: files[file].clone(),
        })
        .collect();
    Ok(Graph {
        bytes: written.bytes,
        weight_files,
        precision: match written.element {
            ElementType::Float16 => Precision::Float16,
            _ => Precision::Float32,
        },
    })
}

/// The files that links lead to, if these lie in one folder, as all files of Hugging Face's cache
/// do: ONNX Runtime takes weights from a folder, and follows no link out of it.
fn followed(files: &[PathBuf]) -> Vec<PathBuf> {
    if !files.iter().any(|file| file.is_symlink()) {
        return files.to_vec();
    }
    let real: Option<Vec<_>> = files.iter().map(|file| file.canonicalize().ok()).collect();
    let in_one_folder = |real: &Vec<PathBuf>| {
        let pairs = real.iter().zip(real.iter().skip(1));
        pairs
            .into_iter()
            .all(|(one, next)| one.parent() == next.parent())
    };
    real.filter(in_one_folder).unwrap_or_else(|| files.to_vec())
}
