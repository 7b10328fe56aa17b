//! A latent blending job: what a film shows and how it is made, apart from where it is written.
//!
//! [`JobSettings`] are what somebody asks for, with gaps: by flags, in a job file, or in the text that
//! a film carries. Settings are laid [over](JobSettings::over) each other, and what is still open gets
//! its default when they are [resolved](JobSettings::resolve) to a [`Job`]. A [`Plan`] works out
//! everything about the film that needs no model:
//!
//! ```text
//!  flags ─┐
//!  file  ─┼─ JobSettings ── over ── resolve ── Job ── Plan (trees, cost, film; all rules checked)
//!  film  ─┘                                     │
//!                                               └── to_toml: a job file with every value explicit
//! ```
//!
//! Nothing here knows a model or a runtime.
//!
//! ```
//! use lb_job::{Job, Plan};
//!
//! # fn main() -> Result<(), lb_job::JobError> {
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
//! use lb_job::{Job, Keyframe, Plan};
//!
//! # fn main() -> Result<(), lb_job::JobError> {
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

mod branching;
mod embedded;
mod error;
mod file;
mod inputs;
mod job;
mod keyframe;
mod names;
mod pictures;
mod plan;
mod settings;
mod transition;
mod upscale;

pub use branching::{Branching, Injections};
pub use embedded::embedded_job;
pub use error::JobError;
pub use file::{JobFileError, LARGEST_JOB_FILE, Location};
pub use inputs::{DepthMap, Fit, Inpaint};
pub use job::Job;
pub use keyframe::Keyframe;
pub use pictures::PictureKeyframeError;
pub use plan::{Plan, StageCost};
pub use settings::{
    BranchingSettings, CrossfeedSettings, CurveSettings, InpaintSettings, JobSettings,
    KeyframeSettings, SettingsError, SpacingChoice, SpacingSettings, TransitionSettings,
    UpscaleSettings,
};
pub use transition::{Timing, Transition};
pub use upscale::Upscale;

pub use lb_blend::{InversionOptions, SamplerKind, SpacingDistance};
pub use lb_schedule::{
    BranchingProfile, Cost, Crossfeed, CrossfeedCurve, Easing, Guidance, Quality, ScheduleError,
    Spacing, Timeline, TransitionSpan,
};
pub use lb_video::VideoError;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
