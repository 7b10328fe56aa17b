//! Where a component's graph comes from.

use std::path::Path;

use lb_checkpoint::{CheckpointError, Component};
use lb_export::{ExportError, ExportOptions, build_graph};

use super::ModelDirectory;
use crate::error::ModelError;
use crate::session::GraphSource;

impl ModelDirectory {
    /// The graph of a component (see [`graph_of`]).
    pub(crate) fn graph(
        &self,
        component: Component,
        options: &ExportOptions,
    ) -> Result<GraphSource, ModelError> {
        graph_of(&self.path, component, options)
    }
}

/// The graph of a component: made from its weights where they are there (this program's own
/// graphs are the ones it was tuned with), else the ONNX file that lies in the directory, which
/// has a precision and operators of its own.
pub(crate) fn graph_of(
    path: &Path,
    component: Component,
    options: &ExportOptions,
) -> Result<GraphSource, ModelError> {
    let exported = path.join(component.directory_name()).join("model.onnx");
    if exported.is_file() && !path.join(component.source_name()).is_dir() {
        return Ok(GraphSource::File(exported));
    }
    match build_graph(path, component, options) {
        Ok(graph) => Ok(GraphSource::Weights(graph)),
        Err(ExportError::Checkpoint(
            CheckpointError::NoWeights { .. } | CheckpointError::PickledWeights { .. },
        )) if exported.is_file() => Ok(GraphSource::File(exported)),
        Err(error) => Err(error.into()),
    }
}
