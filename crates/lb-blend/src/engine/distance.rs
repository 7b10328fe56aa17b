//! How far branches are from each other.

use crate::backend::Backend;
use crate::error::BlendError;
use crate::latents::Latents;
use crate::options::SpacingDistance;

/// Measures distances between neighbouring branches of a level.
#[derive(Default)]
pub(super) struct DistanceMeasure {
    /// The backend's weights, asked for once in a film; empty until then.
    channel_weights: Vec<f64>,
}

impl DistanceMeasure {
    /// How far each branch's prediction is from the next one's.
    pub(super) fn distances(
        &mut self,
        backend: &mut dyn Backend,
        distance: SpacingDistance,
        predicted_clean: &[Latents],
    ) -> Result<Vec<f64>, BlendError> {
        // A single distance does not show where between its ends the picture changes.
        if predicted_clean.len() == 2 {
            return Ok(vec![1.0]);
        }
        match distance {
            SpacingDistance::Latents => {
                let channels = predicted_clean[0].shape().channels;
                let values: Vec<&[f32]> = predicted_clean.iter().map(Latents::values).collect();
                let weights = self.channel_weights(backend, channels)?;
                Ok(neighbour_distances(&values, weights))
            }
            SpacingDistance::Pictures => {
                let features = backend.picture_features(predicted_clean)?;
                validate_features(&features, predicted_clean.len())?;
                let values: Vec<&[f32]> = features.iter().map(Vec::as_slice).collect();
                Ok(neighbour_distances(&values, &[1.0]))
            }
        }
    }

    fn channel_weights(
        &mut self,
        backend: &mut dyn Backend,
        channels: usize,
    ) -> Result<&[f64], BlendError> {
        if self.channel_weights.is_empty() {
            let weights = backend.channel_weights(channels)?;
            let is_weight = |weight: &f64| weight.is_finite() && *weight >= 0.0;
            if weights.len() != channels || !weights.iter().all(is_weight) {
                return Err(BlendError::ChannelWeights { channels, weights });
            }
            self.channel_weights = weights;
        }
        Ok(&self.channel_weights)
    }
}

/// Euclidean distances between neighbours. The values consist of as many equal parts as there are
/// weights; each weight multiplies its part's squares.
fn neighbour_distances(values: &[&[f32]], weights: &[f64]) -> Vec<f64> {
    let squares = |left: &[f32], right: &[f32]| -> f64 {
        let differences = left
            .iter()
            .zip(right)
            .map(|(&l, &r)| f64::from(r) - f64::from(l));
        differences.map(|difference| difference * difference).sum()
    };
    let distance = |left: &[f32], right: &[f32]| {
        let part = (left.len() / weights.len()).max(1);
        let parts = left.chunks(part).zip(right.chunks(part));
        let weighted = parts
            .zip(weights)
            .map(|((left, right), weight)| weight * squares(left, right));
        libm::sqrt(weighted.sum())
    };
    values
        .windows(2)
        .map(|pair| distance(pair[0], pair[1]))
        .collect()
}

fn validate_features(features: &[Vec<f32>], pictures: usize) -> Result<(), BlendError> {
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
