//! Builds the graph of one component from its configuration and weights.

use std::path::{Path, PathBuf};

use lb_checkpoint::{
    CheckpointError, Component, ConfigFile, TextEncoderConfig, UnetConfig, VaeConfig, Weights,
};

use crate::graph::GraphWriter;
use crate::options::{ExportOptions, Precision};
use crate::text_encoder::write_text_encoder;
use crate::unet::write_unet;
use crate::vae::{write_decoder, write_encoder};

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
/// `checkpoint.safetensors` in the model directory (see [`import`](crate::import())).
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
    let folder = model_directory.join(component.source_name());
    let config = ConfigFile::open(&folder.join("config.json"))?;
    let weights = Weights::open(model_directory, component)?;
    write_component(component, &config, &weights, options)
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
        Component::VaeDecoder => write_decoder(&mut graph, &VaeConfig::read(config)?)?,
        Component::VaeEncoder => write_encoder(&mut graph, &VaeConfig::read(config)?)?,
    }
    Ok(graph.finish())
}
