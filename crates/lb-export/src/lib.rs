//! Writes ONNX graphs for Stable Diffusion models. The graphs refer to the original weight files.
//!
//! ONNX can keep large tensors as "external data": the name of a file, an offset and a length. A
//! safetensors file is a header followed by raw tensors. So a graph that refers to byte ranges of the
//! safetensors file is a complete export. It takes a few hundred kilobytes and is written in
//! milliseconds, because no weights are read, converted or copied.
//!
//! ```text
//! unet/config.json ──────────────► which layers there are   ─┐
//! unet/….safetensors (header) ───► where the weights are    ─┴─► unet/model.onnx: the layers,
//! unet/….safetensors (tensors) ◄──────────────────────────────── which refer to the tensors
//! ```
//!
//! Graphs can be written for the models of Stable Diffusion 1 and 2: text to image, inpainting, depth and
//! the x4 upscaler, whose UNet also takes `class_labels`. They compute in 32 or 16 bits ([`Precision`]),
//! whichever format the weights have, and use ONNX Runtime's operators, those of its CUDA provider, or only
//! those of the ONNX standard ([`GraphForm`]). Batch size, height, width and the number of tokens can differ
//! from run to run, unless a graph is written for one size ([`ExportOptions::latent_size`]). A setting that
//! switches on any other feature is an error.
//!
//! LoRAs are written as low-rank branches beside the layers that they change ([`build_graph_with_loras`]), so that
//! nothing is merged, and every row of a batch can have strengths of its own.
//!
//! Each tensor that the configuration calls for is checked against the header, and the header is checked
//! against the file. So the error about a contradiction occurs here, and names the setting or the tensor;
//! the runtime would only fail later.
//!
//! Weights and configurations are read by [`lb_checkpoint`]. [`import()`] turns single-file checkpoints
//! into model directories, and checks that their graphs can be written.
//!
//! ```
//! use lb_export::{Component, ExportOptions, build_graph};
//! # fn main() -> Result<(), lb_export::CheckpointError> {
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
mod graph;
mod import;
mod layers;
mod lora;
mod options;
#[cfg(feature = "testing")]
pub mod testing;
mod text_encoder;
mod tiny_vae;
mod unet;
mod vae;
mod write;

pub use component_graph::{build_decoder_graph, build_graph, build_graph_with_loras};
pub use graph::{Graph, WeightFile};
pub use import::{ImportedModel, import, import_observed};
pub use lb_checkpoint::{
    CheckpointError, Component, ImportOptions, ImportReport, ImportedPrediction, ImportedSpacing,
    ImportedVae, Lora, ModelKind, Prediction, PredictionSource, SourceFormat, StandaloneDecoder,
    WeightTransfer,
};
pub use lora::STRENGTHS as LORA_STRENGTHS;
pub use options::{ExportOptions, GraphForm, Precision};
pub use text_encoder::EMBEDDING_VECTORS;
pub use write::{ExportedGraph, export_directory};
