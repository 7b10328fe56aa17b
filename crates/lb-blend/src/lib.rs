//! Latent blending over any diffusion model: a film in which one picture becomes another, made by
//! mixing the *unfinished* pictures of several denoising runs.
//!
//! # The idea
//!
//! A diffusion model makes a picture out of noise in N steps. The first steps decide what it will
//! show, the last ones draw its details. Mix two finished pictures, and you see a double exposure.
//! Mix them when they are half finished, and let the model finish the mix: it draws a picture that is
//! really in between.
//!
//! ```text
//!   noise A ●───────────────●───────●───────▶ keyframe A      fraction 0
//!           │               │       ├───────▶ frame
//!           │               ├───────●───────▶ frame           A branch starts from the slerp of
//!           │               │       ├───────▶ frame           its parents' latents and runs under
//!   noise B ●───────────────●───────●───────▶ keyframe B      the mix of the conditionings.
//!           level 0         level 1 level 2        steps →    fraction 1
//! ```
//!
//! [`blend()`] walks such trees (planned by [`lb_schedule`]) for a whole film of keyframes and
//! transitions. Each level is one batch: all its branches, with their conditional and unconditional
//! rows, are one call of the model in each step. Which model it is does not matter: the engine sees
//! a [`Backend`] that takes and returns plain slices of numbers. It knows no file, no runtime and no
//! text.
//!
//! # The parts
//!
//! - [`Backend`] is the port to implement. The feature `testing` has a strict fake of it and a
//!   conformance suite for implementations.
//! - A [`Sampler`] follows the noise schedule of a model's `scheduler_config.json`:
//!   [`DdimSampler`] equals diffusers' `DDIMScheduler`, and [`DpmSolverSampler`] its
//!   `DPMSolverMultistepScheduler`.
//! - [`Keyframe`]s come from a [`KeyframeSource`]: a `Vec`, or something that makes them one at a
//!   time. [`Transition`]s join them.
//! - [`FilmOutline`] forecasts what a film will take before any keyframe is made.
//! - [`invert`] finds the noise that a given picture is made from.
//! - [`noise`] makes the noise that torch makes for a seed.
//! - [`slerp`] and [`lerp`] mix.
//! - [`BlendOptions`] decide where branches lie, and how trajectories are drawn towards each other.
//! - An [`Observer`] receives the frames in film order, and can stop the work. [`Blended`] is one
//!   that keeps them all.
//! - A [`SnapshotStore`] keeps what was computed, so that a film that was interrupted, or one that
//!   has much in common with another, continues from there.
//!
//! # Example
//!
//! This "model" has pictures of one number. Whatever the noise, it predicts that the clean latents
//! are the conditioning. (`examples/own_backend.rs` draws a little more.)
//!
//! ```
//! use lb_blend::{
//!     Backend, BackendError, BlendOptions, BlendRequest, Blended, Conditioning, DdimSampler,
//!     Keyframe, LatentShape, NoiseScheduleConfig, PredictRequest, PredictionType, ShapeError,
//!     Transition, blend, noise::initial_latents,
//! };
//! use lb_schedule::BranchingProfile;
//!
//! struct Echo;
//!
//! impl Backend for Echo {
//!     fn batch_limit(&self) -> usize {
//!         usize::MAX
//!     }
//!     fn predict(
//!         &mut self,
//!         request: &PredictRequest<'_>,
//!         output: &mut [f32],
//!     ) -> Result<(), BackendError> {
//!         request.validate(output).map_err(BackendError::new)?;
//!         output.copy_from_slice(request.conditioning);
//!         Ok(())
//!     }
//! }
//!
//! let keyframe = |number, seed| -> Result<Keyframe, ShapeError> {
//!     let conditioning = Conditioning::new(1, 1, vec![number])?;
//!     let noise = initial_latents(seed, LatentShape::new(1, 1, 1))?;
//!     Ok(Keyframe::new(conditioning.clone(), conditioning, 1.0, noise))
//! };
//! let config = NoiseScheduleConfig {
//!     prediction_type: PredictionType::Sample,
//!     set_alpha_to_one: true,
//!     ..Default::default()
//! };
//!
//! let mut blended = Blended::default();
//! let report = blend(BlendRequest {
//!     backend: &mut Echo,
//!     sampler: &DdimSampler::new(&config, 8)?,
//!     keyframes: &mut vec![keyframe(-1.0, 0)?, keyframe(3.0, 1)?],
//!     transitions: &[Transition::new(BranchingProfile::manual(8, &[2, 3], &[0, 4])?, 1.0)],
//!     options: BlendOptions::default(),
//!     snapshots: &mut (),
//!     observer: &mut blended,
//! })?;
//! assert_eq!(report.model_evaluations, 2 * 8 + 4);
//! let frames = blended.transitions[0].iter();
//! let numbers: Vec<f32> = frames.map(|frame| frame.latents.values()[0].round()).collect();
//! assert_eq!(numbers, [-1.0, 1.0, 3.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod backend;
mod engine;
mod error;
mod film;
mod guidance;
mod in_between;
mod keyframe_source;
mod latents;
mod mix;
pub mod noise;
mod observer;
mod options;
mod sampler;
mod snapshot;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use backend::{Backend, BackendError, Conditioning, PredictRequest};
pub use engine::{
    BatchSteps, BlendRequest, CallRows, FilmOutline, Forecast, InversionOptions, Inverted, blend,
    invert, relative_error,
};
pub use error::{BlendError, KeyframeError};
pub use film::{Branch, Film, Keyframe, Transition};
pub use in_between::in_betweens;
pub use keyframe_source::KeyframeSource;
pub use latents::{LatentShape, Latents, ShapeError};
pub use mix::{lerp, slerp};
pub use observer::{BlendReport, Blended, BlendedFrame, Observer, Phase, StepProgress};
pub use options::{BlendOptions, SpacingDistance};
pub use sampler::{
    BetaSchedule, DdimInversion, DdimSampler, DpmSolverSampler, FinalSigmas, NoiseScheduleConfig,
    PredictionType, Sampler, SamplerError, SamplerKind, TimestepSpacing, add_noise,
};
pub use snapshot::{Snapshot, SnapshotKey, SnapshotStore};

#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../README.md")]
struct Readme;
