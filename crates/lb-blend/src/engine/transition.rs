//! One transition's tree, level by level, between keyframes that are already computed.

use std::iter::once;

use lb_schedule::{Spacing, fixed_fractions, parents, perceptual_fractions};

use super::batch::Start;
use super::keyframes::{Trajectory, Window};
use super::neighbours::Neighbours;
use super::options::SpacingDistance;
use super::placement::{norm_restraint, placements};
use super::store::{LevelEnd, Place};
use super::{BlendedFrame, Walk, proceed};
use crate::error::BlendError;
use crate::latents::Latents;
use crate::observe::{Branch, Phase};

/// A finished level of a tree: where each of its branches stands, those of the keyframes included.
pub(super) struct Level {
    /// Of all levels down to this one.
    fractions: Vec<Vec<f64>>,
    pub(super) latents: Vec<Latents>,
    pub(super) predicted_clean: Vec<Latents>,
}

impl Walk<'_> {
    /// Computes the frames from a transition's first keyframe to its second, both of which are in
    /// the window, and hands them to the observer.
    pub(super) fn transition(&mut self, index: usize, window: &Window) -> Result<(), BlendError> {
        let (left, right) = self.film.ends(index);
        let (left, right) = (&window[&left], &window[&right]);
        let profile = &self.film.transitions[index].profile;
        let (mut level, mut end) = self.deepest_stored(index);
        for reused in 1..=level {
            self.report.reused_evaluations += profile.inner_cost(reused).model_evaluations;
        }
        loop {
            let above = Level::between(left, end, right, profile.step_range(level).end);
            level += 1;
            if level == profile.levels().len() {
                let fractions = above.level_fractions().to_vec();
                let frames: Vec<BlendedFrame> = std::iter::zip(fractions, above.latents)
                    .map(|(fraction, latents)| BlendedFrame { fraction, latents })
                    .collect();
                return proceed(self.observer.transition(index, &frames, &above.fractions));
            }
            end = self.level(index, level, above, [left, right])?;
            let place = Place::Level {
                transition: index,
                level,
            };
            self.store.save(place, &end);
        }
    }

    /// The deepest level that the store has, and where its inner branches stand.
    fn deepest_stored(&mut self, index: usize) -> (usize, LevelEnd) {
        let levels = self.film.transitions[index].profile.levels().len();
        for level in (1..levels).rev() {
            let place = Place::Level {
                transition: index,
                level,
            };
            if let Some(end) = self.stored(place) {
                return (level, end);
            }
        }
        let keyframes = LevelEnd {
            fractions: vec![vec![0.0, 1.0]],
            ..Default::default()
        };
        (0, keyframes)
    }

    /// Computes the inner branches of the level below `above`.
    fn level(
        &mut self,
        index: usize,
        level: usize,
        above: Level,
        ends: [&Trajectory; 2],
    ) -> Result<LevelEnd, BlendError> {
        let profile = &self.film.transitions[index].profile;
        let (steps, is_last) = (
            profile.step_range(level),
            level + 1 == profile.levels().len(),
        );
        let count = profile.levels()[level].branch_count;
        let mut fractions = Vec::new();
        let placed = placements(profile, level, self.options.spacing);
        for step in steps.clone() {
            let is_start = step == steps.start;
            if placed.contains(&step) {
                let standing;
                let known = if is_start {
                    &above
                } else {
                    let mut inner = self.batch.end(0..count - 2)?;
                    inner.fractions = vec![fractions];
                    standing = Level::between(ends[0], inner, ends[1], step);
                    &standing
                };
                // Pictures cost a decode a branch: they decide where the frames end up, once.
                let distance = match is_last && step + 1 == steps.end {
                    true => self.options.distance,
                    false => SpacingDistance::Latents,
                };
                fractions = self.fractions(count, known, distance)?;
                self.place(index, level, &fractions, known)?;
            }
            self.crossfeed_parents(&above, &fractions[1..count - 1], steps.start, step)?;
            self.denoise(step..step + 1, Phase::Transition { index, level })?;
        }
        let mut end = self.batch.end(0..count - 2)?;
        end.fractions = above.fractions;
        end.fractions.push(fractions);
        Ok(end)
    }

    /// Where `count` branches stand so that they will be even, by what is known of others.
    fn fractions(
        &mut self,
        count: usize,
        known: &Level,
        distance: SpacingDistance,
    ) -> Result<Vec<f64>, BlendError> {
        let standing = known.level_fractions();
        match self.options.spacing {
            Spacing::Fixed { mid_compression } => Ok(fixed_fractions(count, mid_compression)?),
            Spacing::Perceptual => {
                let distances = self.distances(distance, &known.predicted_clean)?;
                Ok(perceptual_fractions(count, standing, &distances)?)
            }
        }
    }

    /// Fills the batch with the inner branches at these fractions, which start from those of
    /// `known`.
    fn place(
        &mut self,
        index: usize,
        level: usize,
        fractions: &[f64],
        known: &Level,
    ) -> Result<(), BlendError> {
        let (film, transition) = (self.film, &self.film.transitions[index]);
        let (left, right) = film.ends(index);
        let (left, right) = (&film.keyframes[left], &film.keyframes[right]);
        let restraint = norm_restraint(&transition.profile);
        let between = |level, place| match self.options.spacing {
            Spacing::Fixed { .. } => Neighbours::parents(level, place),
            Spacing::Perceptual => Neighbours::on_curve(level, place, restraint),
        };
        let inner = &fractions[1..fractions.len() - 1];
        let mut starts = Vec::with_capacity(inner.len());
        for &fraction in inner {
            let parents = parents(known.level_fractions(), fraction)?;
            let history = between(&known.predicted_clean, parents);
            let (scale_left, scale_right) = (left.guidance_scale, right.guidance_scale);
            starts.push(Start {
                branch: Branch::Inner {
                    transition: index,
                    level,
                    fraction,
                },
                guidance_scale: transition.guidance_scale(scale_left, scale_right, fraction),
                latents: between(&known.latents, parents),
                history: self.sampler.is_multistep().then_some(history),
                keyframes: (left, right, fraction),
            });
        }
        self.batch.fill(&starts)?;
        Ok(())
    }
}

impl Level {
    /// Where this level's branches lie.
    pub(super) fn level_fractions(&self) -> &[f64] {
        &self.fractions[self.fractions.len() - 1]
    }

    /// The inner branches between what the keyframes are after the same step.
    fn between(left: &Trajectory, inner: LevelEnd, right: &Trajectory, step: usize) -> Self {
        let (left, right) = (left.after(step), right.after(step));
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
}
