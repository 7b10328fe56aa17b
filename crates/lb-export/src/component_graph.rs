//! The graph of one component, built from its configuration and weights.

use std::path::{Path, PathBuf};

use lb_checkpoint::{Component, ConfigFile, TextEncoderConfig, UnetConfig, VaeConfig, Weights};

use crate::error::ExportError;
use crate::graph::{ElementType, GraphWriter};
use crate::options::{ExportOptions, Precision};
use crate::text_encoder::write_text_encoder;
use crate::unet::write_unet;
use crate::vae::{write_decoder, write_encoder};

/// One component's graph, in memory.
#[derive(Clone, Debug)]
pub struct Graph {
    /// An ONNX file (`ModelProto`) whose weights are external data.
    pub bytes: Vec<u8>,
    /// The files that the external data lies in.
    pub weight_files: Vec<WeightFile>,
    /// The number format of its arithmetic: the one that was asked for, or 32-bit floats if only these
    /// will do.
    pub precision: Precision,
}

/// A file with a graph's weights. It is no symbolic link if all files of the component lie in one
/// folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightFile {
    /// The name by which the graph's external data refers to it: a plain file name.
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
    let config = ConfigFile::open(&folder.join("config.json"))?;
    let weights = Weights::open(model_directory, component)?;
    write_component(component, &config, &weights, options)
}

/// Writes the graph of a component, which also checks that its configuration and weights fit
/// together.
pub(crate) fn write_component(
    component: Component,
    config: &ConfigFile,
    weights: &Weights,
    options: &ExportOptions,
) -> Result<Graph, ExportError> {
    let files = link_targets(weights.files());
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

/// The targets of symbolic links, if all of them lie in one folder, as all files of Hugging Face's
/// cache do. ONNX Runtime takes weights from one folder and follows no link out of it.
fn link_targets(files: &[PathBuf]) -> Vec<PathBuf> {
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
