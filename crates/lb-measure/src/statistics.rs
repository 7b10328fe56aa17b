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
    /// The frame that differs most from the one before it.
    pub peak_frame: usize,
    /// The distance of the ends over the sum of the distances between neighbouring frames. Of several
    /// transitions, both are summed. 1 where nothing moves.
    pub directness: f64,
    /// The high-frequency retention between the ends. There is none where no frame lies between them.
    pub retention: Option<Retention>,
    /// The blend residual between the ends. There is none where no frame lies between them, or where
    /// they do not differ.
    pub residual: Option<Residual>,
    /// How far the background strays between the ends. There is none where no frame lies between them,
    /// or where they have no background in common.
    pub background: Option<Background>,
}

/// High-frequency retention of the frames between the ends: 1 is as sharp as the keyframes.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Retention {
    /// The retention of the blurriest frame.
    pub least: f64,
    /// The blurriest frame.
    pub least_frame: usize,
    /// The mean over the frames.
    pub mean: f64,
    /// The retention of the frame with the most detail. Above 1 there is more than in the keyframes.
    pub most: f64,
    /// The frame with the most detail.
    pub most_frame: usize,
}

/// Blend residual of the frames between the ends: 0 is a cross-fade.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Residual {
    /// The mean over the frames.
    pub mean: f64,
    /// The residual of the frame that is least like a cross-fade.
    pub most: f64,
    /// The frame that is least like a cross-fade.
    pub most_frame: usize,
}

/// How far the background of the frames between the ends strays from what both ends have in common.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Background {
    /// The largest drift of the background's mean luma, in grey levels; 0 is none.
    pub drift: f64,
    /// The frame with the largest drift.
    pub drift_frame: usize,
    /// The largest spread of the background's luma; 1 is as much as in the keyframes.
    pub spread: f64,
    /// The frame with the largest spread.
    pub spread_frame: usize,
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
    /// What the numbers say, in words.
    pub verdict: String,
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
    /// The background of every frame. There is none where the ends have no background in common.
    pub background: Option<BackgroundCurves>,
}

/// The background of a transition, frame by frame.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BackgroundCurves {
    /// The share of the picture that the background covers, 0 to 1.
    pub share: f64,
    /// How far the mean luma of every frame is from the mix of both ends at its position, in grey levels.
    pub drift: Vec<f64>,
    /// The standard deviation of the luma of every frame over that of the end in which it is larger.
    pub spread: Vec<f64>,
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
        // A distance leads from one frame to the next.
        let steps = transitions
            .iter()
            .flat_map(|measured| (measured.first + 1..).zip(measured.distances.iter().copied()));
        let peak = most(steps.collect::<Vec<_>>().as_slice());
        let between = |values: fn(&TransitionMeasure) -> Option<&[f64]>| {
            let found = transitions.iter().map(|measured| {
                let values = values(measured).unwrap_or_default();
                let inner = values.get(1..values.len().max(2) - 1).unwrap_or_default();
                (measured.first + 1..).zip(inner.iter().copied())
            });
            found.flatten().collect::<Vec<_>>()
        };
        let retention = between(|measured| Some(&measured.retention));
        let residual = between(|measured| measured.residual.as_deref());
        let drift = between(|measured| measured.background.as_ref().map(|of| &of.drift[..]));
        let spread = between(|measured| measured.background.as_ref().map(|of| &of.spread[..]));
        let mean_distance = mean(&distances).unwrap_or_default();
        let moves = path > 0.0;
        Self {
            mean_distance,
            coefficient_of_variation: coefficient_of_variation(&distances),
            peak_ratio: match peak {
                Some((_, peak)) if moves => peak / mean_distance,
                _ => 1.0,
            },
            peak_frame: peak.map_or(0, |(frame, _)| frame),
            directness: if moves { ends / path } else { 1.0 },
            retention: Retention::of(&retention),
            residual: most(&residual).map(|(most_frame, most)| Residual {
                mean: mean_value(&residual),
                most,
                most_frame,
            }),
            background: most(&drift).zip(most(&spread)).map(|(drift, spread)| {
                let ((drift_frame, drift), (spread_frame, spread)) = (drift, spread);
                Background {
                    drift,
                    drift_frame,
                    spread,
                    spread_frame,
                }
            }),
        }
    }
}

impl Retention {
    fn of(values: &[(usize, f64)]) -> Option<Self> {
        let (most_frame, most) = most(values)?;
        let least = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
        let &(least_frame, least) = values.iter().min_by(least)?;
        Some(Self {
            least,
            least_frame,
            mean: mean_value(values),
            most,
            most_frame,
        })
    }
}

/// The largest value and its frame: the first one of several.
fn most(values: &[(usize, f64)]) -> Option<(usize, f64)> {
    let largest = values.iter().rev().max_by(|a, b| a.1.total_cmp(&b.1));
    largest.copied()
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

/// The mean value of frames; 0 of none.
fn mean_value(values: &[(usize, f64)]) -> f64 {
    let values: Vec<f64> = values.iter().map(|&(_, value)| value).collect();
    mean(&values).unwrap_or_default()
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
    fn extremes_are_those_of_the_frames_between_the_ends() {
        let transition = |first, retention: [f64; 4], background| TransitionMeasure {
            first,
            last: first + 3,
            verdict: String::new(),
            statistics: Statistics::default(),
            distances: vec![1.0, 3.0, 2.0],
            positions: vec![0.0, 1.0 / 6.0, 4.0 / 6.0, 1.0],
            retention: retention.to_vec(),
            residual: None,
            background,
        };
        let background = BackgroundCurves {
            share: 0.5,
            drift: vec![9.0, 1.0, 2.0, 9.0],
            spread: vec![9.0, 4.0, 3.0, 9.0],
        };
        let first = transition(0, [9.0, 0.5, 0.75, 0.0], None);
        let second = transition(5, [9.0, 1.0, 1.75, 0.0], Some(background));
        let all = Statistics::with_ends(&[&first, &second], 6.0);
        assert_eq!((all.mean_distance, all.directness), (2.0, 0.5));
        // The distance of 3 leads from frame 1 to frame 2, and later from frame 6 to 7.
        assert_eq!((all.peak_ratio, all.peak_frame), (1.5, 2));
        let expected = Retention {
            least: 0.5,
            least_frame: 1,
            mean: 1.0,
            most: 1.75,
            most_frame: 7,
        };
        assert_eq!(all.retention, Some(expected));
        let expected = Background {
            drift: 2.0,
            drift_frame: 7,
            spread: 4.0,
            spread_frame: 6,
        };
        assert_eq!(all.background, Some(expected));
        assert_eq!(all.residual, None);
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
