//! The state of a level's branches.

use std::iter::once;

use crate::latents::Latents;
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
