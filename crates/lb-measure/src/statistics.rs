//! The measurements of a transition, and one or several transitions in a few numbers.

/// Smoothness, and what distinguishes a morph from a cross-fade. The [crate](crate) documents the
/// formulas.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Statistics {
    /// The mean distance between neighbouring frames, in grey levels.
    pub mean_distance: f64,
    /// The standard deviation over the mean of the distances between neighbouring frames; 0 where
    /// nothing moves.
    pub coefficient_of_variation: f64,
    /// The largest over the mean distance between neighbouring frames; 1 where nothing moves.
    pub peak_ratio: f64,
    /// The distance of the ends over the sum of the distances between neighbouring frames. Of several
    /// transitions, both are summed. 1 where nothing moves.
    pub directness: f64,
    /// The high-frequency retention between the ends. There is none where no frame lies between them.
    pub retention: Option<Retention>,
    /// The blend residual between the ends. There is none where no frame lies between them, or where
    /// they do not differ.
    pub residual: Option<Residual>,
}

/// High-frequency retention of the frames between the ends: 1 is as sharp as the keyframes.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Retention {
    /// The retention of the blurriest frame.
    pub least: f64,
    /// The mean over the frames.
    pub mean: f64,
}

/// Blend residual of the frames between the ends: 0 is a cross-fade.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Residual {
    /// The mean over the frames.
    pub mean: f64,
    /// The residual of the frame that is least like a cross-fade.
    pub most: f64,
}

/// One transition, frame by frame.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TransitionMeasure {
    /// The frame that shows the left keyframe, counted from 0.
    pub first: usize,
    /// The frame that shows the right keyframe. In the last transition of a loop it is one after the last
    /// frame.
    pub last: usize,
    /// The transition in a few numbers.
    pub statistics: Statistics,
    /// The distances between neighbouring frames, one less than there are frames.
    pub distances: Vec<f64>,
    /// The position of every frame, 0 to 1.
    pub positions: Vec<f64>,
    /// The high-frequency retention of every frame, which is 1 at both ends.
    pub retention: Vec<f64>,
    /// The blend residual of every frame, which is 0 at both ends. There is none where the ends do not
    /// differ.
    pub residual: Option<Vec<f64>>,
}

impl Statistics {
    /// The statistics of all transitions together.
    pub(crate) fn of(transitions: &[TransitionMeasure]) -> Self {
        let ends = transitions.iter().map(|measured| {
            let path: f64 = measured.distances.iter().sum();
            measured.statistics.directness * path
        });
        let ends = ends.sum();
        Self::with_ends(&transitions.iter().collect::<Vec<_>>(), ends)
    }

    /// The statistics of transitions whose ends have these distances in sum.
    pub(crate) fn with_ends(transitions: &[&TransitionMeasure], ends: f64) -> Self {
        let distances: Vec<f64> = transitions
            .iter()
            .flat_map(|measured| measured.distances.iter().copied())
            .collect();
        let path: f64 = distances.iter().sum();
        let inner = |values: &[f64]| values[1..values.len().max(2) - 1].to_vec();
        let retention: Vec<f64> = transitions
            .iter()
            .flat_map(|measured| inner(&measured.retention))
            .collect();
        let residual: Vec<f64> = transitions
            .iter()
            .filter_map(|measured| measured.residual.as_deref())
            .flat_map(inner)
            .collect();
        let mean_distance = mean(&distances).unwrap_or_default();
        let moves = path > 0.0;
        Self {
            mean_distance,
            coefficient_of_variation: coefficient_of_variation(&distances),
            peak_ratio: if moves {
                largest(&distances) / mean_distance
            } else {
                1.0
            },
            directness: if moves { ends / path } else { 1.0 },
            retention: mean(&retention).map(|mean| Retention {
                least: retention.iter().copied().fold(f64::INFINITY, f64::min),
                mean,
            }),
            residual: mean(&residual).map(|mean| Residual {
                mean,
                most: largest(&residual),
            }),
        }
    }
}

/// The standard deviation over the mean of all values. It is 0 where all values are 0 or there are none.
#[must_use]
pub fn coefficient_of_variation(values: &[f64]) -> f64 {
    match mean(values) {
        Some(middle) if middle > 0.0 => {
            let squares = values
                .iter()
                .map(|value| (value - middle) * (value - middle));
            (squares.sum::<f64>() / values.len() as f64).sqrt() / middle
        }
        _ => 0.0,
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// The position of each frame: the share of all distances up to it. Positions are even where nothing moves.
pub(crate) fn shares(distances: &[f64]) -> Vec<f64> {
    let whole: f64 = distances.iter().sum();
    let count = distances.len().max(1) as f64;
    let mut covered = 0.0;
    let mut shares = vec![0.0];
    for distance in distances {
        covered += if whole > 0.0 {
            distance / whole
        } else {
            1.0 / count
        };
        shares.push(covered.min(1.0));
    }
    if let Some(last) = shares[1..].last_mut() {
        *last = 1.0;
    }
    shares
}

/// The variance of each frame over that of the ends, mixed at its position. Between ends that are flat, and
/// so have no sharpness to lose, it is 1.
pub(crate) fn retention(variances: &[f64], positions: &[f64]) -> Vec<f64> {
    let (first, last) = (variances[0], variances[variances.len() - 1]);
    variances
        .iter()
        .zip(positions)
        .map(|(variance, position)| {
            let mixed = (1.0 - position) * first + position * last;
            if mixed > 0.0 { variance / mixed } else { 1.0 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variation_by_hand() {
        // The mean is 2 and the deviation 1.
        assert_eq!(coefficient_of_variation(&[1.0, 3.0]), 0.5);
        assert_eq!(coefficient_of_variation(&[2.0, 2.0, 2.0]), 0.0);
        assert_eq!(coefficient_of_variation(&[0.0, 0.0]), 0.0);
        assert_eq!(coefficient_of_variation(&[]), 0.0);
    }

    #[test]
    fn positions_are_shares_of_all_distance() {
        assert_eq!(shares(&[1.0, 3.0]), [0.0, 0.25, 1.0]);
        assert_eq!(shares(&[0.0, 0.0]), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn retention_is_over_the_mix_of_the_ends() {
        let kept = retention(&[4.0, 3.0, 8.0], &[0.0, 0.5, 1.0]);
        assert_eq!(kept, [1.0, 0.5, 1.0]);
        assert_eq!(retention(&[0.0, 5.0, 0.0], &[0.0, 0.5, 1.0])[1], 1.0);
    }
}
