//! The branching tree of latent blending as pure maths: no latents, no models, no input or output.
//!
//! # The tree
//!
//! A **keyframe** is an end picture, and a **transition** joins two of them. Between the two run
//! **branches**. Each branch is a diffusion trajectory at a **fraction**, which goes from 0 (entirely
//! the left keyframe) to 1 (entirely the right one). Branches are not run for every step. The
//! denoising steps are divided into **levels**, and each level holds more branches than the one above:
//!
//! ```text
//!         0                 fraction                1
//! step 0  │                                         │   level 0: the two keyframes
//!         │                                         │
//! step 3  ├────────────────────┬────────────────────┤   injection: a branch starts as the
//!         │                    │                    │   mix of its two parents' latents
//! step 6  ├─────────────┬──────┴──────┬─────────────┤   injection, between closer parents
//!         │             │             │             │
//! step 10 ▪             ▪             ▪             ▪   the computed frames, when decoded
//! ```
//!
//! Early steps decide what a picture shows, and late steps decide how it looks. Therefore the few
//! branches that start early carry the change of content. The many that start late have parents that
//! already agree, and fill in frames between them at little cost and without motion.
//!
//! # The parts
//!
//! - [`BranchingProfile`] holds the steps and levels of a tree. It is made from a [`Quality`] preset,
//!   from three numbers by one of the two rules of [`BranchingRule`] ([`BranchingProfile::doubling`] or
//!   [`BranchingProfile::autosetup`]), or by hand ([`BranchingProfile::manual`]).
//! - [`Cost`] counts the model evaluations and decodes of a transition, and [`film_cost`] those of a
//!   whole film, before anything is rendered.
//! - [`Spacing`] says how the fractions of a level are chosen: [`fixed_fractions`] follow a curve, and
//!   [`perceptual_fractions`] even out measured distances.
//! - [`Tree`] is the whole tree in one value, with the fractions of every branch and its [`Parents`],
//!   which [`parents`] finds.
//! - [`Guidance`] is the guidance scale along a transition; [`guidance_scale_between`] interpolates it
//!   between keyframes of different scales.
//! - [`Crossfeed`] says how strongly a keyframe is drawn towards the one before it, and a branch towards
//!   the mixture of its parents.
//! - [`FrameRate`] is a number of film frames per second as an exact fraction.
//! - [`FilmTiming`] says how long everything is shown, with [`Easing`] and holds. [`Timeline`] counts
//!   the film frames that this makes.
//! - [`TransitionMotion`] says which computed frames every film frame of a transition shows: with
//!   computed frames at equal distances in time, or with film frames at equal apparent distances.
//!   [`film_frames`] does the same for a whole film.
//! - [`Camera`] says which part of the picture every film frame shows: its zoom, pan and rotation.
//! - [`Choice`] is the one way in which settings with a few named values are declared, here and in the
//!   crates above.
//!
//! Numbers are the same on every platform, because transcendental functions are those of `libm`. With
//! the feature `serde`, plain data can be serialised, and what is read back is checked by the same
//! rules.
//!
//! # Example
//!
//! ```
//! use lb_schedule::{BranchingProfile, Quality, Tree};
//!
//! # fn main() -> Result<(), lb_schedule::ScheduleError> {
//! let profile = BranchingProfile::preset(Quality::Medium, 0.4)?;
//! assert_eq!(profile.steps(), 12);
//! assert_eq!(profile.frame_count(), 24);
//! assert_eq!(profile.levels()[1].injection_step, 5);
//!
//! // The 24 frames cost less than 8 separate pictures.
//! assert_eq!(profile.cost().model_evaluations, 82);
//!
//! // Both inner branches of level 1 start as mixes of the keyframes.
//! let tree = Tree::fixed(profile, 1.0)?;
//! let level_1 = tree.level(1).expect("the tree has five levels");
//! let first = level_1.parents(1).expect("the level has four branches");
//! assert_eq!((first.left, first.right), (0, 1));
//! assert!((first.mix - 1.0 / 3.0).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod camera;
mod choice;
mod cost;
mod crossfeed;
mod error;
mod film;
mod frame_rate;
mod guidance;
mod limits;
mod profile;
mod quality;
mod spacing;
mod tree;

pub use camera::{Camera, CameraCourse, CameraFrame, CameraMotion, CameraView, Section};
pub use choice::{Choice, UnknownChoice};
pub use cost::{Cost, film_cost, keyframes_cost};
pub use crossfeed::{Crossfeed, CrossfeedCurve};
pub use error::ScheduleError;
pub use film::{
    Easing, FilmFrame, FilmTiming, Pace, Pulse, Timeline, TransitionMotion, TransitionSpan,
    TransitionTiming, film_frames,
};
pub use frame_rate::{FrameRate, FrameRateError};
pub use guidance::{Guidance, GuidanceRescale, guidance_scale_between, validate_guidance_every};
pub use limits::{MAX_BRANCHES, MAX_FILM_FRAMES, MAX_STEPS};
pub use profile::{BranchingProfile, Level};
pub use quality::{BranchingRule, Quality};
pub use spacing::{Spacing, fixed_fractions, perceptual_fractions, validate_level};
pub use tree::{Parents, Tree, TreeLevel, parents};

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
