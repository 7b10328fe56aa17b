//! Watching a film being computed, and stopping it.

use std::fmt;
use std::ops::ControlFlow;

use crate::engine::BlendedFrame;
use crate::latents::Latents;

/// Which batch the engine is working on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// All keyframes at once.
    Keyframes,
    /// One level of one transition.
    Transition {
        /// Which transition, from 0: it joins keyframes `index` and `index + 1`.
        index: usize,
        /// Which level of its tree, from 1 (level 0 is the keyframes).
        level: usize,
    },
}

/// One trajectory of a film.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Branch {
    /// A keyframe's, by its index.
    Keyframe(usize),
    /// One between two keyframes.
    Inner {
        /// The transition, from 0.
        transition: usize,
        /// The level, from 1.
        level: usize,
        /// Where between its keyframes, in (0, 1).
        fraction: f64,
    },
}

impl fmt::Display for Branch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyframe(index) => write!(formatter, "keyframe {index}"),
            Self::Inner {
                transition,
                level,
                fraction,
            } => write!(
                formatter,
                "the branch at fraction {fraction:.4} of level {level}, transition {transition}"
            ),
        }
    }
}

/// Where a film stands after a denoising step of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepProgress {
    /// The batch.
    pub phase: Phase,
    /// Branches in the batch.
    pub branches: usize,
    /// The denoising step just taken, 1 to `steps`: a level begins where its injection says.
    pub step: usize,
    /// Denoising steps of a whole trajectory.
    pub steps: usize,
    /// Model evaluations done in the whole film: branches × steps.
    pub model_evaluations: usize,
    /// Model evaluations that the whole film takes.
    pub total_model_evaluations: usize,
}

/// Told of every step and every finished part; stops the work by returning
/// [`ControlFlow::Break`], upon which [`blend`](crate::blend()) returns
/// [`BlendError::Interrupted`](crate::BlendError::Interrupted).
///
/// `()` watches nothing.
pub trait Observer {
    /// After each denoising step of a batch.
    fn step(&mut self, progress: &StepProgress) -> ControlFlow<()> {
        let _ = progress;
        ControlFlow::Continue(())
    }

    /// The finished keyframes, in order, before any transition starts.
    fn keyframes(&mut self, latents: &[Latents]) -> ControlFlow<()> {
        let _ = latents;
        ControlFlow::Continue(())
    }

    /// A finished transition: its computed frames from keyframe `index` to keyframe `index + 1`,
    /// both included.
    fn transition(&mut self, index: usize, frames: &[BlendedFrame]) -> ControlFlow<()> {
        let _ = (index, frames);
        ControlFlow::Continue(())
    }
}

impl Observer for () {}
