//! One transition's tree, level by level, between keyframes that are already computed.

use lb_schedule::{Spacing, fixed_fractions, parents, perceptual_fractions};

use super::batch::Start;
use super::crossfeed::crossfeed_parents;
use super::curve::Curve;
use super::denoiser::Denoiser;
use super::keyframes::HeldKeyframe;
use super::level::Level;
use super::origin::Origin;
use super::outline::spacing_steps;
use crate::error::BlendError;
use crate::film::{Branch, Transition};
use crate::observer::Phase;
use crate::options::{BlendOptions, SpacingDistance};
use crate::snapshot::{Snapshot, SnapshotKey, SnapshotStore};

/// A transition between its two keyframes, ready to be computed.
pub(super) struct TransitionTree<'a> {
    pub(super) index: usize,
    pub(super) transition: &'a Transition,
    pub(super) left: &'a HeldKeyframe,
    pub(super) right: &'a HeldKeyframe,
    pub(super) options: &'a BlendOptions,
}

impl TransitionTree<'_> {
    /// Computes what no snapshot has, and returns the last level: the computed frames.
    pub(super) fn compute(
        &self,
        denoiser: &mut Denoiser<'_>,
        snapshots: &mut dyn SnapshotStore,
    ) -> Result<Level, BlendError> {
        let profile = &self.transition.profile;
        let (mut level, mut inner) = self.deepest_kept(snapshots);
        for reused in 1..=level {
            let cost = profile.inner_cost(reused);
            denoiser.report.reused_evaluations += cost.model_evaluations;
        }
        loop {
            let above = self.between_keyframes(inner, profile.step_range(level).end);
            level += 1;
            if level == profile.levels().len() {
                return Ok(above);
            }
            inner = self.compute_level(level, above, denoiser)?;
            snapshots.save(self.key(level), &inner);
        }
    }

    fn key(&self, level: usize) -> SnapshotKey {
        SnapshotKey::Level {
            transition: self.index,
            level,
        }
    }

    /// The deepest level of which a snapshot is kept, and that snapshot.
    fn deepest_kept(&self, snapshots: &mut dyn SnapshotStore) -> (usize, Snapshot) {
        let profile = &self.transition.profile;
        let shape = self.left.keyframe.initial_latents.shape();
        for level in (1..profile.levels().len()).rev() {
            let loaded = snapshots.load(self.key(level));
            let fits = |snapshot: &Snapshot| snapshot.fits_level(profile, level, shape);
            if let Some(snapshot) = loaded.filter(fits) {
                return (level, snapshot);
            }
        }
        let keyframes = Snapshot {
            fractions: vec![vec![0.0, 1.0]],
            ..Default::default()
        };
        (0, keyframes)
    }

    /// The inner branches between the two keyframes, all after the same step.
    fn between_keyframes(&self, inner: Snapshot, step: usize) -> Level {
        Level::between(self.left.after(step), inner, self.right.after(step))
    }

    /// Computes the inner branches of the level below `above`.
    fn compute_level(
        &self,
        level: usize,
        above: Level,
        denoiser: &mut Denoiser<'_>,
    ) -> Result<Snapshot, BlendError> {
        let profile = &self.transition.profile;
        let steps = profile.step_range(level);
        let is_last = level + 1 == profile.levels().len();
        let count = profile.levels()[level].branch_count;
        let mut fractions = Vec::new();
        let spaced = spacing_steps(profile, level, self.options.spacing);
        for step in steps.clone() {
            if spaced.contains(&step) {
                let present;
                let known = if step == steps.start {
                    &above
                } else {
                    let mut inner = denoiser.batch.snapshot(0..count - 2, true)?;
                    inner.fractions = vec![fractions];
                    present = self.between_keyframes(inner, step);
                    &present
                };
                // Measuring pictures costs a decode for each branch. So they decide only once, at
                // the end, where the frames lie.
                let distance = match is_last && step + 1 == steps.end {
                    true => self.options.distance,
                    false => SpacingDistance::Latents,
                };
                fractions = self.start(level, step, known, distance, denoiser)?;
            }
            crossfeed_parents(
                &mut denoiser.batch,
                &above,
                &fractions[1..count - 1],
                self.options.crossfeed.parents,
                denoiser.sampler.alphas_cumprod(),
                (steps.start, step),
            )?;
            let index = self.index;
            let phase = Phase::Transition { index, level };
            denoiser.denoise(step..step + 1, steps.start, phase)?;
        }
        // The next level computes guidance at its first step.
        let mut inner = denoiser.batch.snapshot(0..count - 2, false)?;
        inner.fractions = above.fractions;
        inner.fractions.push(fractions);
        Ok(inner)
    }

    /// Starts a batch of the level's inner branches among those of `known`, and returns the
    /// fractions of all its branches. Under perceptual spacing they follow from the distances between
    /// the branches that are known.
    fn start(
        &self,
        level: usize,
        step: usize,
        known: &Level,
        distance: SpacingDistance,
        denoiser: &mut Denoiser<'_>,
    ) -> Result<Vec<f64>, BlendError> {
        let count = self.transition.profile.levels()[level].branch_count;
        let curve;
        let (fractions, curve) = match self.options.spacing {
            Spacing::Fixed { mid_compression } => (fixed_fractions(count, mid_compression)?, None),
            // Before the first step there is only noise, whose distances say nothing.
            Spacing::Perceptual if step == 0 => (fixed_fractions(count, 1.0)?, None),
            Spacing::Perceptual => {
                let distances = denoiser.distances(distance, &known.predicted_clean)?;
                let alpha = denoiser.sampler.alphas_cumprod()[step];
                curve = Curve::through(known, &distances, alpha);
                let known = known.level_fractions();
                (
                    perceptual_fractions(count, known, &distances)?,
                    Some(&curve),
                )
            }
        };
        let first = self.transition.profile.step_range(level).start;
        let computes_guidance = denoiser.computes_guidance(first, step);
        let (left, right) = (&self.left.keyframe, &self.right.keyframe);
        let (scale_left, scale_right) = (left.guidance_scale, right.guidance_scale);
        let mut starts = Vec::with_capacity(count - 2);
        for &fraction in &fractions[1..count - 1] {
            let parents = parents(known.level_fractions(), fraction)?;
            starts.push(Start {
                branch: Branch::Inner {
                    transition: self.index,
                    level,
                    fraction,
                },
                guidance_scale: self
                    .transition
                    .guidance_scale(scale_left, scale_right, fraction),
                origin: curve.map_or(Origin::Arc(known, parents), |curve| {
                    Origin::Curve(curve, parents)
                }),
                keyframes: (left, right, fraction),
                guidance_difference: match computes_guidance {
                    true => None,
                    false => known.guidance_difference(parents)?,
                },
            });
        }
        denoiser.batch.fill(&starts)?;
        Ok(fractions)
    }
}
