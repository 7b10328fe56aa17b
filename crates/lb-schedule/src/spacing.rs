//! Spacing: where in a level its branches lie.

use crate::error::ScheduleError;
use crate::limits::{MAX_BRANCHES, MAX_MID_COMPRESSION, MIN_MID_COMPRESSION};

/// How the fractions of a level are chosen.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Spacing {
    /// The fractions follow a curve that is known beforehand: see [`fixed_fractions`].
    Fixed {
        /// How dense the branches are in the middle: 1 spaces them evenly, more makes the middle
        /// denser. The range is 0.1 to 10, and the usual value is
        /// [`Spacing::DEFAULT_MID_COMPRESSION`].
        mid_compression: f64,
    },
    /// The fractions are chosen repeatedly while the level is denoised, so that neighbouring
    /// pictures will differ by equal amounts: see [`perceptual_fractions`].
    #[default]
    Perceptual,
}

impl Spacing {
    /// The usual mid compression of fixed spacing.
    pub const DEFAULT_MID_COMPRESSION: f64 = 1.2;

    /// Checks the mid compression against its range.
    ///
    /// # Errors
    /// [`ScheduleError::MidCompressionOutOfRange`].
    pub fn validate(&self) -> Result<(), ScheduleError> {
        match *self {
            Self::Fixed { mid_compression } => validate_mid_compression(mid_compression),
            Self::Perceptual => Ok(()),
        }
    }

    /// The mid compression whose fractions are the best guess before a render: the given one under
    /// fixed spacing, where the guess is exact, and 1 under perceptual spacing.
    #[must_use]
    pub fn expected_mid_compression(&self) -> f64 {
        match *self {
            Self::Fixed { mid_compression } => mid_compression,
            Self::Perceptual => 1.0,
        }
    }
}

fn validate_mid_compression(value: f64) -> Result<(), ScheduleError> {
    if (MIN_MID_COMPRESSION..=MAX_MID_COMPRESSION).contains(&value) {
        Ok(())
    } else {
        Err(ScheduleError::MidCompressionOutOfRange { value })
    }
}

fn validate_branch_count(branch_count: usize) -> Result<(), ScheduleError> {
    if (2..=MAX_BRANCHES).contains(&branch_count) {
        Ok(())
    } else {
        Err(ScheduleError::BranchCountOutOfRange { branch_count })
    }
}

/// The fractions of a level of `count` branches under fixed spacing.
///
/// For u from −1 to 1 in even steps, and mid compression s: f = 0.5 + 0.5·sign(u)·|u|^s. The first
/// fraction is exactly 0, the last exactly 1, and they never decrease. `count` is 2 to
/// [`MAX_BRANCHES`], and `mid_compression` is 0.1 to 10.
///
/// # Errors
/// [`ScheduleError::BranchCountOutOfRange`], and [`ScheduleError::MidCompressionOutOfRange`] also
/// for a mid compression that is not a number.
pub fn fixed_fractions(count: usize, mid_compression: f64) -> Result<Vec<f64>, ScheduleError> {
    validate_branch_count(count)?;
    validate_mid_compression(mid_compression)?;
    Ok(fractions_along_curve(count, mid_compression))
}

fn fractions_along_curve(count: usize, mid_compression: f64) -> Vec<f64> {
    let last = (count - 1) as f64;
    (0..count)
        .map(|branch| {
            // Computed from integers, so that both halves mirror each other to the last bit.
            let u = (2.0 * branch as f64 - last) / last;
            0.5 + 0.5 * libm::copysign(libm::pow(u.abs(), mid_compression), u)
        })
        .collect()
}

/// The fractions of a level of `count` branches under perceptual spacing.
///
/// `known_fractions` are those of a level whose pictures can be predicted already, and `distances[j]`
/// is how far the predictions of its branches j and j + 1 differ, in any unit, because only ratios
/// count. When a level starts, the known level is the one above. After each step it is
/// the level itself, whose branches then move, because what the model makes of them differs from
/// what their parents promised.
///
/// The new fractions are those at which the cumulative distance, piecewise linear over the known
/// fractions, reaches 0, 1/(count − 1), …, 1 of its total. There are many branches where the picture
/// changes fast. A level is spaced evenly if only two branches are known, and also if the known
/// branches do not differ. The first fraction is exactly 0, the last exactly 1, and they never
/// decrease.
///
/// # Errors
/// [`ScheduleError::BranchCountOutOfRange`] for a count below 2 or above [`MAX_BRANCHES`],
/// [`ScheduleError::LevelTooSmall`] and [`ScheduleError::NotALevel`] for bad known fractions,
/// [`ScheduleError::DistanceCount`] and [`ScheduleError::InvalidDistance`] for bad distances.
pub fn perceptual_fractions(
    count: usize,
    known_fractions: &[f64],
    distances: &[f64],
) -> Result<Vec<f64>, ScheduleError> {
    validate_branch_count(count)?;
    validate_level(known_fractions)?;
    validate_distances(distances, known_fractions.len())?;

    let largest = distances.iter().copied().fold(0.0, f64::max);
    if distances.len() == 1 || largest == 0.0 {
        return Ok(fractions_along_curve(count, 1.0));
    }
    let mut cumulative = Vec::with_capacity(known_fractions.len());
    let mut total = 0.0;
    cumulative.push(total);
    for distance in distances {
        // Measured in units of the largest, so that huge distances do not add up to infinity.
        total += distance / largest;
        cumulative.push(total);
    }

    let last = (count - 1) as f64;
    let mut fractions: Vec<f64> = (0..count)
        .map(|branch| invert(known_fractions, &cumulative, total * (branch as f64 / last)))
        .collect();
    fractions[0] = 0.0;
    fractions[count - 1] = 1.0;
    Ok(fractions)
}

/// The fraction at which the cumulative distance reaches `target`, which lies between 0 and its total.
fn invert(known_fractions: &[f64], cumulative: &[f64], target: f64) -> f64 {
    let right = cumulative.partition_point(|&reached| reached < target);
    let right = right.clamp(1, cumulative.len() - 1);
    let left = right - 1;
    let step = cumulative[right] - cumulative[left];
    let share = if step > 0.0 {
        ((target - cumulative[left]) / step).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (from, to) = (known_fractions[left], known_fractions[right]);
    (from + share * (to - from)).min(to)
}

/// Checks the fractions of a level: there are at least two, they start at 0, end at 1, and never
/// decrease.
///
/// # Errors
/// [`ScheduleError::LevelTooSmall`], [`ScheduleError::NotALevel`].
pub fn validate_level(fractions: &[f64]) -> Result<(), ScheduleError> {
    if fractions.len() < 2 {
        return Err(ScheduleError::LevelTooSmall {
            branch_count: fractions.len(),
        });
    }
    let last = fractions.len() - 1;
    let mut previous = 0.0;
    for (index, &value) in fractions.iter().enumerate() {
        let ends_fit = (index > 0 || value == 0.0) && (index < last || value == 1.0);
        // This is false for NaN as well.
        let ordered = value >= previous;
        if !(ends_fit && ordered) {
            return Err(ScheduleError::NotALevel { index, value });
        }
        previous = value;
    }
    Ok(())
}

fn validate_distances(distances: &[f64], branch_count: usize) -> Result<(), ScheduleError> {
    if distances.len() + 1 != branch_count {
        return Err(ScheduleError::DistanceCount {
            distances: distances.len(),
            branch_count,
        });
    }
    match distances
        .iter()
        .position(|&distance| !(distance.is_finite() && distance >= 0.0))
    {
        Some(index) => Err(ScheduleError::InvalidDistance {
            index,
            value: distances[index],
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_spacing_by_hand() {
        let fixed = |count, compression| fixed_fractions(count, compression).unwrap();
        assert_eq!(fixed(5, 1.0), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(fixed(5, 2.0), [0.0, 0.375, 0.5, 0.625, 1.0]);
        assert_eq!(fixed(2, 1.2), [0.0, 1.0]);
    }

    #[test]
    fn fixed_spacing_refuses_what_makes_no_level() {
        for branch_count in [0, 1, MAX_BRANCHES + 1] {
            let refused = fixed_fractions(branch_count, 1.2);
            assert_eq!(
                refused,
                Err(ScheduleError::BranchCountOutOfRange { branch_count })
            );
        }
        for value in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            let refused = fixed_fractions(5, value);
            assert!(
                matches!(refused, Err(ScheduleError::MidCompressionOutOfRange { .. })),
                "{value}"
            );
        }
    }

    #[test]
    fn perceptual_spacing_by_hand() {
        // All change happens in the first half, evenly, so all branches lie there.
        let fractions = perceptual_fractions(5, &[0.0, 0.5, 1.0], &[8.0, 0.0]).unwrap();
        assert_eq!(fractions, [0.0, 0.125, 0.25, 0.375, 1.0]);
        // Three quarters of the change happen in the first quarter.
        let fractions = perceptual_fractions(5, &[0.0, 0.25, 1.0], &[3.0, 1.0]).unwrap();
        let expected = [0.0, 0.25 / 3.0, 0.5 / 3.0, 0.25, 1.0];
        for (fraction, expected) in fractions.iter().zip(expected) {
            assert!((fraction - expected).abs() < 1e-15);
        }
    }

    #[test]
    fn even_where_nothing_was_measured() {
        let even = fixed_fractions(4, 1.0).unwrap();
        assert_eq!(perceptual_fractions(4, &[0.0, 1.0], &[3.0]).unwrap(), even);
        assert_eq!(
            perceptual_fractions(4, &[0.0, 0.1, 1.0], &[0.0, 0.0]).unwrap(),
            even
        );
    }

    #[test]
    fn rounding_leaves_the_order_alone() {
        // 1/9 + (6/9 − 1/9) is more than 6/9 in floating point.
        let above = [0.0, 1.0 / 9.0, 6.0 / 9.0, 6.0 / 9.0, 1.0];
        assert!(above[1] + (above[2] - above[1]) > above[2]);
        assert_eq!(perceptual_fractions(5, &above, &[1.0; 4]).unwrap(), above);
    }

    #[test]
    fn huge_distances_do_not_overflow() {
        let fractions = perceptual_fractions(3, &[0.0, 0.5, 1.0], &[f64::MAX, f64::MAX]).unwrap();
        assert_eq!(fractions, [0.0, 0.5, 1.0]);
    }
}
