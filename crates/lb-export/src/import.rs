//! Model directories made of what models are published as.
//!
//! A diffusers directory needs nothing but another place. A checkpoint in one file gets the
//! configurations and the tokenizer that it lacks; its weights stay in the one file, of which the
//! model directory has a hard link. Only what training frameworks pickle (`.ckpt`, `.bin`) is
//! converted, once, to a file whose tensors can be pointed at.

mod description;
mod infer;
mod place;
mod scheduler;
mod source;
mod tokenizer;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::directory::ExportOptions;
use crate::error::ExportError;
use crate::kind::ModelKind;
use crate::write::{ExportedGraph, WeightPlacement, export_directory};
use description::Description;
use place::PartialDirectory;
pub use scheduler::{Prediction, PredictionSource, PredictionType};
use source::Source;
pub use source::SourceFormat;

/// What the weights of a model leave open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// What the UNet predicts. `None`: as the configuration has it, else what the kind of model or
    /// the file's name suggest, else [`PredictionType::VPrediction`] (see [`PredictionSource`]).
    pub prediction: Option<PredictionType>,
    /// A diffusers directory whose configurations and tokenizer are taken as they are, component
    /// by component. What it lacks is told from the tensors' shapes and the rules of Stable
    /// Diffusion 1 and 2; a model of other proportions needs it.
    pub configuration: Option<PathBuf>,
    /// Replaces a model directory that is there already, and which stays until the new one is
    /// whole.
    pub replace: bool,
    /// Writes the ONNX graphs too, for other programs, as
    /// [`export_directory`](crate::export_directory) does.
    pub graphs: bool,
}

/// What [`import`] made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The model directory.
    pub directory: PathBuf,
    /// What it was made of.
    pub format: SourceFormat,
    /// What the model takes.
    pub kind: ModelKind,
    /// What the UNet predicts, and how that is known.
    pub prediction: Prediction,
    /// How the weights got there; [`WeightPlacement::Copied`] where they had to be converted.
    pub weights: WeightPlacement,
    /// The graphs, where they were asked for.
    pub graphs: Vec<ExportedGraph>,
}

/// Makes a model directory at `target` of a diffusers directory, a single-file checkpoint with
/// CompVis' names (`.safetensors`), or one that torch has saved (`.ckpt`).
///
/// Weights are hard-linked, or copied where the file system cannot; what torch has pickled (also
/// `.bin` files of a directory) is converted by a reader that executes nothing of it. All four
/// graphs of the model are built before anything is written, so what is imported can be exported.
/// The directory appears whole or not at all.
///
/// ```
/// use lb_export::{Component, ExportOptions, ImportOptions, build_graph, import};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/checkpoints/sd2");
/// # let checkpoint = format!("{golden}/checkpoint.safetensors");
/// # let folder = tempfile::tempdir()?;
/// # let target = folder.path().join("model");
/// let options = ImportOptions {
///     // Not needed for models of Stable Diffusion's proportions, as this tiny one is not.
///     configuration: Some(format!("{golden}/diffusers").into()),
///     ..ImportOptions::default()
/// };
/// let report = import(checkpoint.as_ref(), &target, &options)?;
/// let graph = build_graph(&report.directory, Component::Unet, &ExportOptions::default())?;
/// assert_eq!(graph.weight_files[0].location, "checkpoint.safetensors");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When `target` is there already, not an empty folder and not to be replaced; when the source is none of the three,
/// damaged, or lacks a part; when something cannot be told from its tensors and no configuration is
/// given; those of [`build_graph`](crate::build_graph) and of the file system.
pub fn import(
    source: &Path,
    target: &Path,
    options: &ImportOptions,
) -> Result<ImportReport, ExportError> {
    import_observed(source, target, options, &mut || ControlFlow::Continue(()))
}

/// As [`import()`]; `observe` is called between files and tensors, and can break off.
///
/// # Errors
/// Those of [`import()`], and [`ExportError::Interrupted`]: then nothing is left, and what was to
/// be replaced stays.
pub fn import_observed(
    source: &Path,
    target: &Path,
    options: &ImportOptions,
    observe: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<ImportReport, ExportError> {
    place::refuse_taken(target, options.replace)?;
    let source = Source::open(source)?;
    let weights = source.weights()?;
    let description = Description::new(&source, &weights, options, target)?;
    description.check(&weights)?;

    let directory = PartialDirectory::create(target)?;
    for (path, bytes) in &description.files {
        directory.write(path, bytes)?;
    }
    let placement = source.place_weights(&weights, &directory, observe)?;
    let mut graphs = Vec::new();
    if options.graphs {
        graphs = export_directory(directory.root(), &ExportOptions::default())?.graphs;
        for graph in &mut graphs {
            graph.path = directory.later(&graph.path);
        }
    }
    if observe().is_break() {
        return Err(ExportError::Interrupted);
    }
    directory.finish()?;
    Ok(ImportReport {
        directory: target.to_owned(),
        format: source.format(),
        kind: description.kind,
        prediction: description.prediction,
        weights: placement,
        graphs,
    })
}
