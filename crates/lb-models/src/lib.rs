//! Stable Diffusion models for the engine of latent blending, on ONNX Runtime.
//!
//! A model directory in the diffusers layout holds a tokenizer, a text encoder, a UNet, a VAE and a
//! noise schedule. A [`Pipeline`] works with it: it makes conditioning of prompts, predicts for the
//! engine of `lb-blend` whole levels at a time, and makes pictures of latents. Models for inpainting,
//! depth and upscaling ([`ModelKind`]) also see a picture, a mask or a depth map, which the pipeline
//! turns into channels that are concatenated with the latents.
//!
//! ```text
//!  prompt ─ Tokenizer ─ text encoder ─ conditioning ─┐
//!                                                    ├─ UNet (Backend::predict) ─ latents ─ VAE ─ RgbImage
//!  seed ─── lb-blend's noise ─────── latents ────────┤
//!  mask, picture, depth map ──────── channels ───────┘
//!
//!  ModelPool: Runtime, and what is loaded in it (text encoders, UNets, VAE encoders and decoders)
//! ```
//!
//! Networks are loaded when they are first needed, and belong to a [`ModelPool`], which can keep them
//! loaded from one pipeline to the next. Pools and pipelines can be used from worker threads.
//!
//! Every model runs in ONNX Runtime, which is loaded once from a library file ([`Runtime`]). The
//! graphs are made in memory from the directory's own weights (`lb-export`), which the runtime maps
//! from their files: nothing is written and nothing is converted beforehand. [`Device`] says what they
//! run on.
//!
//! [`ModelInspection`] describes a directory, and what is wrong with it, without a runtime; [`import`]
//! makes a directory from the other forms in which models are published.
//!
//! This is the only crate that uses `ort`. It prints nothing and reads no environment variables: the
//! caller says where the library and the models are.
//!
//! ```no_run
//! use lb_models::{
//!     ModelDirectory, ModelPool, Pipeline, PipelineOptions, Runtime, locate_library,
//! };
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

mod caption_words;
mod component_origin;
mod concatenated_channels;
mod config;
mod device;
mod directory;
mod error;
mod few_step_lora;
mod graph_source;
mod inspection;
mod model_defaults;
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
mod unet_question;
mod vae;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;

pub use caption_words::{CaptionWords, UnseenWord};
pub use component_origin::ComponentOrigin;
pub use concatenated_channels::{
    MaskedPicture, UpscaleNoise, depth_channel, low_res_channels, masked_picture,
};
pub use device::{Device, DeviceProblem, ProviderReport, providers};
pub use directory::{LARGEST_SIDE, ModelDirectory, UpscalerConfig, model_name};
pub use error::ModelError;
pub use few_step_lora::few_step_defaults;
pub use image::RgbImage;
pub use inspection::{ComponentInspection, ModelConfiguration, ModelInspection, find_models};
pub use lb_checkpoint::{CheckpointError, Component, Embedding, Manifest, ModelKind};
pub use lb_export::Precision;
pub use model_defaults::ModelDefaults;
pub use options::{PipelineOptions, SessionOptions};
pub use picture::GreyPicture;
pub use picture_decoder::PictureDecoder;
pub use pipeline::Pipeline;
pub use pool::{LoadedComponent, ModelPool};
pub use runtime::{OLDEST_RUNTIME, Runtime, locate_library};
pub use scheduler_config::NamedScheduler;
pub use session::SessionTimes;
pub use tiles::DecodeTiling;
pub use tokenizer::{PromptChunk, Tokenizer, Tokens};
pub use unet_question::{UnetAnswer, ask_unet};

/// Types of other crates that this crate's items are made of.
pub use lb_blend::{
    Backend, BackendError, CallRows, Conditioning, LatentShape, Latents, NoiseScheduleConfig,
    PredictRequest, SamplerError,
};
pub use lb_hub::Repository;
pub use lb_prompt::{Prompt, PromptError, PromptPart, PromptSyntax};
pub use lb_schedule::{Choice, UnknownChoice};

/// Importing published models into model directories, and exporting ONNX graphs for other programs.
pub use lb_export::{
    ExportOptions, ExportedGraph, ImportOptions, ImportReport, ImportedModel, ImportedPrediction,
    ImportedSpacing, ImportedVae, Prediction, PredictionSource, SourceFormat, WeightTransfer,
    import, import_observed,
};
