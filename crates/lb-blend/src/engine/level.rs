//! A level's branches, and where further branches start among them.

use std::iter::once;

use lb_schedule::Parents;

use super::curve::Curve;
use crate::latents::{Latents, ShapeError};
use crate::mix::{lerp, slerp};
use crate::snapshot::Snapshot;

/// The state of all branches of a level after some step, those of the keyframes included.
pub(super) struct Level {
    /// The fractions of all levels down to this one.
    pub(super) fractions: Vec<Vec<f64>>,
    pub(super) latents: Vec<Latents>,
    pub(super) predicted_clean: Vec<Latents>,
}

impl Level {
    /// The inner branches between the two keyframes, all after the same step.
    pub(super) fn between(left: &Snapshot, inner: Snapshot, right: &Snapshot) -> Self {
        let join = |left: &[Latents], inner: Vec<Latents>, right: &[Latents]| {
            let ends = (once(left[0].clone()), once(right[0].clone()));
            ends.0.chain(inner).chain(ends.1).collect()
        };
        Self {
            fractions: inner.fractions,
            latents: join(&left.latents, inner.latents, &right.latents),
            predicted_clean: join(
                &left.predicted_clean,
                inner.predicted_clean,
                &right.predicted_clean,
            ),
        }
    }

    /// The fractions of this level's branches.
    pub(super) fn level_fractions(&self) -> &[f64] {
        &self.fractions[self.fractions.len() - 1]
    }
}

/// Where a branch starts.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// In a state of its own: a keyframe's noise, or what it had become after some step.
    State(&'a Latents, Option<&'a Latents>),
    /// Between its parents in a level: latents along the arc, predictions along the line.
    Arc(&'a Level, Parents),
    /// On the curve through a level's branches.
    Curve(&'a Curve<'a>, Parents),
}

impl Origin<'_> {
    /// Writes the latents in which the branch starts, and what the step before it predicted. Where
    /// there was no step before, the prediction is left alone.
    pub(super) fn write(
        &self,
        latents: &mut [f32],
        predicted_clean: &mut [f32],
    ) -> Result<(), ShapeError> {
        match *self {
            Self::State(own, predicted) => {
                latents.copy_from_slice(own.values());
                if let Some(predicted) = predicted {
                    predicted_clean.copy_from_slice(predicted.values());
                }
                Ok(())
            }
            Self::Arc(level, Parents { left, right, mix }) => {
                let (from, to) = (&level.latents[left], &level.latents[right]);
                slerp(from.values(), to.values(), mix, latents)?;
                let (from, to) = (&level.predicted_clean[left], &level.predicted_clean[right]);
                lerp(from.values(), to.values(), mix, predicted_clean)
            }
            Self::Curve(curve, parents) => curve.write(parents, latents, predicted_clean),
        }
    }
}
