//! Where a branch starts: in a state of its own, or between branches of the level above.

use lb_schedule::Parents;

use super::curve::Curve;
use super::level::Level;
use crate::latents::{Latents, ShapeError};
use crate::mix::{lerp, slerp};

/// Where a branch starts.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// In a state of its own: the noise of a keyframe, or the latents after one of its steps.
    State(&'a Latents, Option<&'a Latents>),
    /// Between its parents in a level: its latents are theirs mixed along an arc, and its prediction is
    /// theirs mixed along a line.
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
