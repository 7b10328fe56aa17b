//! Imports that check whether the graphs of the model can be written.

use std::ops::ControlFlow;
use std::path::Path;

use lb_checkpoint::{
    CheckpointError, Component, Import, ImportOptions, ImportReport, ImportedPrediction,
};

use crate::component_graph::write_component;
use crate::options::ExportOptions;
use crate::write::{ExportedGraph, export_directory};

/// The result of [`import()`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportedModel {
    /// The model directory, and how it was made.
    pub report: ImportReport,
    /// The graphs that were written; empty if none were requested.
    pub graphs: Vec<ExportedGraph>,
}

/// Makes a model directory at `destination` from a diffusers directory, a single-file checkpoint
/// with CompVis' names (`.safetensors`), or one that torch has saved (`.ckpt`).
///
/// This is an [`Import`] with an additional step: all four graphs of the model are built in memory before
/// anything is written. So every imported model can be exported.
///
/// # Errors
/// Those of [`Import`]'s three steps and of [`build_graph`](crate::build_graph).
pub fn import(
    source: &Path,
    destination: &Path,
    options: &ImportOptions,
) -> Result<ImportedModel, CheckpointError> {
    import_observed(
        source,
        destination,
        options,
        None,
        &mut |_| None,
        &mut || ControlFlow::Continue(()),
    )
}

/// Imports a model as [`import()`] does, and also writes its graphs if `graphs` is given.
///
/// `ask` is called with the new model's folder if nothing but a [guess](lb_checkpoint::PredictionSource::is_guess) tells what its UNet
/// predicts. The folder still has a name of its own then, and is a complete model directory. What `ask` returns replaces the
/// guess, which stands if it returns `None`.
///
/// `observe` is called between files and tensors, and after `ask`. It can interrupt the import by returning
/// [`ControlFlow::Break`].
///
/// # Errors
/// Those of [`import()`] and of [`export_directory`], and [`CheckpointError::Interrupted`] if `observe`
/// interrupts the import. The unfinished model is then removed, and one that was to be replaced is kept.
pub fn import_observed(
    source: &Path,
    destination: &Path,
    options: &ImportOptions,
    graphs: Option<&ExportOptions>,
    ask: &mut dyn FnMut(&Path) -> Option<ImportedPrediction>,
    observe: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<ImportedModel, CheckpointError> {
    let mut import = Import::open(source, destination, options)?;
    for component in Component::ALL {
        write_component(
            component,
            import.config(component),
            import.weights(component),
            &ExportOptions::default(),
        )?;
    }
    let mut unpublished = import.write(observe)?;
    if import.prediction().known_from.is_guess() {
        if let Some(prediction) = ask(unpublished.directory()) {
            import.set_prediction(prediction, &mut unpublished)?;
        }
        // Asking takes a while, and cannot be interrupted itself.
        if observe().is_break() {
            return Err(CheckpointError::Interrupted);
        }
    }
    let mut exported = Vec::new();
    if let Some(options) = graphs {
        let written = export_directory(unpublished.directory(), options);
        exported = written.map_err(|error| unpublished.published_error(error))?;
        for graph in &mut exported {
            graph.path = unpublished.published_path(&graph.path);
        }
        if observe().is_break() {
            return Err(CheckpointError::Interrupted);
        }
    }
    Ok(ImportedModel {
        report: unpublished.publish()?,
        graphs: exported,
    })
}
