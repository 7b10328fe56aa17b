//! The branching tree of latent blending as pure maths: no latents, no models, no input or output.
//!
//! # The tree
//!
//! A **keyframe** is an end picture, and a **transition** joins two of them. Between the two run
//! **branches**: diffusion trajectories, each at a **fraction** from 0 (all left keyframe) to 1
//! (all right keyframe). Branches are not run for every step. The denoising steps are divided into
//! **levels**, and each level holds more branches than the one above:
//!
//! ```text
//!         0                 fraction                1
//! step 0  │                                         │   level 0: the two keyframes
//!         │                                         │
//! step 3  ├────────────────────┬────────────────────┤   injection: a branch starts as the
//!         │                    │                    │   mix of its two parents' latents
//! step 6  ├─────────────┬──────┴──────┬─────────────┤   and again, between closer parents
//!         │             │             │             │
//! step 10 ▪             ▪             ▪             ▪   decoded: the computed frames
//! ```
//!
//! Early steps decide what a picture shows, late steps how it looks. The few branches that start
//! early therefore carry the change of content, and the many that start late (from parents that
//! already agree) fill in frames between them at little cost and without motion.
//!
//! # The parts
//!
//! - [`BranchingProfile`]: how many steps, which levels. From a [`Quality`] preset, from numbers
//!   ([`BranchingProfile::autosetup`]) or by hand ([`BranchingProfile::manual`]).
//! - [`Cost`]: model evaluations and decodes, known before anything is rendered; [`film_cost`] for
//!   a whole film.
//! - [`Spacing`]: where in a level its branches lie. [`fixed_fractions`] follows a curve,
//!   [`perceptual_fractions`] evens out measured distances.
//! - [`parents`]: which two branches of the level above a branch starts from.
//! - [`Guidance`]: the guidance scale along the transition.
//! - [`Crossfeed`]: how much a branch takes over of its neighbours' trajectories.
//! - [`FilmTiming`]: how long what is shown, with [`Easing`] and holds; [`Timeline`]: the film frames
//!   that this makes, counted beforehand.
//! - [`transition_frames`]: which computed frames every film frame shows, from where they lie in
//!   time: evenly, or by [`perceptual_positions`].
//! - [`Tree`]: all of one transition's tree in one value: steps, levels, fractions, parents.
//!
//! Numbers are the same on every platform: transcendental functions are `libm`'s.
//!
//! # Example
//!
//! ```
//! use lb_schedule::{BranchingProfile, Quality, Tree};
//!
//! # fn main() -> Result<(), lb_schedule::ScheduleError> {
//! let profile = BranchingProfile::preset(Quality::Medium, 0.4)?;
//! assert_eq!(profile.steps(), 30);
//! assert_eq!(profile.frame_count(), 12);
//! assert_eq!(profile.levels()[1].injection_step, 12);
//!
//! // 12 frames for less than the price of 5 separate pictures.
//! assert_eq!(profile.cost().model_evaluations, 141);
//!
//! // The middle branch of level 1 starts half-way between the keyframes.
//! let tree = Tree::fixed(profile, 1.2)?;
//! let level_1 = tree.level(1).expect("the tree has six levels");
//! let middle = level_1.parents(1).expect("the level has three branches");
//! assert_eq!((middle.left, middle.right, middle.mix), (0, 1, 0.5));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod choice;
mod cost;
mod crossfeed;
mod error;
mod film;
mod guidance;
mod profile;
mod quality;
mod spacing;
mod tree;

pub use choice::{Choice, UnknownChoice};
pub use cost::{Cost, film_cost};
pub use crossfeed::{Crossfeed, CrossfeedCurve};
pub use error::ScheduleError;
pub use film::{
    ComputedPositions, Easing, FilmFrame, FilmTiming, MAX_FILM_FRAMES, Timeline, TimingError,
    TransitionSpan, TransitionTiming, computed_frame_times, film_frames, perceptual_positions,
    transition_frames,
};
pub use guidance::{Guidance, guidance_scale_between};
pub use profile::{BranchingProfile, Level, MAX_BRANCHES, MAX_STEPS};
pub use quality::Quality;
pub use spacing::{Spacing, fixed_fractions, perceptual_fractions, validate_level};
pub use tree::{Parents, Tree, TreeLevel, parents};
