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
//! Everything about a film that needs no model is known beforehand:
//!
//! ```
//! use lb_render::{Job, Plan};
//!
//! # fn main() -> Result<(), lb_render::RenderError> {
//! let mut job = Job::of_prompts(["a red apple", "a green pear"]);
//! job.transitions[0].seconds = 2.0;
//! let plan = Plan::new(&job)?;
//! assert_eq!(plan.film_frames(), 60);
//! assert_eq!(plan.computed_frames(), 12);
//! assert_eq!(plan.cost.model_evaluations, 141);
//! # Ok(())
//! # }
//! ```
//!
//! A keyframe can be a picture. It is inverted to the noise that becomes it, which the plan counts
//! too, and shown exactly:
//!
//! ```
//! use lb_render::{Job, Keyframe, Plan};
//!
//! # fn main() -> Result<(), lb_render::RenderError> {
//! let mut job = Job::of_prompts(["an apple on a table", "a green pear"]);
//! job.keyframes[0].image = Some("apple.png".into());
//! job.keyframes[0].guidance_scale = Keyframe::PICTURE_GUIDANCE;
//! let steps = Plan::new(&job)?.steps();
//! // Each step is predicted once and refined twice.
//! assert_eq!(Plan::new(&job)?.cost.model_evaluations, 141 + steps * 3);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod error;
mod film;
mod frame_place;
mod job;
mod modes;
mod observe;
mod outputs;
mod plan;
mod production;
mod renderer;
mod reuse;
mod store;
mod summary;

pub use error::RenderError;
pub use frame_place::FramePlace;
pub use job::{
    Branching, BranchingSettings, CrossfeedSettings, CurveSettings, DepthMap, Fit, Injections,
    Inpaint, InpaintSettings, Job, JobFileError, JobSettings, Keyframe, KeyframeSettings,
    LARGEST_JOB_FILE, PictureKeyframeError, Place, SettingsError, SpacingChoice, SpacingSettings,
    Timing, Transition, TransitionSettings, Upscale, UpscaleSettings, embedded_job,
};
pub use modes::upscale::{EarlierFrames, FramePlaceError};
pub use observe::{RenderEvent, RenderObserver, Stage};
pub use outputs::{Outputs, check_place};
pub use plan::{Plan, StageCost};
pub use renderer::Renderer;
pub use store::{Damage, Key, Store, StoreError, StoreOptions, StoreUsage};
pub use summary::{Reconstruction, Seconds, Summary, TransitionFacts};

pub use image::RgbImage;
pub use lb_blend::{Phase, SamplerKind, SpacingDistance, StepProgress};
pub use lb_models::{
    Device, DeviceProblem, GrayPicture, ModelDirectory, ModelError, ModelKind, ModelPool,
    PipelineOptions, Precision, Runtime, SessionOptions, locate_library,
    providers as device_reports,
};
pub use lb_schedule::{Easing, Guidance, Quality, ScheduleError, Spacing};
pub use lb_video::{
    AnimationOptions, AudioTrack, Encoder, InputError, VideoError, WebpCompression, ffmpeg_version,
};
