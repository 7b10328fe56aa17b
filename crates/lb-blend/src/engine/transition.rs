//! One transition's tree, level by level, between keyframes that are already computed.

use std::iter::once;

use lb_schedule::{Spacing, fixed_fractions, parents, perceptual_fractions};

use super::batch::Start;
use super::keyframes::{Trajectory, Window};
use super::options::SpacingDistance;
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
            end = self.level(index, level, above)?;
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
    fn level(&mut self, index: usize, level: usize, above: Level) -> Result<LevelEnd, BlendError> {
        let (film, transition) = (self.film, &self.film.transitions[index]);
        let (left, right) = film.ends(index);
        let (left, right) = (&film.keyframes[left], &film.keyframes[right]);
        let count = transition.profile.levels()[level].branch_count;
        let fractions = self.fractions(count, &above)?;
        let inner = &fractions[1..count - 1];
        let mut starts = Vec::with_capacity(inner.len());
        for &fraction in inner {
            let parents = parents(above.level_fractions(), fraction)?;
            let (latents, predicted) = (&above.latents, &above.predicted_clean);
            let history = (&predicted[parents.left], &predicted[parents.right]);
            let (scale_left, scale_right) = (left.guidance_scale, right.guidance_scale);
            starts.push(Start {
                branch: Branch::Inner {
                    transition: index,
                    level,
                    fraction,
                },
                guidance_scale: transition.guidance_scale(scale_left, scale_right, fraction),
                latents: (&latents[parents.left], &latents[parents.right], parents.mix),
                history: self.sampler.is_multistep().then_some(history),
                keyframes: (left, right, fraction),
            });
        }
        self.batch.fill(&starts)?;
        let range = transition.profile.step_range(level);
        for step in range.clone() {
            self.crossfeed_parents(&above, inner, range.start, step)?;
            self.denoise(step..step + 1, Phase::Transition { index, level })?;
        }
        let mut end = self.batch.end(0..inner.len())?;
        end.fractions = above.fractions;
        end.fractions.push(fractions);
        Ok(end)
    }

    /// Where the `count` branches of the level below `above` stand.
    fn fractions(&mut self, count: usize, above: &Level) -> Result<Vec<f64>, BlendError> {
        match self.options.spacing {
            Spacing::Fixed { mid_compression } => Ok(fixed_fractions(count, mid_compression)),
            Spacing::Perceptual => {
                let distances = self.distances(&above.predicted_clean)?;
                Ok(perceptual_fractions(
                    count,
                    above.level_fractions(),
                    &distances,
                )?)
            }
        }
    }

    /// How far each branch's prediction is from the next one's.
    fn distances(&mut self, predicted_clean: &[Latents]) -> Result<Vec<f64>, BlendError> {
        // A single distance says nothing about where between its ends the picture changes.
        if predicted_clean.len() == 2 {
            return Ok(vec![1.0]);
        }
        match self.options.distance {
            SpacingDistance::Latents => {
                let values: Vec<&[f32]> = predicted_clean.iter().map(Latents::values).collect();
                Ok(neighbour_distances(&values))
            }
            SpacingDistance::Pictures => {
                let features = self.backend.picture_features(predicted_clean)?;
                check_features(&features, predicted_clean.len())?;
                let values: Vec<&[f32]> = features.iter().map(Vec::as_slice).collect();
                Ok(neighbour_distances(&values))
            }
        }
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

fn neighbour_distances(values: &[&[f32]]) -> Vec<f64> {
    let distance = |left: &[f32], right: &[f32]| {
        let differences = left
            .iter()
            .zip(right)
            .map(|(&l, &r)| f64::from(r) - f64::from(l));
        libm::sqrt(differences.map(|difference| difference * difference).sum())
    };
    values
        .windows(2)
        .map(|pair| distance(pair[0], pair[1]))
        .collect()
}

fn check_features(features: &[Vec<f32>], pictures: usize) -> Result<(), BlendError> {
    let refuse = |rule, actual, expected| {
        if actual == expected {
            Ok(())
        } else {
            Err(BlendError::PictureFeatures {
                rule,
                actual,
                expected,
            })
        }
    };
    refuse("one vector for each picture", features.len(), pictures)?;
    for vector in features {
        refuse("all vectors of one length", vector.len(), features[0].len())?;
        let finite = vector.iter().filter(|value| value.is_finite()).count();
        refuse("all values finite", finite, vector.len())?;
    }
    Ok(())
}
