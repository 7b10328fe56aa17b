//! What an import did.

use std::path::PathBuf;

use super::scheduler::Prediction;
use crate::kind::ModelKind;
use crate::weights::WeightTransfer;

/// A form in which models are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFormat {
    /// A directory in diffusers' layout, with one folder for each component.
    DiffusersDirectory,
    /// One safetensors file with the tensor names of CompVis' code.
    Safetensors,
    /// One file that torch has saved, with the tensor names of CompVis' code.
    TorchCheckpoint,
}

/// A description of a finished import.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// The path of the model directory.
    pub directory: PathBuf,
    /// The form of the source.
    pub format: SourceFormat,
    /// The kind of model.
    pub kind: ModelKind,
    /// What the UNet predicts, and how that is known.
    pub prediction: Prediction,
    /// The autoencoder that was given separately.
    pub vae: Option<ImportedVae>,
    /// How the weights were brought into the directory. Converted weights count as copied.
    pub weights: WeightTransfer,
}

/// An autoencoder that was given to an import.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportedVae {
    /// The file or folder that it was taken from.
    pub path: PathBuf,
    /// Whether the source has one too, which is not used.
    pub replaces: bool,
}
