//! A latent blending job to files.
//!
//! A [`Job`] says what a film shows, [`Outputs`] says where it goes, a [`Renderer`] holds the
//! model. [`Renderer::render`] is what every front end calls:
//!
//! ```text
//!  Job ── Plan (tree, cost, film: all rules checked, nothing loaded)
//!           │
//!           ▼                                   keyframes first, then transition by transition
//!  prompts ─ Pipeline ─ Keyframe ─ lb_blend::blend ─ latents ─ PictureDecoder ─ computed frames
//!                                                                                    │
//!          film file ◀─ FilmWriter (own thread, bounded) ◀─ cross-fade (two frames) ◀┤
//!          frames folder ◀───────────────────────────────────────────────────────────┤
//!          contact sheet ◀───────────────────────────────────────────────────────────┘
//! ```
//!
//! Nothing is printed and no environment is read. Progress and cancellation go through one
//! [`RenderObserver`]; what fails leaves nothing under a final name.
//!
//! Everything about a film that needs no model is known beforehand: see [`lb_job`].

#![forbid(unsafe_code)]

mod error;
mod film;
mod frame_place;
mod modes;
mod observe;
mod outputs;
mod production;
mod renderer;
mod reuse;
mod store;
mod summary;

pub use error::RenderError;
pub use frame_place::FramePlace;
pub use modes::film_size;
pub use modes::upscale::{EarlierFrames, FramePlaceError};
pub use observe::{RenderEvent, RenderObserver, Stage};
pub use outputs::{Outputs, check_place};
pub use renderer::Renderer;
pub use store::{Damage, Key, Store, StoreError, StoreOptions, StoreUsage};
pub use summary::{Reconstruction, Seconds, Summary, TransitionFacts};

pub use image::RgbImage;
pub use lb_job::{
    Branching, BranchingSettings, CrossfeedSettings, CurveSettings, DepthMap, Fit, Injections,
    Inpaint, InpaintSettings, Job, JobError, JobFileError, JobSettings, Keyframe, KeyframeSettings,
    LARGEST_JOB_FILE, Location, PictureKeyframeError, Plan, SettingsError, SpacingChoice,
    SpacingSettings, StageCost, Timing, Transition, TransitionSettings, Upscale, UpscaleSettings,
    embedded_job,
};

pub use lb_blend::{Phase, SamplerKind, SpacingDistance, StepProgress};
pub use lb_models::{
    Device, DeviceProblem, GrayPicture, ModelDirectory, ModelError, ModelKind, ModelPool,
    PipelineOptions, Precision, Runtime, SessionOptions, locate_library,
    providers as device_reports,
};
pub use lb_schedule::{Easing, Guidance, Quality, ScheduleError, Spacing};
pub use lb_video::{
    AnimationOptions, AudioTrack, Encoder, FileError, FilmFormat, FormatOption, InputError,
    VideoError, WebpCompression, ffmpeg_version,
};
