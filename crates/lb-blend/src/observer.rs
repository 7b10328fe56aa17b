//! How a caller watches a film being computed, stops it, and learns what it took.

use std::ops::{Add, ControlFlow};

use crate::latents::Latents;

/// A computed frame of a transition, ready to be decoded.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BlendedFrame {
    /// Where the frame lies between the transition's keyframes, from 0 to 1.
    pub fraction: f64,
    /// The clean latents.
    pub latents: Latents,
}

/// Which batch the engine is working on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Phase {
    /// Pictures become the noise that they are made from ([`invert`](crate::invert)).
    Inversion,
    /// A group of keyframes.
    Keyframes,
    /// One level of one transition.
    Transition {
        /// The index of the transition, which is that of the keyframe it begins at.
        index: usize,
        /// The level of its tree, from 1 (level 0 is the keyframes).
        level: usize,
    },
}

/// How far a film (or inversion) is after a step of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct StepProgress {
    /// The batch.
    pub phase: Phase,
    /// Branches in the batch.
    pub branches: usize,
    /// The step just taken, 1 to `steps`. A level begins at its injection, not at 1. An inversion reports
    /// a step once for each time that it evaluates the model there.
    pub step: usize,
    /// Denoising steps of a whole trajectory.
    pub steps: usize,
    /// Model evaluations done in the whole film (or inversion): one for each branch at each step, and in
    /// an inversion one more for each iteration. Those that a snapshot spared count as done when the
    /// engine comes to them.
    pub model_evaluations: usize,
    /// Model evaluations that the whole film (or inversion) takes.
    pub total_model_evaluations: usize,
}

/// What a film took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct BlendReport {
    /// Branches × steps that were computed.
    pub model_evaluations: usize,
    /// Branches × steps that snapshots spared. Together with those computed they are the film's
    /// [`cost`](crate::FilmOutline::cost).
    pub reused_evaluations: usize,
    /// Rows that the backend predicted, conditional and unconditional ones.
    pub predicted_rows: usize,
    /// Calls of [`Backend::predict`](crate::Backend::predict).
    pub predict_calls: usize,
    /// The largest number of keyframes' snapshots that were held at once. It does not grow with the
    /// film.
    pub most_snapshots_held: usize,
}

impl Add for BlendReport {
    type Output = Self;

    /// The report of two films, one computed after the other.
    fn add(self, other: Self) -> Self {
        Self {
            model_evaluations: self.model_evaluations + other.model_evaluations,
            reused_evaluations: self.reused_evaluations + other.reused_evaluations,
            predicted_rows: self.predicted_rows + other.predicted_rows,
            predict_calls: self.predict_calls + other.predict_calls,
            most_snapshots_held: self.most_snapshots_held.max(other.most_snapshots_held),
        }
    }
}

/// Receives every step and every finished part of a film, and can stop the work by returning
/// [`ControlFlow::Break`]. Then [`blend`](crate::blend()) returns
/// [`BlendError::Interrupted`](crate::BlendError::Interrupted).
///
/// `()` ignores everything.
pub trait Observer {
    /// Called after each denoising step of a batch, and in an inversion after each evaluation of a batch.
    fn step(&mut self, progress: &StepProgress) -> ControlFlow<()> {
        let _ = progress;
        ControlFlow::Continue(())
    }

    /// Called for each finished keyframe, in film order and before the transitions beside it.
    fn keyframe(&mut self, index: usize, latents: &Latents) -> ControlFlow<()> {
        let _ = (index, latents);
        ControlFlow::Continue(())
    }

    /// Called for each finished transition, in film order, with its computed frames from keyframe
    /// `index` to the next one, both included, and the fractions of every level of its tree from
    /// level 0.
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Blended {
    /// Each transition's computed frames by growing fraction, both keyframes included. So an inner
    /// keyframe appears in two transitions.
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
