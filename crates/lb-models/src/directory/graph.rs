//! Where a component's graph comes from.

use lb_export::{Component, ExportOptions, Precision, build_graph};

use super::ModelDirectory;
use crate::error::ModelError;
use crate::session::GraphSource;

impl ModelDirectory {
    /// The graph of a component: made from its weights where they are there (this program's own
    /// graphs are the ones it was tuned with), else the ONNX file that lies in the directory, which
    /// has a precision of its own.
    pub(crate) fn graph(
        &self,
        component: Component,
        precision: Precision,
    ) -> Result<GraphSource, ModelError> {
        let exported = self
            .path
            .join(component.directory_name())
            .join("model.onnx");
        if exported.is_file() && !self.path.join(component.source_name()).is_dir() {
            return Ok(GraphSource::File(exported));
        }
        match build_graph(&self.path, component, &ExportOptions { precision }) {
            Ok(graph) => Ok(GraphSource::Weights(graph)),
            Err(lb_export::ExportError::NoWeights { .. }) if exported.is_file() => {
                Ok(GraphSource::File(exported))
            }
            Err(error) => Err(error.into()),
        }
    }
}
