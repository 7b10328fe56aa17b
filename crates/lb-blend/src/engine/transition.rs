//! One transition's tree, level by level, between keyframes that are already computed.

use lb_schedule::{Spacing, fixed_fractions, parents, perceptual_fractions};

use super::batch::{LevelEnd, Start};
use super::options::{Keyframe, SpacingDistance};
use super::{BlendedFrame, Film};
use crate::error::BlendError;
use crate::latents::Latents;
use crate::observe::{Branch, Phase};

/// A finished level of a tree: its fractions from 0 to 1, and where each branch stands.
struct Level {
    fractions: Vec<f64>,
    end: LevelEnd,
}

impl Film<'_> {
    /// The computed frames from keyframe `index` to the next one, both included, and the fractions
    /// of every level.
    ///
    /// `keyframe_ends[level]` is where all keyframes stand after each level.
    pub(super) fn transition(
        &mut self,
        index: usize,
        keyframes: &[Keyframe],
        keyframe_ends: &[LevelEnd],
    ) -> Result<(Vec<BlendedFrame>, Vec<Vec<f64>>), BlendError> {
        let (left, right) = (&keyframes[index], &keyframes[index + 1]);
        let mut above = Level {
            fractions: vec![0.0, 1.0],
            end: keyframe_ends[0].between(index, LevelEnd::default()),
        };
        let mut level_fractions = vec![above.fractions.clone()];
        for (level, keyframe_end) in keyframe_ends.iter().enumerate().skip(1) {
            let count = self.profile.levels()[level].branch_count;
            let fractions = self.fractions(count, &above)?;
            let inner = &fractions[1..count - 1];
            let mut starts = Vec::with_capacity(inner.len());
            for &fraction in inner {
                let parents = parents(&above.fractions, fraction)?;
                let (latents, predicted) = (&above.end.latents, &above.end.predicted_clean);
                let history = (&predicted[parents.left], &predicted[parents.right]);
                starts.push(Start {
                    branch: Branch::Inner {
                        transition: index,
                        level,
                        fraction,
                    },
                    guidance_scale: self.options.guidance.at(fraction),
                    latents: (&latents[parents.left], &latents[parents.right], parents.mix),
                    history: self.sampler.is_multistep().then_some(history),
                    keyframes: (left, right, fraction),
                });
            }
            self.batch.fill(&starts)?;
            self.denoise(level, Phase::Transition { index, level })?;
            let end = keyframe_end.between(index, self.batch.end()?);
            level_fractions.push(fractions.clone());
            above = Level { fractions, end };
        }
        let frames = above.fractions.into_iter().zip(above.end.latents);
        let frames = frames
            .map(|(fraction, latents)| BlendedFrame { fraction, latents })
            .collect();
        Ok((frames, level_fractions))
    }

    /// Where the `count` branches of the level below `above` stand.
    fn fractions(&mut self, count: usize, above: &Level) -> Result<Vec<f64>, BlendError> {
        match self.options.spacing {
            Spacing::Fixed { mid_compression } => Ok(fixed_fractions(count, mid_compression)),
            Spacing::Perceptual => {
                let distances = self.distances(&above.end.predicted_clean)?;
                Ok(perceptual_fractions(count, &above.fractions, &distances)?)
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

impl LevelEnd {
    /// Keyframe `index`, then the inner branches, then keyframe `index + 1`.
    fn between(&self, index: usize, inner: Self) -> Self {
        let join = |keyframes: &[Latents], inner: Vec<Latents>| {
            let mut joined = Vec::with_capacity(inner.len() + 2);
            joined.push(keyframes[index].clone());
            joined.extend(inner);
            joined.push(keyframes[index + 1].clone());
            joined
        };
        Self {
            latents: join(&self.latents, inner.latents),
            predicted_clean: join(&self.predicted_clean, inner.predicted_clean),
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
