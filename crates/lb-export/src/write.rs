//! Writes graphs into a model directory, and brings their weights into the folders in which ONNX Runtime
//! looks for them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use lb_checkpoint::{
    CheckpointError, Component, ConfigFile, Manifest, WeightTransfer, link_or_copy,
};

use crate::component_graph::build_graph;
use crate::graph::{Graph, WeightFile};
use crate::options::ExportOptions;

/// The file name that Optimum gives to a graph.
const GRAPH_FILE: &str = "model.onnx";

/// The file name that diffusers gives to a component's configuration.
const CONFIG_FILE: &str = "config.json";

/// A graph on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportedGraph {
    /// The component that it computes.
    pub component: Component,
    /// The path of its file.
    pub path: PathBuf,
    /// The size of its file in bytes, without the weights.
    pub bytes_written: u64,
    /// How its weights were brought into its folder.
    pub weights: WeightTransfer,
}

/// Writes the graphs of all components of a diffusers directory into it.
///
/// Each graph is written to `<component>/model.onnx`. The file appears either complete or not at all, and
/// replaces an older one. Weights remain where they are if the graph is in the same folder. The graphs of
/// the autoencoder's two halves are not, because their weights are in `vae/`; for these, the weights are
/// hard-linked next to the graph, or copied if that is impossible, and the configuration is copied. So are
/// the weights of components that the model takes from another one.
///
/// # Errors
/// Those of [`build_graph`], and [`CheckpointError::Io`] if a file cannot be written. All graphs are built
/// before the first one is written.
pub fn export_directory(
    model_directory: &Path,
    options: &ExportOptions,
) -> Result<Vec<ExportedGraph>, CheckpointError> {
    let mut built = Vec::new();
    for component in Component::ALL {
        built.push((component, build_graph(model_directory, component, options)?));
    }
    let written = built
        .iter()
        .map(|(component, graph)| write_graph(model_directory, *component, graph));
    written.collect()
}

fn write_graph(
    model_directory: &Path,
    component: Component,
    graph: &Graph,
) -> Result<ExportedGraph, CheckpointError> {
    let folder = model_directory.join(component.directory_name());
    fs::create_dir_all(&folder).map_err(CheckpointError::io("create", &folder))?;
    let mut weights = WeightTransfer::Unmoved;
    for file in &graph.weight_files {
        weights = weights.max(transfer_weights(&folder, file)?);
    }
    if component.directory_name() != component.source_name() {
        // Optimum looks for the configuration next to the graph.
        let manifest = Manifest::read(model_directory)?;
        let name = component.source_name();
        let config = manifest.home_of(name).join(name).join(CONFIG_FILE);
        let text = lb_files::read(&config, ConfigFile::LONGEST);
        let text = text.map_err(CheckpointError::file("read", config))?;
        write_by_rename(&folder.join(CONFIG_FILE), |partial| {
            fs::write(partial, &text)
        })?;
    }
    let path = folder.join(GRAPH_FILE);
    write_by_rename(&path, |partial| {
        let mut file = fs::File::create(partial)?;
        file.write_all(&graph.bytes)?;
        file.sync_all()
    })?;
    Ok(ExportedGraph {
        component,
        path,
        bytes_written: graph.bytes.len() as u64,
        weights,
    })
}

fn transfer_weights(folder: &Path, file: &WeightFile) -> Result<WeightTransfer, CheckpointError> {
    let wanted = folder.join(&file.location);
    if is_same_file(&wanted, &file.path) {
        return Ok(WeightTransfer::Unmoved);
    }
    // In Hugging Face's cache the source is a symbolic link. The hard link must lead to its target.
    let source = fs::canonicalize(&file.path).map_err(CheckpointError::io("read", &file.path))?;
    let mut transfer = WeightTransfer::HardLinked;
    write_by_rename(&wanted, |partial| {
        transfer = link_or_copy(&source, partial)?;
        Ok(())
    })?;
    Ok(transfer)
}

/// Whether both paths lead to the same name of a file. Two hard links to it are different names.
fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// Lets `write` make a temporary file next to `path`, and then renames it to `path` in one step.
fn write_by_rename(
    path: &Path,
    write: impl FnOnce(&Path) -> std::io::Result<()>,
) -> Result<(), CheckpointError> {
    let written = lb_files::replace_by(path, write);
    written.map_err(|error| CheckpointError::io("write", path)(error.into_io()))
}
