//! Reads the weights and configurations of Stable Diffusion models in the forms in which they are
//! published.
//!
//! Models come as a diffusers directory (one folder for each network), or as one file that holds
//! all networks under the tensor names of CompVis' code: a safetensors file, or a `.ckpt` file that
//! torch has pickled. From each form this crate reads the same two things: the shape of each network,
//! and the file and byte range in which each of its tensors is stored.
//!
//! ```text
//! unet/config.json ─────────────► UnetConfig: the network's shape
//! unet/….safetensors (header) ──┐
//! checkpoint.safetensors ───────┼► Weights: diffusers' name → file, offset, length, shape
//! model.ckpt (zip + pickle) ────┘
//! ```
//!
//! The numbers in the weights are not read: [`Weights`] says where they are stored, so that a runtime
//! can map them into memory. Every offset and length in a file is checked against the file's own length
//! before it is used, and no code in a pickle is run.
//!
//! An [`Import`] turns any of these forms into a model directory. It infers configurations from the
//! shapes of the tensors if none are given, adds CLIP's tokenizer, and hard-links the weights.
//!
//! A [`Lora`] changes some layers of a model. Its numbers are read, because they become a part of a graph. So are
//! those of an [`Embedding`], which the text encoder reads in place of rows of its own.
//!
//! A model directory may have a [`Manifest`] with the settings that it needs, and with the models from which
//! it takes parts that it does not have itself. [`Weights`] are found there.
//!
//! ```
//! use lb_checkpoint::{Component, Weights};
//! # fn main() -> Result<(), lb_checkpoint::CheckpointError> {
//! # let model = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/checkpoints/sd2/diffusers");
//! // `model` is a diffusers directory.
//! let weights = Weights::open(model.as_ref(), Component::Unet)?;
//! let first = weights.tensor("conv_in.weight", &[4, 4, 3, 3])?;
//! println!("{} bytes from {}", first.length, first.offset);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod component;
mod config;
mod embedding;
mod error;
mod import;
mod kind;
mod lora;
mod manifest;
mod names;
mod safetensors;
mod separate_vae;
mod standalone_decoder;
mod tensor_file;
mod torch;
mod weights;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;

pub use component::Component;
pub use config::{
    ConfigFile, Count, DecoderConfig, EachBlock, PerBlock, PositiveNumber, SampleSize, Size,
    TextActivation, TextEncoderConfig, TinyHalf, TinyVaeConfig, TransformerConfig, UnetBlockConfig,
    UnetConfig, VaeConfig,
};
pub use embedding::Embedding;
pub use error::CheckpointError;
pub use import::{
    DistilledDefaults, Import, ImportOptions, ImportReport, ImportedPrediction, ImportedSpacing,
    ImportedVae, OF_OUR_FAMILIES, Prediction, PredictionSource, SourceFormat, UnpublishedModel,
    distilled_defaults, is_of_other_family,
};
pub use kind::ModelKind;
pub use lora::{Lora, LoraLayer};
pub use manifest::Manifest;
pub use safetensors::Dtype;
pub use standalone_decoder::StandaloneDecoder;
pub use weights::{StoredTensor, WeightStatistics, WeightTransfer, Weights, link_or_copy};
