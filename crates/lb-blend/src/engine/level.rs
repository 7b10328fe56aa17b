//! The state of a level's branches.

use std::borrow::Cow;
use std::iter::once;

use lb_schedule::Parents;

use crate::latents::{Latents, ShapeError};
use crate::mix::lerp;
use crate::snapshot::Snapshot;

/// The state of all branches of a level after some step, those of the keyframes included.
pub(super) struct Level {
    /// The fractions of all levels down to this one.
    pub(super) fractions: Vec<Vec<f64>>,
    pub(super) latents: Vec<Latents>,
    pub(super) predicted_clean: Vec<Latents>,
    /// The differences that guidance made, as far as a step that follows may reuse them. A keyframe that is not
    /// guided has none.
    pub(super) guidance_differences: Vec<Option<Latents>>,
}

impl Level {
    /// The inner branches between the two keyframes, all after the same step.
    pub(super) fn between(left: &Snapshot, inner: Snapshot, right: &Snapshot) -> Self {
        let join = |left: &[Latents], inner: Vec<Latents>, right: &[Latents]| {
            let ends = (once(left[0].clone()), once(right[0].clone()));
            ends.0.chain(inner).chain(ends.1).collect()
        };
        let branches = inner.latents.len();
        let mut inner_differences: Vec<_> =
            inner.guidance_differences.into_iter().map(Some).collect();
        inner_differences.resize(branches, None);
        let guidance_differences = once(left.guidance_differences.first().cloned())
            .chain(inner_differences)
            .chain(once(right.guidance_differences.first().cloned()))
            .collect();
        Self {
            fractions: inner.fractions,
            latents: join(&left.latents, inner.latents, &right.latents),
            predicted_clean: join(
                &left.predicted_clean,
                inner.predicted_clean,
                &right.predicted_clean,
            ),
            guidance_differences,
        }
    }

    /// The difference that guidance made between two branches, mixed along the line: conditioning is mixed in
    /// the same way. Beside a keyframe that is not guided, it is that of the other branch.
    pub(super) fn guidance_difference(
        &self,
        Parents { left, right, mix }: Parents,
    ) -> Result<Option<Cow<'_, [f32]>>, ShapeError> {
        let known = |branch: usize| self.guidance_differences.get(branch)?.as_ref();
        Ok(match (known(left), known(right)) {
            (Some(left), Some(right)) => {
                let mut mixed = vec![0.0; left.values().len()];
                lerp(left.values(), right.values(), mix, &mut mixed)?;
                Some(Cow::Owned(mixed))
            }
            (Some(only), None) | (None, Some(only)) => Some(Cow::Borrowed(only.values())),
            (None, None) => None,
        })
    }

    /// The fractions of this level's branches.
    pub(super) fn level_fractions(&self) -> &[f64] {
        &self.fractions[self.fractions.len() - 1]
    }
}
