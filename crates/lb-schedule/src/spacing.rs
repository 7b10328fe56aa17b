//! Where in a level its branches lie.

use crate::error::ScheduleError;
use crate::profile::MAX_BRANCHES;

/// Beyond these, branches pile up in one place.
pub(crate) const MIN_MID_COMPRESSION: f64 = 0.1;
pub(crate) const MAX_MID_COMPRESSION: f64 = 10.0;

/// How the fractions of a level are chosen.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Spacing {
    /// By a curve, known beforehand: see [`fixed_fractions`].
    Fixed {
        /// 1 is linear, above 1 is denser in the middle: 0.1 to 10, usually
        /// [`Spacing::DEFAULT_MID_COMPRESSION`].
        mid_compression: f64,
    },
    /// Again and again while the level is denoised, so that neighbours will differ by equal
    /// amounts: see [`perceptual_fractions`].
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
            Self::Fixed {
                mid_compression: value,
            } if !(MIN_MID_COMPRESSION..=MAX_MID_COMPRESSION).contains(&value) => {
                Err(ScheduleError::MidCompressionOutOfRange { value })
            }
            _ => Ok(()),
        }
    }
}

/// The fractions of a level of `count` branches under fixed spacing.
///
/// For u from −1 to 1 in even steps, and mid compression s: f = 0.5 + 0.5·sign(u)·|u|^s. The first
/// is exactly 0, the last exactly 1, and they never decrease. `mid_compression` is one that
/// [`Spacing::validate`] accepts. A count of 1 gives the left end alone.
pub fn fixed_fractions(count: usize, mid_compression: f64) -> Vec<f64> {
    if count < 2 {
        return vec![0.0; count];
    }
    let last = (count - 1) as f64;
    (0..count)
        .map(|branch| {
            // From integers, so that both halves mirror each other to the last bit.
            let u = (2.0 * branch as f64 - last) / last;
            0.5 + 0.5 * libm::copysign(libm::pow(u.abs(), mid_compression), u)
        })
        .collect()
}

/// The fractions of a level of `count` branches under perceptual spacing.
///
/// `distances[j]` is how far the predictions of branches j and j + 1 of a known level differ (in
/// any unit: only ratios count), and `parent_fractions` where these branches lie. Known is the level
/// above when a level starts, and after each of its steps the level itself, whose branches then
/// move: what the model makes of a level's branches differs from what their parents promised. The new fractions
/// are where the cumulative distance, piecewise linear over the parents' fractions, takes the
/// values 0, 1/(count − 1), …, 1 of its total. Where the picture changes fast there will be many
/// branches.
///
/// A level under two branches is spaced evenly, and so is one under branches that do not differ.
/// The first fraction is exactly 0, the last exactly 1, and they never decrease.
///
/// # Errors
/// [`ScheduleError::BranchCountOutOfRange`] for a count below 2 or absurdly large,
/// [`ScheduleError::LevelTooSmall`] and [`ScheduleError::NotALevel`] for bad parents,
/// [`ScheduleError::DistanceCount`] and [`ScheduleError::InvalidDistance`] for bad distances.
pub fn perceptual_fractions(
    count: usize,
    parent_fractions: &[f64],
    distances: &[f64],
) -> Result<Vec<f64>, ScheduleError> {
    if !(2..=MAX_BRANCHES).contains(&count) {
        return Err(ScheduleError::BranchCountOutOfRange {
            branch_count: count,
        });
    }
    check_level(parent_fractions)?;
    check_distances(distances, parent_fractions.len())?;

    let largest = distances.iter().copied().fold(0.0, f64::max);
    if distances.len() == 1 || largest == 0.0 {
        return Ok(fixed_fractions(count, 1.0));
    }
    let mut cumulative = Vec::with_capacity(parent_fractions.len());
    let mut total = 0.0;
    cumulative.push(total);
    for distance in distances {
        // In units of the largest, so that huge distances do not add up to infinity.
        total += distance / largest;
        cumulative.push(total);
    }

    let last = (count - 1) as f64;
    let mut fractions: Vec<f64> = (0..count)
        .map(|branch| {
            invert(
                parent_fractions,
                &cumulative,
                total * (branch as f64 / last),
            )
        })
        .collect();
    fractions[0] = 0.0;
    fractions[count - 1] = 1.0;
    Ok(fractions)
}

/// Where the cumulative distance reaches `target`, which lies within 0 and its total.
fn invert(parent_fractions: &[f64], cumulative: &[f64], target: f64) -> f64 {
    let right = cumulative.partition_point(|&reached| reached < target);
    let right = right.clamp(1, cumulative.len() - 1);
    let left = right - 1;
    let step = cumulative[right] - cumulative[left];
    let share = if step > 0.0 {
        ((target - cumulative[left]) / step).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (from, to) = (parent_fractions[left], parent_fractions[right]);
    (from + share * (to - from)).min(to)
}

/// Checks what every level's fractions are: at least two, that start at 0, end at 1, and never
/// decrease.
///
/// # Errors
/// [`ScheduleError::LevelTooSmall`], [`ScheduleError::NotALevel`].
pub fn check_level(fractions: &[f64]) -> Result<(), ScheduleError> {
    if fractions.len() < 2 {
        return Err(ScheduleError::LevelTooSmall {
            branch_count: fractions.len(),
        });
    }
    let last = fractions.len() - 1;
    let mut previous = 0.0;
    for (index, &value) in fractions.iter().enumerate() {
        let in_place = (index > 0 || value == 0.0) && (index < last || value == 1.0);
        // False for NaN as well.
        let ordered = value >= previous;
        if !(in_place && ordered) {
            return Err(ScheduleError::NotALevel { index, value });
        }
        previous = value;
    }
    Ok(())
}

fn check_distances(distances: &[f64], branch_count: usize) -> Result<(), ScheduleError> {
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
        assert_eq!(fixed_fractions(5, 1.0), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(fixed_fractions(5, 2.0), [0.0, 0.375, 0.5, 0.625, 1.0]);
        assert_eq!(fixed_fractions(2, 1.2), [0.0, 1.0]);
        assert_eq!(fixed_fractions(1, 1.2), [0.0]);
        assert!(fixed_fractions(0, 1.2).is_empty());
    }

    #[test]
    fn perceptual_spacing_by_hand() {
        // All change happens in the first half, evenly: so do all branches.
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
        let even = fixed_fractions(4, 1.0);
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
