//! Where all branches of a tree lie, and which ones a branch starts from.

use crate::error::ScheduleError;
use crate::profile::BranchingProfile;
use crate::spacing::fixed_fractions;

impl BranchingProfile {
    /// The fractions of every level's branches under fixed spacing: the whole tree, known
    /// beforehand.
    ///
    /// `mid_compression` as in [`fixed_fractions`]. With 1, the branches lie evenly, which is also
    /// the best guess at what perceptual spacing will choose.
    pub fn fixed_tree(&self, mid_compression: f64) -> Vec<Vec<f64>> {
        self.levels()
            .iter()
            .map(|level| fixed_fractions(level.branch_count, mid_compression))
            .collect()
    }
}

/// The two branches of the level above that a branch starts from, and how they are mixed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Parents {
    /// The branch of the level above at or left of the child, counted from 0.
    pub left: usize,
    /// The branch of the level above right of the child; the same as `left` on an exact hit.
    pub right: usize,
    /// How far the child lies from `left` (0) towards `right` (1).
    pub mix: f64,
}

/// The parents of a branch at `fraction`, given the fractions of the level above.
///
/// Its two neighbours left ≤ fraction ≤ right, and mix = (fraction − left) / (right − left). A
/// child that lies exactly on a branch has that branch as both parents, with mix 0.
///
/// # Errors
/// [`ScheduleError::LevelTooSmall`] for fewer than two branches, and
/// [`ScheduleError::FractionOutsideLevel`] where no two neighbours enclose the fraction. That
/// `level_above` never decreases is only checked around the child: [`ScheduleError::NotALevel`].
pub fn parents(level_above: &[f64], fraction: f64) -> Result<Parents, ScheduleError> {
    let &[first, .., last] = level_above else {
        return Err(ScheduleError::LevelTooSmall {
            branch_count: level_above.len(),
        });
    };
    let right = level_above.partition_point(|&branch| branch < fraction);
    match level_above.get(right) {
        Some(&hit) if hit == fraction => Ok(Parents {
            left: right,
            right,
            mix: 0.0,
        }),
        Some(&after) if right > 0 => {
            let left = right - 1;
            let mix = (fraction - level_above[left]) / (after - level_above[left]);
            // False only around a NaN, or in a level that is not in order.
            if (0.0..=1.0).contains(&mix) {
                Ok(Parents { left, right, mix })
            } else {
                Err(ScheduleError::NotALevel {
                    index: right,
                    value: after,
                })
            }
        }
        _ => Err(ScheduleError::FractionOutsideLevel {
            value: fraction,
            first,
            last,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_and_mix() {
        let level = [0.0, 0.25, 0.75, 1.0];
        let at = |fraction| parents(&level, fraction).unwrap();
        assert_eq!(
            at(0.125),
            Parents {
                left: 0,
                right: 1,
                mix: 0.5
            }
        );
        assert_eq!(
            at(0.375),
            Parents {
                left: 1,
                right: 2,
                mix: 0.25
            }
        );
        assert_eq!(
            at(0.75),
            Parents {
                left: 2,
                right: 2,
                mix: 0.0
            }
        );
        assert_eq!(
            at(0.0),
            Parents {
                left: 0,
                right: 0,
                mix: 0.0
            }
        );
        assert_eq!(
            at(1.0),
            Parents {
                left: 3,
                right: 3,
                mix: 0.0
            }
        );
    }

    #[test]
    fn branches_in_one_place_are_no_trouble() {
        let level = [0.0, 0.5, 0.5, 0.5, 1.0];
        assert_eq!(
            parents(&level, 0.5),
            Ok(Parents {
                left: 1,
                right: 1,
                mix: 0.0
            })
        );
        assert_eq!(
            parents(&level, 0.75),
            Ok(Parents {
                left: 3,
                right: 4,
                mix: 0.5
            })
        );
    }

    #[test]
    fn nothing_outside_the_level() {
        for fraction in [-0.1, 1.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = parents(&[0.0, 1.0], fraction).unwrap_err();
            assert!(
                matches!(error, ScheduleError::FractionOutsideLevel { .. }),
                "{fraction}"
            );
        }
        let error = parents(&[0.0, f64::NAN, 1.0], 0.5).unwrap_err();
        assert!(matches!(error, ScheduleError::NotALevel { .. }));
        for level in [&[][..], &[0.0]] {
            let error = parents(level, 0.0).unwrap_err();
            assert_eq!(
                error,
                ScheduleError::LevelTooSmall {
                    branch_count: level.len()
                }
            );
        }
    }
}
