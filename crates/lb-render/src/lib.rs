//! Renders a latent blending job to files, or to pictures in memory.
//!
//! A [`Job`] says what a film shows, [`Outputs`] say where it goes, and a [`Renderer`] holds the
//! model. Front ends call [`Renderer::render`]:
//!
//! ```text
//!  validate     Job ── Plan (trees, cost, film timing)          Outputs, models, input pictures
//!                 │
//!  open         pipelines of the stages, and every output under a temporary name
//!                 │
//!  stage        prompts, pictures ─ pipeline ─ keyframes ─ lb_blend::blend ─ latents ─ decoder
//!                 │  ▲                                                                   │
//!                 │  └── a second stage takes the first one's frames as keyframes        ▼
//!                 │                                                      computed frames, restored
//!                 ▼                                                                      │
//!  sinks        film file ◀─ FilmWriter (own thread) ◀─ cross-fade (two frames) ◀────────┤
//!                 │          frames folder, contact sheet, spool of a first stage ◀──────┤
//!                 │          the observer ◀──────────────────────────────────────────────┘
//!                 ▼
//!  finish       every output gets its name, or none does
//! ```
//!
//! A film has one stage, or two if it is upscaled. The second one runs the same code with other
//! keyframes, which are made from the first one's frames. If there is a [`Cache`], the pipeline of a
//! stage keeps its results there; the rest of the code does not depend on it.
//!
//! This crate neither prints nor reads the environment. A [`RenderObserver`] receives progress and
//! computed frames, and can cancel the render. A render that fails leaves nothing under a final name.
//!
//! Everything about a film that does not depend on a model is known before the render:
//!
//! ```
//! use lb_render::{Job, Plan};
//!
//! # fn main() -> Result<(), lb_render::RenderError> {
//! let mut job = Job::of_prompts(["a red apple", "a green pear"]);
//! job.transitions[0].seconds = 2.0;
//! let plan = Plan::new(&job)?;
//! assert_eq!((plan.film_frames(), plan.computed_frames()), (60, 24));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod cached_pipeline;
mod check;
mod earlier_frames;
mod embedding_notes;
mod error;
mod film;
mod first_stage;
mod frames;
mod model_settings;
mod modes;
mod moving_camera;
mod observe;
mod outputs;
mod picture_keyframes;
mod position;
mod prompts;
mod rates;
mod record_spool;
mod renderer;
mod sampling;
mod sinks;
mod stage;
mod summary;
#[cfg(feature = "testing")]
pub mod testing;
mod upscale;

pub use check::check_job;
pub use earlier_frames::{EarlierFrames, FramePositionError};
pub use embedding_notes::{EmbeddingNote, embedding_notes};
pub use error::RenderError;
pub use model_settings::{changed_by, resolve_for};
pub use observe::{RenderEvent, RenderObserver, Stage};
pub use outputs::{Outputs, validate_destination};
pub use picture_keyframes::film_size;
pub use position::FramePosition;
pub use rates::{RememberedRates, Stopwatch};
pub use renderer::Renderer;
pub use sampling::{LateStart, check_sampling, late_start};
pub use summary::{Reconstruction, Seconds, Summary, TransitionSummary};

pub use image::RgbImage;
pub use lb_blend::{BlendError, BlendReport, Phase, SamplerError, StepProgress};
pub use lb_cache::{Cache, CacheCheck, CacheContents, CacheError, CacheUsage, Damage, FaultyEntry};
pub use lb_job::*;
pub use lb_models::{
    CaptionWords, DecodeTiling, Device, DeviceProblem, GreyPicture, LoadedComponent, ModelDefaults,
    ModelDirectory, ModelError, ModelKind, ModelPool, PipelineOptions, Precision, Runtime,
    SessionOptions, Tokenizer, UnseenWord, locate_library, providers as device_reports,
};
pub use lb_video::{
    AnimationOptions, AudioTrack, Encoder, FileError, FilmFormat, FormatOption, InputError,
    WebpCompression, ffmpeg_version,
};

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
