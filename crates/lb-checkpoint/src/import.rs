//! Imports: model directories made from what models are published as.
//!
//! A diffusers directory is already what it should be and is only linked to another folder. A
//! checkpoint in one file gets the configurations and the tokenizer that it lacks; its weights stay
//! in that file, to which the model directory has a hard link. Only what training frameworks pickle
//! (`.ckpt`, `.bin`) is converted, once, to a file in which tensors can be addressed.

mod description;
mod destination;
mod infer;
mod scheduler;
mod source;
mod tokenizer;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::component::Component;
use crate::config::ConfigFile;
use crate::error::CheckpointError;
use crate::kind::ModelKind;
use crate::weights::{WeightTransfer, Weights};
use description::Description;
use destination::PartialDirectory;
pub use scheduler::{ImportedPrediction, Prediction, PredictionSource};
pub use source::SourceFormat;
use source::{ModelWeights, Source};

/// What the files of a model leave open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportOptions {
    /// What the UNet predicts. `None` means what the configuration says, otherwise what the kind of
    /// model or the file's name suggests, otherwise the velocity (see [`PredictionSource`]).
    pub prediction: Option<ImportedPrediction>,
    /// A diffusers directory whose configurations and tokenizer are taken as they are, component by
    /// component. What it lacks is inferred from the tensors' shapes and the rules of Stable
    /// Diffusion 1 and 2; a model of other proportions needs it.
    pub configuration: Option<PathBuf>,
    /// Replaces a model directory that exists. It stays until the new one is complete.
    pub replace: bool,
}

/// What an import made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// The model directory.
    pub directory: PathBuf,
    /// What it was made from.
    pub format: SourceFormat,
    /// What the model is made for.
    pub kind: ModelKind,
    /// What the UNet predicts, and how that is known.
    pub prediction: Prediction,
    /// How the weights got there; [`WeightTransfer::Copied`] if they had to be converted.
    pub weights: WeightTransfer,
}

/// A model that has been opened for import: its weights are found and its configurations known,
/// and nothing has been written.
///
/// The source is a diffusers directory, a single-file checkpoint with CompVis' names
/// (`.safetensors`), or one that torch has saved (`.ckpt`). An import takes three steps, between
/// which the caller can check what is about to be written or add to it:
///
/// ```
/// use std::ops::ControlFlow;
/// use lb_checkpoint::{Component, Import, ImportOptions, UnetConfig};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/checkpoints/sd2/diffusers");
/// # let folder = tempfile::tempdir()?;
/// # let destination = folder.path().join("model");
/// let import = Import::open(source.as_ref(), &destination, &ImportOptions::default())?;
/// let unet = UnetConfig::read(import.config(Component::Unet))?;
/// assert_eq!(unet.in_channels, 4);
/// let unpublished = import.write(&mut || ControlFlow::Continue(()))?;
/// assert!(!destination.exists());
/// unpublished.publish()?;
/// assert!(destination.join("unet/config.json").is_file());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Import {
    destination: PathBuf,
    source: Source,
    weights: ModelWeights,
    description: Description,
}

impl Import {
    /// Opens `source`, to make a model directory at `destination` from it.
    ///
    /// # Errors
    /// [`CheckpointError::DestinationExists`] or [`CheckpointError::NotReplaceable`] where something
    /// exists at the destination; [`CheckpointError::NotInferable`] where a configuration has to be
    /// given; otherwise the source is none of the three forms, damaged, or lacks a part.
    pub fn open(
        source: &Path,
        destination: &Path,
        options: &ImportOptions,
    ) -> Result<Self, CheckpointError> {
        destination::refuse_occupied(destination, options.replace)?;
        let source = Source::open(source)?;
        let weights = source.weights()?;
        let description = Description::new(
            &source,
            &weights,
            options.configuration.as_deref(),
            options.prediction,
            destination,
        )?;
        Ok(Self {
            destination: destination.to_owned(),
            source,
            weights,
            description,
        })
    }

    /// What the model is made for.
    #[must_use]
    pub fn kind(&self) -> ModelKind {
        self.description.kind
    }

    /// The configuration that a component will have. Its path is the one it will have at the
    /// destination.
    #[must_use]
    pub fn config(&self, component: Component) -> &ConfigFile {
        self.description.config(component)
    }

    /// The weights of a component.
    #[must_use]
    pub fn weights(&self, component: Component) -> &Weights {
        self.weights.of(component)
    }

    /// Writes the model directory under a hidden name beside the destination. Weights are
    /// hard-linked, or copied where the file system has no hard links; pickled ones are converted.
    ///
    /// `observe` is called before each file or tensor and at the end, and can break off.
    ///
    /// # Errors
    /// [`CheckpointError::Interrupted`] if `observe` breaks off, and the errors of the file system.
    /// Then nothing is left of the new directory.
    pub fn write(
        self,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<UnpublishedModel, CheckpointError> {
        let directory = PartialDirectory::create(&self.destination)?;
        for (path, bytes) in &self.description.files {
            directory.write(path, bytes)?;
        }
        let transfer = self
            .source
            .transfer_weights(&self.weights, &directory, observe)?;
        if observe().is_break() {
            return Err(CheckpointError::Interrupted);
        }
        Ok(UnpublishedModel {
            directory,
            report: ImportReport {
                directory: self.destination,
                format: self.source.format(),
                kind: self.description.kind,
                prediction: self.description.prediction,
                weights: transfer,
            },
        })
    }
}

/// A model directory that is complete but still has a hidden name beside its destination. It is
/// removed again when it is dropped without being published.
#[derive(Debug)]
pub struct UnpublishedModel {
    directory: PartialDirectory,
    report: ImportReport,
}

impl UnpublishedModel {
    /// The directory's present path, to which further files can be added.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.root()
    }

    /// The path that a file of the directory will have once it is published.
    #[must_use]
    pub fn published_path(&self, path: &Path) -> PathBuf {
        self.directory.published_path(path)
    }

    /// Gives the directory its name in one step. A model that it replaces is removed afterwards.
    ///
    /// # Errors
    /// Those of the file system. Then a model that was to be replaced stays.
    pub fn publish(self) -> Result<ImportReport, CheckpointError> {
        self.directory.publish()?;
        Ok(self.report)
    }
}
