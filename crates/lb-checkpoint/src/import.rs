//! Imports, which make model directories from published models.
//!
//! A diffusers directory already is a model directory, so its files are only linked. For a single-file
//! checkpoint, the configurations and the tokenizer that it lacks are written, and the model directory
//! gets a hard link to the file with the weights. Only pickled weights (`.ckpt`, `.bin`) are converted
//! to a safetensors file, in which a graph can refer to each tensor.

mod description;
mod infer;
mod recognise;
mod report;
mod scheduler;
mod source;
mod tokenizer;
mod told;
mod unpublished;

use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::component::Component;
use crate::config::ConfigFile;
use crate::error::CheckpointError;
use crate::kind::ModelKind;
use crate::separate_vae::SeparateVae;
use crate::weights::{WeightTransfer, Weights};
use description::Description;
pub(crate) use infer::separate_vae;
pub use recognise::{OF_OUR_FAMILIES, is_of_other_family};
pub use report::{ImportReport, ImportedVae, SourceFormat};
pub use scheduler::{DistilledDefaults, distilled_defaults};
pub use scheduler::{ImportedPrediction, ImportedSpacing, Prediction, PredictionSource};
use source::{ModelWeights, Source};
pub use unpublished::UnpublishedModel;

/// What the files of a model do not determine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportOptions {
    /// What the UNet predicts. With `None`, it is taken from the configuration; if that is missing, from
    /// what the file tells, from the kind of model or the file's name; and otherwise it is assumed (see
    /// [`PredictionSource`]).
    pub prediction: Option<ImportedPrediction>,
    /// The timesteps at which the model is sampled. With `None`, they are those of the configuration; if
    /// that is missing, trailing for a file whose name contains "turbo", and leading for others.
    pub timestep_spacing: Option<ImportedSpacing>,
    /// A diffusers directory from which configurations and the tokenizer are copied. A configuration that
    /// it lacks is inferred from the tensors' shapes, by the rules of Stable Diffusion 1 and 2. It is
    /// necessary for a model to which these rules do not apply.
    pub configuration: Option<PathBuf>,
    /// An autoencoder (VAE) that becomes the model's, whether the source has one or not: a folder in the layout of
    /// diffusers, or a file with the names of diffusers or of CompVis' code, with or without their prefix
    /// `first_stage_model.`. Its own configuration comes before those of `configuration`.
    pub vae: Option<PathBuf>,
    /// Whether to replace a model directory that already exists at the destination. The old one is kept
    /// until the new one is complete.
    pub replace: bool,
}

/// A model that has been opened for import. Its weights have been found and its configurations read or
/// inferred, but nothing has been written yet.
///
/// The source is a diffusers directory, a single-file checkpoint with CompVis' names
/// (`.safetensors`), or one that torch has saved (`.ckpt`). A model for few steps, which is recognised by
/// "turbo" in its name or by the class of its scheduler, gets the defaults that such models need
/// ([`Manifest`](crate::Manifest)), unless it has its own. An import takes three steps: it is opened,
/// [written](Self::write) and [published](UnpublishedModel::publish). Between them, the caller can check
/// what is about to be written, add files, or find out what the UNet [predicts](Self::set_prediction).
#[derive(Debug)]
pub struct Import {
    destination: PathBuf,
    source: Source,
    weights: ModelWeights,
    description: Description,
    options: ImportOptions,
    vae: Option<ImportedVae>,
}

impl Import {
    /// Opens `source`, from which a model directory will be made at `destination`.
    ///
    /// # Errors
    /// [`CheckpointError::DestinationExists`] or [`CheckpointError::NotReplaceable`] if something already
    /// exists at the destination, and [`CheckpointError::NotInferable`] if a configuration has to be
    /// given. Other errors mean that the source has none of the three forms, is damaged, or is
    /// incomplete.
    pub fn open(
        source: &Path,
        destination: &Path,
        options: &ImportOptions,
    ) -> Result<Self, CheckpointError> {
        unpublished::validate_destination(destination, options.replace)?;
        let source = Source::open(source)?;
        let vae = options.vae.as_deref().map(SeparateVae::open).transpose()?;
        let weights = source.weights(vae)?;
        let description = Description::new(&source, &weights, options, destination)?;
        Ok(Self {
            destination: destination.to_owned(),
            options: options.clone(),
            vae: options.vae.clone().map(|path| ImportedVae {
                path,
                replaces: source.has_vae(),
            }),
            source,
            weights,
            description,
        })
    }

    /// Returns the kind of model.
    #[must_use]
    pub fn kind(&self) -> ModelKind {
        self.description.kind
    }

    /// Returns what the UNet predicts, and how that is known.
    #[must_use]
    pub fn prediction(&self) -> &Prediction {
        &self.description.prediction
    }

    /// Changes what the UNet predicts to what it was found to predict, in this import and in the model that it has
    /// [written](Self::write).
    ///
    /// # Errors
    /// Those of [`Self::open`], and errors of the file system.
    pub fn set_prediction(
        &mut self,
        prediction: ImportedPrediction,
        written: &mut UnpublishedModel,
    ) -> Result<(), CheckpointError> {
        let mut options = self.options.clone();
        options.prediction = Some(prediction);
        let mut description =
            Description::new(&self.source, &self.weights, &options, &self.destination)?;
        description.prediction.known_from = PredictionSource::Unet;
        written.report.prediction = description.prediction.clone();
        self.description = description;
        for (inside, bytes) in &self.description.files {
            let path = written.path_of(inside)?;
            fs::remove_file(&path).map_err(CheckpointError::io("remove", &path))?;
            write_new(&path, bytes)?;
        }
        Ok(())
    }

    /// Returns the configuration that a component will have. Its path is the one at the destination.
    #[must_use]
    pub fn config(&self, component: Component) -> &ConfigFile {
        self.description.config(component)
    }

    /// Returns the weights of a component.
    #[must_use]
    pub fn weights(&self, component: Component) -> &Weights {
        self.weights.of(component)
    }

    /// Writes the model directory under a hidden name next to the destination. Weights are hard-linked,
    /// or copied if the file system has no hard links; pickled weights are converted.
    ///
    /// `observe` is called before each file or tensor and at the end. It can interrupt the import by
    /// returning [`ControlFlow::Break`].
    ///
    /// # Errors
    /// [`CheckpointError::Interrupted`] if `observe` interrupts the import, and errors of the file
    /// system. In both cases the unfinished directory is removed.
    pub fn write(
        &self,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<UnpublishedModel, CheckpointError> {
        let report = ImportReport {
            directory: self.destination.clone(),
            format: self.source.format(),
            kind: self.description.kind,
            prediction: self.description.prediction.clone(),
            vae: self.vae.clone(),
            weights: WeightTransfer::HardLinked,
        };
        let mut model = UnpublishedModel::create(report, self.options.replace)?;
        let mut fill = || {
            for (inside, bytes) in &self.description.files {
                write_new(&model.path_of(inside)?, bytes)?;
            }
            self.source.transfer_weights(&self.weights, &model, observe)
        };
        let filled = fill();
        model.report.weights = filled.map_err(|error| model.published_error(error))?;
        if observe().is_break() {
            return Err(CheckpointError::Interrupted);
        }
        Ok(model)
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let write = || {
        let mut file = fs::File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(CheckpointError::io("write", path))
}
