//! Watching a film being computed, and stopping it.

use std::fmt;
use std::ops::ControlFlow;

use crate::engine::BlendedFrame;
use crate::latents::Latents;

/// Which batch the engine is working on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// Pictures become the noise that they are made from ([`invert`](crate::invert)).
    Inversion,
    /// A group of keyframes.
    Keyframes,
    /// One level of one transition.
    Transition {
        /// Which transition, from 0: it begins at keyframe `index`.
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
    /// Model evaluations done in the whole film (or inversion), branches × steps; those that were not needed
    /// because the store had their result count as done when the walk comes to them.
    pub model_evaluations: usize,
    /// Model evaluations that the whole film (or inversion) takes.
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

    /// A finished keyframe. They come in film order, each before the transitions beside it.
    fn keyframe(&mut self, index: usize, latents: &Latents) -> ControlFlow<()> {
        let _ = (index, latents);
        ControlFlow::Continue(())
    }

    /// A finished transition, in film order: its computed frames from keyframe `index` to the next
    /// one, both included, and the fractions of every level of its tree, from level 0.
    fn transition(
        &mut self,
        index: usize,
        frames: &[BlendedFrame],
        level_fractions: &[Vec<f64>],
    ) -> ControlFlow<()> {
        let _ = (index, frames, level_fractions);
        ControlFlow::Continue(())
    }
}

impl Observer for () {}

/// An observer that keeps a whole film, where it fits into memory.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Blended {
    /// Each transition's computed frames by growing fraction, both keyframes included (so that an
    /// inner keyframe stands in two transitions).
    pub transitions: Vec<Vec<BlendedFrame>>,
    /// For each transition the fractions of every level of its tree, from level 0.
    pub level_fractions: Vec<Vec<Vec<f64>>>,
}

impl Observer for Blended {
    fn transition(
        &mut self,
        _: usize,
        frames: &[BlendedFrame],
        level_fractions: &[Vec<f64>],
    ) -> ControlFlow<()> {
        self.transitions.push(frames.to_vec());
        self.level_fractions.push(level_fractions.to_vec());
        ControlFlow::Continue(())
    }
}
