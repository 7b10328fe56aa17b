//! A latent blending job: what a film shows and how it is made, apart from where it is written.
//!
//! [`JobSettings`] are what a user asks for, with gaps: by flags, in a job file, in the text that a film
//! carries, or as JSON. They declare every setting once. Settings are laid [over](JobSettings::over)
//! each other, and those that are still open get their [default](JobSettings::defaults) when they are
//! [resolved](JobSettings::resolve) to a [`Job`]. A [`Plan`] works out everything about the film that
//! needs no model:
//!
//! ```text
//!  flags ─┐
//!  file  ─┤
//!  film  ─┼─ JobSettings ── over ── resolve ── Job ── Plan (trees, cost, film; all rules checked)
//!  JSON  ─┘                                     │
//!                                               └── to_toml: a job file with every value explicit
//! ```
//!
//! This crate depends neither on models nor on a runtime.
//!
//! ```
//! use lb_job::{Job, Plan};
//!
//! # fn main() -> Result<(), lb_job::JobError> {
//! let mut job = Job::of_prompts(["a red apple", "a green pear"]);
//! job.transitions[0].seconds = 2.0;
//! let plan = Plan::new(&job)?;
//! assert_eq!(plan.film_frames(), 60);
//! assert_eq!(plan.computed_frames(), 24);
//! assert_eq!(plan.in_betweens, [28]);
//! assert_eq!(plan.cost.model_evaluations, 100);
//! # Ok(())
//! # }
//! ```
//!
//! A keyframe can be a picture. It is inverted: the noise is found from which the model would make it.
//! The film shows the picture exactly, and the plan includes the cost of the inversion:
//!
//! ```
//! use lb_job::{Job, Keyframe, Plan};
//!
//! # fn main() -> Result<(), lb_job::JobError> {
//! let mut job = Job::of_prompts(["an apple on a table", "a green pear"]);
//! job.keyframes[0].image = Some("apple.png".into());
//! job.keyframes[0].guidance_scale = Keyframe::PICTURE_GUIDANCE;
//! let steps = Plan::new(&job)?.steps();
//! // Each step is predicted once and refined four times.
//! assert_eq!(Plan::new(&job)?.cost.model_evaluations, 100 + steps * 5);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! `arguments` makes the settings [`clap::Args`] (see [`arguments`]), and describes them for a page (see
//! [`schema`]).

#![forbid(unsafe_code)]

#[cfg(feature = "arguments")]
pub mod arguments;
mod branching;
mod camera;
mod embedding;
mod error;
mod file;
mod film_trees;
mod frames;
mod inputs;
mod job;
mod limits;
mod lora;
mod named_paths;
mod number_or_text;
mod picture_folder;
mod pictures;
mod plan;
#[cfg(feature = "arguments")]
pub mod schema;
mod settings;
mod time_budget;
#[cfg(feature = "arguments")]
mod value_parsers;

pub use branching::{Branching, Injections, Levels};
pub use camera::{CameraValue, FilmCamera, FromTo, InvalidCameraValue, KeyframeCamera, Pan};
pub use embedding::EmbeddingFile;
pub use error::JobError;
pub use file::{JobFileError, Location, embedded_job};
pub use frames::{Frames, InvalidFrames};
pub use inputs::{Between, DepthMap, Fit, Inpaint, Sync, Timing, Upscale};
pub use job::{Job, Keyframe, Transition, Variation};
pub use limits::LARGEST_JOB_FILE;
pub use lora::KeyframeLora;
pub use named_paths::NamedPaths;
pub use picture_folder::PictureFolder;
pub use pictures::PictureSettings;
pub use plan::Plan;
pub use settings::*;
pub use time_budget::{RenderRate, TimedFilm};

pub use lb_blend::{Forecast, InversionOptions, SamplerKind, SpacingDistance, TimestepSpacing};
pub use lb_prompt::{Prompt, PromptError, PromptPart, PromptSyntax, ReadAsWords, Unsupported};
pub use lb_schedule::{
    BranchingProfile, BranchingRule, Camera, CameraMotion, Choice, Cost, Crossfeed, CrossfeedCurve,
    Easing, FrameRate, Guidance, Pace, Pulse, Quality, ScheduleError, Spacing, Timeline,
    TransitionSpan, UnknownChoice,
};
pub use lb_video::VideoError;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
