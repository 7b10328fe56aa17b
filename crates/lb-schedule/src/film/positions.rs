//! Where the computed frames of a transition lie between its keyframes.

use crate::error::ScheduleError;
use crate::profile::MAX_BRANCHES;

/// Where the computed frames of a transition lie in time, from its left keyframe at 0 to its right one
/// at 1. An easing is applied on top.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ComputedPositions {
    /// The computed frames lie at equal distances from each other.
    Even {
        /// The number of computed frames, 2 to 10000, both keyframes included.
        frames: usize,
    },
    /// Each computed frame has its own position. The positions lead from 0 to 1 and never decrease;
    /// [`perceptual_positions`] computes some.
    Given(Vec<f64>),
}

impl ComputedPositions {
    /// The number of computed frames, both keyframes included.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        match self {
            Self::Even { frames } => *frames,
            Self::Given(positions) => positions.len(),
        }
    }

    /// Checks that these are the positions of a transition's computed frames.
    ///
    /// # Errors
    /// [`ScheduleError::ComputedFramesOutOfRange`], [`ScheduleError::InvalidPosition`].
    pub fn validate(&self) -> Result<(), ScheduleError> {
        let frames = self.frame_count();
        if !(2..=MAX_BRANCHES).contains(&frames) {
            return Err(ScheduleError::ComputedFramesOutOfRange { frames });
        }
        let Self::Given(positions) = self else {
            return Ok(());
        };
        let mut previous = 0.0;
        for (index, &value) in positions.iter().enumerate() {
            let ends_fit = (index > 0 || value == 0.0) && (index + 1 < frames || value == 1.0);
            // This is false for NaN as well.
            let ordered = value >= previous;
            if !(ends_fit && ordered) {
                return Err(ScheduleError::InvalidPosition { index, value });
            }
            previous = value;
        }
        Ok(())
    }

    /// The position of every computed frame.
    pub(super) fn values(&self) -> Vec<f64> {
        match self {
            Self::Even { frames } => {
                let last = (frames - 1) as f64;
                (0..*frames).map(|frame| frame as f64 / last).collect()
            }
            Self::Given(positions) => positions.clone(),
        }
    }
}

/// The positions at which a transition moves at one apparent speed: the more two computed frames differ,
/// the more time lies between them.
///
/// `distances[j]` is how far computed frames j and j + 1 differ, in any unit, because only ratios count.
/// The position of frame j is the sum of the distances before it over the sum of all distances. Frames
/// that do not differ share one position, and where no frames differ, they lie evenly.
///
/// # Errors
/// [`ScheduleError::ComputedFramesOutOfRange`] for no distance or too many, and
/// [`ScheduleError::InvalidFrameDistance`].
pub fn perceptual_positions(distances: &[f64]) -> Result<Vec<f64>, ScheduleError> {
    let even = ComputedPositions::Even {
        frames: distances.len() + 1,
    };
    even.validate()?;
    let bad = |distance: &f64| !(distance.is_finite() && *distance >= 0.0);
    if let Some(index) = distances.iter().position(bad) {
        let value = distances[index];
        return Err(ScheduleError::InvalidFrameDistance { index, value });
    }
    let largest = distances.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return Ok(even.values());
    }
    let mut covered = 0.0;
    let mut positions = vec![covered];
    for distance in distances {
        // Measured in units of the largest, so that huge distances do not add up to infinity.
        covered += distance / largest;
        positions.push(covered);
    }
    Ok(positions
        .into_iter()
        .map(|position| position / covered)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_shares_of_all_distance() {
        assert_eq!(perceptual_positions(&[7.0]).unwrap(), [0.0, 1.0]);
        assert_eq!(
            perceptual_positions(&[1.0, 4.0, 2.0, 1.0]).unwrap(),
            [0.0, 0.125, 0.625, 0.875, 1.0]
        );
    }

    #[test]
    fn frames_that_do_not_differ() {
        assert_eq!(
            perceptual_positions(&[0.0, 2.0, 0.0, 2.0, 0.0]).unwrap(),
            [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]
        );
        assert_eq!(
            perceptual_positions(&[0.0; 4]).unwrap(),
            [0.0, 0.25, 0.5, 0.75, 1.0]
        );
    }

    #[test]
    fn huge_and_bad_distances() {
        let huge = perceptual_positions(&[f64::MAX, f64::MAX]).unwrap();
        assert_eq!(huge, [0.0, 0.5, 1.0]);
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let error = perceptual_positions(&[1.0, bad]).unwrap_err();
            assert!(matches!(
                error,
                ScheduleError::InvalidFrameDistance { index: 1, .. }
            ));
        }
        let none = perceptual_positions(&[]).unwrap_err();
        assert_eq!(none, ScheduleError::ComputedFramesOutOfRange { frames: 1 });
    }

    #[test]
    fn positions_lead_from_0_to_1() {
        let check = |positions: &[f64]| ComputedPositions::Given(positions.to_vec()).validate();
        assert_eq!(check(&[0.0, 0.5, 0.5, 1.0]), Ok(()));
        for (bad, at) in [
            (&[0.1, 1.0][..], 0),
            (&[0.0, 0.9], 1),
            (&[0.0, f64::NAN, 1.0], 1),
            (&[0.0, 0.6, 0.5, 1.0], 2),
        ] {
            let error = check(bad).unwrap_err();
            assert!(matches!(error, ScheduleError::InvalidPosition { index, .. } if index == at));
        }
    }
}
