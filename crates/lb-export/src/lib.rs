//! Writes ONNX graphs for Stable Diffusion models that point *into* the original weight files.
//!
//! ONNX can keep large tensors as "external data": the name of a file, an offset and a length. A
//! safetensors file is a header followed by raw tensors. So a graph that refers to ranges of the
//! safetensors file is a complete export: it has a few hundred kilobytes, is written in milliseconds,
//! and no weight is read, converted or copied for it.
//!
//! ```text
//! unet/config.json ──────────────► which layers there are   ─┐
//! unet/….safetensors (header) ───► where their weights lie  ─┴─► unet/model.onnx: the layers,
//! unet/….safetensors (tensors) ◄──────────────────────────────── pointing at the tensors
//! ```
//!
//! The graphs cover Stable Diffusion 2's models (2.1, base, inpainting, depth and the x4 upscaler,
//! whose UNet also takes `class_labels`) and Stable Diffusion 1's, in 32 or 16 bits from weights
//! stored in either, for ONNX Runtime or with ONNX's own operators only ([`GraphForm`]). Batch size,
//! height, width and the number of tokens can differ in every run. A setting that switches on anything
//! else is refused.
//!
//! Every tensor that the configuration calls for is checked against the header, and the header
//! against the file. So what does not fit together is refused here, by name, and not later by a runtime.
//!
//! Weights and configurations are read by [`lb_checkpoint`]. [`import()`] turns single-file checkpoints
//! into model directories, and makes sure that their graphs can be written.
//!
//! ```
//! use lb_export::{Component, ExportOptions, build_graph};
//! # fn main() -> Result<(), lb_export::ExportError> {
//! # let model = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/fixtures/sd2");
//! // `model` is a diffusers directory: unet/config.json, unet/….safetensors, vae/…
//! let graph = build_graph(model.as_ref(), Component::Unet, &ExportOptions::default())?;
//! assert!(graph.bytes.len() < 2_000_000);
//! assert_eq!(graph.weight_files[0].location, "diffusion_pytorch_model.safetensors");
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;

mod component_graph;
mod error;
mod graph;
mod import;
mod layers;
mod options;
#[cfg(feature = "testing")]
pub mod testing;
mod text_encoder;
mod unet;
mod vae;
mod write;

pub use component_graph::{Graph, WeightFile, build_graph};
pub use error::ExportError;
pub use import::{ImportedModel, import, import_observed};
pub use lb_checkpoint::{
    CheckpointError, Component, ImportOptions, ImportReport, ImportedPrediction, ModelKind,
    Prediction, PredictionSource, SourceFormat, WeightTransfer,
};
pub use options::{ExportOptions, GraphForm, Precision};
pub use write::{ExportReport, ExportedGraph, export_directory};
