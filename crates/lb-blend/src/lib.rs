//! Latent blending over any diffusion model: a film in which one picture becomes another, made by
//! mixing the *unfinished* pictures of several denoising runs.
//!
//! # The idea
//!
//! A diffusion model makes a picture in N steps out of noise; the first steps decide what it will
//! be, the last ones draw its details. Mix two finished pictures, and you see a double exposure.
//! Mix them half way, and let the model finish the mix: it draws a picture that is really in
//! between.
//!
//! ```text
//!   noise A ●───────────────●───────●───────▶ keyframe A      fraction 0
//!           │               │       ├───────▶ frame           a level starts where its parents
//!           │               ├───────●───────▶ frame           have come to: from the slerp of
//!           │               │       ├───────▶ frame           their latents, under the mix of
//!   noise B ●───────────────●───────●───────▶ keyframe B      the conditionings; fraction 1
//!           level 0         level 1 level 2        steps →
//! ```
//!
//! [`blend()`] walks such trees (planned by [`lb_schedule`]) for a whole [`Film`] of keyframes and
//! transitions. Each level is one batch: all its branches, their conditional and unconditional
//! halves, are one call of the model per step. What the model is does not matter: the engine sees a
//! [`Backend`], plain slices of numbers in and out. It knows no file, no runtime and no text.
//!
//! # The parts
//!
//! - [`Backend`] is the port to implement; `testing` (a feature) has a strict fake of it and a
//!   conformance suite for it.
//! - A [`Sampler`] walks down the noise schedule of a model's `scheduler_config.json`:
//!   [`DdimSampler`] equal to diffusers' `DDIMScheduler`, [`DpmSolverSampler`] to its
//!   `DPMSolverMultistepScheduler`.
//! - [`invert`] finds the noise that a given picture is made from.
//! - [`noise`] makes the noise that torch makes for a seed.
//! - [`slerp`] and [`lerp`] mix.
//! - [`BlendOptions`]: where branches lie, and what trajectories take over from each other.
//! - [`Observer`] watches, and stops. It is handed the frames, in film order; [`Blended`] is one
//!   that keeps them all.
//! - [`TrajectoryStore`] keeps what was computed, so that a film that was interrupted, or one that
//!   has much in common with another, goes on from there.
//!
//! # Example
//!
//! A "model" of one number: whatever the noise, it says that the clean latents are what the
//! conditioning says. (`examples/own_backend.rs` draws a little more.)
//!
//! ```
//! use lb_blend::{
//!     Backend, BackendError, BlendOptions, Blended, Conditioning, DdimSampler, Film, Keyframe,
//!     LatentShape, NoiseScheduleConfig, PredictRequest, PredictionType, Transition, blend,
//!     noise::initial_latents,
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
//!         request.check(output).map_err(BackendError::new)?;
//!         output.copy_from_slice(request.conditioning);
//!         Ok(())
//!     }
//! }
//!
//! let shape = LatentShape { channels: 1, height: 1, width: 1 };
//! let number = |value| Conditioning { tokens: 1, width: 1, values: vec![value] };
//! let keyframe = |value, seed| -> Result<_, lb_blend::ShapeError> {
//!     let initial_latents = initial_latents(seed, shape)?;
//!     Ok(Keyframe {
//!         conditioning: number(value),
//!         negative: number(value),
//!         guidance_scale: 1.0,
//!         initial_latents,
//!         concatenated: None,
//!     })
//! };
//!
//! let config = NoiseScheduleConfig {
//!     prediction_type: PredictionType::Sample,
//!     set_alpha_to_one: true,
//!     ..Default::default()
//! };
//! let film = Film {
//!     keyframes: vec![keyframe(-1.0, 0)?, keyframe(3.0, 1)?],
//!     transitions: vec![Transition {
//!         profile: BranchingProfile::manual(8, &[2, 3], &[0, 4])?,
//!         guidance_damper: 1.0,
//!     }],
//! };
//! let sampler = DdimSampler::new(&config, 8)?;
//! let (options, mut blended) = (BlendOptions::default(), Blended::default());
//! let report = blend(&mut Echo, &sampler, &film, &options, &mut (), &mut blended)?;
//! assert_eq!(report.model_evaluations, film.cost().model_evaluations);
//! let frames: Vec<f32> =
//!     blended.transitions[0].iter().map(|frame| frame.latents.values()[0].round()).collect();
//! assert_eq!(frames, [-1.0, 1.0, 3.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod backend;
mod calls;
mod engine;
mod error;
mod guide;
mod latents;
mod mix;
pub mod noise;
mod observe;
mod sampler;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use backend::{Backend, Conditioning, PredictRequest};
pub use calls::CallRows;
pub use engine::{
    BlendOptions, BlendReport, BlendedFrame, Film, InversionOptions, Inverted, Keyframe, LevelEnd,
    Place, SpacingDistance, TrajectoryStore, Transition, blend, invert, relative_error,
};
pub use error::{BackendError, BlendError, ShapeError};
pub use latents::{LatentShape, Latents};
pub use mix::{lerp, slerp};
pub use observe::{Blended, Branch, Observer, Phase, StepProgress};
pub use sampler::{
    BetaSchedule, DdimInversion, DdimSampler, DpmSolverSampler, NoiseScheduleConfig,
    PredictionType, Sampler, SamplerError, SamplerKind, TimestepSpacing, add_noise,
};
