//! Latent blending's backend port on real models.
//!
//! A model directory in the diffusers layout holds a tokenizer, a text encoder, a UNet, a VAE and
//! a noise schedule. This crate turns it into a [`Pipeline`]: prompts go in and become
//! conditioning; the engine of `lb-blend` asks it to predict, whole levels at a time; latents go
//! in and come out as pictures. Models for inpainting, depth and upscaling ([`ModelKind`]) also see a
//! picture, a mask or a depth map: [`Pipeline`] makes those into the channels that stand beside the
//! latents.
//!
//! ```text
//!  prompt ─ Tokenizer ─ text encoder ─ conditioning ─┐
//!                                                    ├─ UNet (Backend::predict) ─ latents ─ VAE ─ RgbImage
//!  seed ─── lb-blend's noise ─────── latents ────────┤
//!  mask, picture, depth map ──────── channels ───────┘
//! ```
//!
//! Every model runs in ONNX Runtime, which is loaded once from a library file ([`Runtime`]). The
//! graphs are made on the spot from the directory's own weights (`lb-export`), which the runtime
//! maps where they lie: nothing is written and nothing is converted beforehand.
//!
//! What a directory holds, and what is wrong with it, is told without a runtime by
//! [`ModelInspection`]; [`import`] makes a directory of what else models are published as.
//!
//! This is the only crate that names `ort`. It prints nothing and reads no environment: where the
//! library and the models are looked for is said by the caller.
//!
//! ```no_run
//! use lb_models::{ModelDirectory, ModelPool, Pipeline, PipelineOptions, Runtime, locate_library};
//!
//! # fn main() -> Result<(), lb_models::ModelError> {
//! let runtime = Runtime::load(&locate_library(None, &["target/onnxruntime".into()])?)?;
//! // Nothing is kept beyond its use; a larger budget keeps models loaded for the next pipeline.
//! let pool = ModelPool::new(runtime, 0);
//! let directory = ModelDirectory::find("pocket", &["models".into()])?;
//! let mut pipeline = Pipeline::open(&pool, directory, 128, 128, PipelineOptions::default())?;
//! let tokens = pipeline.tokenize("a red apple")?;
//! let conditioning = pipeline.encode(&[tokens])?;
//! assert_eq!(conditioning[0].tokens, 77);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod component_origin;
mod concatenated_channels;
mod config;
mod device;
mod directory;
mod error;
mod graph_source;
mod inspection;
mod kind;
mod model_files;
mod node_placement;
mod options;
mod picture;
mod picture_decoder;
mod pipeline;
mod pool;
mod runtime;
mod scheduler_config;
mod session;
#[cfg(feature = "testing")]
pub mod testing;
mod text_encoder;
mod tiles;
mod tokenizer;
mod unet;
mod upscaler_config;
mod vae;

pub use component_origin::ComponentOrigin;
pub use concatenated_channels::{
    MaskedPicture, UpscaleNoise, depth_channel, low_res_channels, masked_picture,
};
pub use device::{Device, DeviceProblem, ProviderReport, providers};
pub use directory::{LARGEST_SIDE, ModelDirectory};
pub use error::ModelError;
pub use image::RgbImage;
pub use inspection::{ComponentInspection, ModelConfiguration, ModelInspection, find_models};
pub use kind::ModelKind;
pub use lb_checkpoint::{CheckpointError, Component};
pub use lb_export::Precision;
pub use options::{PipelineOptions, SessionOptions};
pub use picture::GrayPicture;
pub use picture_decoder::PictureDecoder;
pub use pipeline::Pipeline;
pub use pool::{LoadedComponent, ModelPool};
pub use runtime::{OLDEST_RUNTIME, Runtime, locate_library};
pub use session::SessionTimes;
pub use tiles::DecodeTiling;
pub use tokenizer::{Tokenizer, Tokens};

/// Making model directories of what models are published as, and ONNX graphs for other programs.
pub use lb_export::{
    ExportError, ExportOptions, ExportedGraph, ImportOptions, ImportReport, ImportedModel,
    ImportedPrediction, Prediction, PredictionSource, SourceFormat, WeightTransfer, import,
    import_observed,
};
