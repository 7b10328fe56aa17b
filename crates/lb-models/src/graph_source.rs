//! The graph of a component, before it becomes a session.

use std::path::{Path, PathBuf};

use lb_checkpoint::{CheckpointError, Component, Lora, Manifest, StandaloneDecoder};
use lb_export::{ExportOptions, Graph, build_decoder_graph, build_graph_with_loras};

use crate::directory::ModelDirectory;
use crate::error::ModelError;

/// Where a component's graph comes from.
pub(crate) enum GraphSource {
    /// Written just now from the component's weights; the weights stay in their files.
    Weights(Graph),
    /// An ONNX file in the model directory, as Optimum or torch export it. It has a precision and
    /// operators of its own.
    File(PathBuf),
}

impl GraphSource {
    /// The graph of a component of a model, which may have another VAE decoder than its own, and LoRAs.
    ///
    /// # Errors
    /// Those of [`Self::find`].
    pub(crate) fn of(
        directory: &ModelDirectory,
        component: Component,
        options: &ExportOptions,
    ) -> Result<Self, ModelError> {
        let mut options = *options;
        options.skipped_text_layers = directory.skipped_layers(component);
        let options = &options;
        match directory.other_decoder() {
            Some(path) if component == Component::VaeDecoder => {
                let decoder = StandaloneDecoder::open(path)?;
                Ok(Self::Weights(build_decoder_graph(&decoder, options)?))
            }
            _ => Self::find(&directory.path, component, &directory.loras(), options),
        }
    }

    /// The graph of a component of the model directory at `path`: made from its weights if there are
    /// any, because this program is tuned for its own graphs, else the ONNX file.
    ///
    /// # Errors
    /// [`ModelError::Checkpoint`] if there is no ONNX file and the weights cannot be made into a
    /// graph, and [`ModelError::LoraOfOnnx`] or [`ModelError::ClipSkipOfOnnx`] if LoRAs or a clip skip change a
    /// component that is an ONNX file.
    pub(crate) fn find(
        path: &Path,
        component: Component,
        loras: &[&Lora],
        options: &ExportOptions,
    ) -> Result<Self, ModelError> {
        let manifest = Manifest::read(path)?;
        let home = manifest.home_of(component.source_name());
        let exported = home.join(component.directory_name()).join("model.onnx");
        if exported.is_file() && !home.join(component.source_name()).is_dir() {
            return Self::file(exported, component, loras, options);
        }
        match build_graph_with_loras(path, component, loras, options) {
            Ok(graph) => Ok(Self::Weights(graph)),
            Err(CheckpointError::NoWeights { .. } | CheckpointError::PickledWeights { .. })
                if exported.is_file() =>
            {
                Self::file(exported, component, loras, options)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// An ONNX file, which nothing can be added to.
    fn file(
        path: PathBuf,
        component: Component,
        loras: &[&Lora],
        options: &ExportOptions,
    ) -> Result<Self, ModelError> {
        if options.skipped_text_layers > 0 {
            return Err(ModelError::ClipSkipOfOnnx { path });
        }
        match loras.iter().find(|lora| lora.changes(component)) {
            Some(lora) => Err(ModelError::LoraOfOnnx {
                lora: lora.path().to_owned(),
                path,
            }),
            None => Ok(Self::File(path)),
        }
    }

    /// The files that hold the weights. For an ONNX file these are all files beside it, because the
    /// names of its external data are inside of it.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`] if the folder cannot be listed.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, ModelError> {
        match self {
            Self::Weights(graph) => {
                let files = graph.weight_files.iter();
                Ok(files.map(|file| file.path.clone()).collect())
            }
            Self::File(path) => files_beside(path),
        }
    }

    /// The size of graph and weights in bytes, as far as their files can be looked at.
    pub(crate) fn bytes(&self) -> u64 {
        let graph = match self {
            Self::Weights(graph) => graph.bytes.len() as u64,
            Self::File(_) => 0,
        };
        let files = self.files().unwrap_or_default();
        let sizes = files.iter().flat_map(std::fs::metadata);
        graph + sizes.map(|file| file.len()).sum::<u64>()
    }
}

fn files_beside(path: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let folder = path.parent().unwrap_or(path);
    let unreadable = |error| ModelError::unreadable(folder, error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
