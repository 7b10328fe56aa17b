//! The tree itself: where all its branches lie, and which branches each one starts from.

use std::fmt;
use std::ops::Range;

use crate::error::ScheduleError;
use crate::profile::BranchingProfile;
use crate::spacing::{fixed_fractions, validate_level};

/// The tree of one transition: its steps and levels, and the fraction of every branch.
///
/// A tree is always valid: there is one list of fractions for each level of the profile, one
/// fraction for each branch, and the fractions of a level start at 0, end at 1 and never decrease.
/// Its [`Display`](fmt::Display) form lists the levels with their steps and fractions.
///
/// # Example
/// ```
/// use lb_schedule::{BranchingProfile, Tree};
///
/// # fn main() -> Result<(), lb_schedule::ScheduleError> {
/// let profile = BranchingProfile::manual(10, &[2, 3, 5], &[0, 3, 6])?;
/// let tree = Tree::fixed(profile, 1.0)?;
/// assert_eq!(tree.frame_fractions(), [0.0, 0.25, 0.5, 0.75, 1.0]);
/// let parents = tree.level(2).and_then(|level| level.parents(1)).expect("a branch of the tree");
/// assert_eq!((parents.left, parents.right, parents.mix), (0, 1, 0.5));
/// assert_eq!(
///     tree.to_string(),
///     "steps 0 to 2, 2 branches: 0.000 1.000\n\
///      steps 3 to 5, 3 branches: 0.000 0.500 1.000\n\
///      steps 6 to 9, 5 branches: 0.000 0.250 0.500 0.750 1.000\n"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "UncheckedTree"))]
pub struct Tree {
    profile: BranchingProfile,
    fractions: Vec<Vec<f64>>,
}

#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedTree {
    profile: BranchingProfile,
    fractions: Vec<Vec<f64>>,
}

#[cfg(feature = "serde")]
impl TryFrom<UncheckedTree> for Tree {
    type Error = ScheduleError;

    fn try_from(tree: UncheckedTree) -> Result<Self, Self::Error> {
        Self::new(tree.profile, tree.fractions)
    }
}

impl Tree {
    /// A tree whose branches lie at these fractions, one list for each level: usually those that a
    /// render under perceptual spacing decided on.
    ///
    /// # Errors
    /// [`ScheduleError::LevelCount`] or [`ScheduleError::FractionCount`] where `fractions` does not
    /// fit the profile, and [`ScheduleError::NotALevel`] where the fractions of a level are not in
    /// order.
    pub fn new(profile: BranchingProfile, fractions: Vec<Vec<f64>>) -> Result<Self, ScheduleError> {
        let expected = profile.levels().len();
        if fractions.len() != expected {
            return Err(ScheduleError::LevelCount {
                levels: fractions.len(),
                expected,
            });
        }
        for (level, (fractions, shape)) in fractions.iter().zip(profile.levels()).enumerate() {
            if fractions.len() != shape.branch_count {
                return Err(ScheduleError::FractionCount {
                    level,
                    fractions: fractions.len(),
                    expected: shape.branch_count,
                });
            }
            validate_level(fractions)?;
        }
        Ok(Self { profile, fractions })
    }

    /// The tree under fixed spacing, which is known before anything is rendered.
    ///
    /// `mid_compression` is as in [`fixed_fractions`]. With 1 the branches lie evenly, which is also
    /// the best guess at what perceptual spacing will choose.
    ///
    /// # Errors
    /// [`ScheduleError::MidCompressionOutOfRange`].
    pub fn fixed(profile: BranchingProfile, mid_compression: f64) -> Result<Self, ScheduleError> {
        let fractions = profile
            .levels()
            .iter()
            .map(|level| fixed_fractions(level.branch_count, mid_compression))
            .collect::<Result<_, _>>()?;
        Ok(Self { profile, fractions })
    }

    /// The steps and levels of the tree.
    #[must_use]
    pub fn profile(&self) -> &BranchingProfile {
        &self.profile
    }

    /// The fractions of every level's branches, from the two keyframes down to the computed frames.
    #[must_use]
    pub fn fractions(&self) -> &[Vec<f64>] {
        &self.fractions
    }

    /// The fractions of the computed frames: those of the last level.
    #[must_use]
    pub fn frame_fractions(&self) -> &[f64] {
        self.fractions.last().map_or(&[], Vec::as_slice)
    }

    /// The levels, from the two keyframes down to the computed frames.
    pub fn levels(&self) -> impl DoubleEndedIterator<Item = TreeLevel<'_>> + ExactSizeIterator {
        (0..self.fractions.len()).map(|index| self.level_at(index))
    }

    /// The level with this index, counted from 0, where there is one.
    #[must_use]
    pub fn level(&self, index: usize) -> Option<TreeLevel<'_>> {
        (index < self.fractions.len()).then(|| self.level_at(index))
    }

    fn level_at(&self, index: usize) -> TreeLevel<'_> {
        let above = index.checked_sub(1).map(|above| &self.fractions[above]);
        TreeLevel {
            index,
            steps: self.profile.step_range(index),
            fractions: &self.fractions[index],
            above: above.map_or(&[], Vec::as_slice),
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = (self.profile.steps() - 1).to_string().len();
        for level in self.levels() {
            // With a single step, level 0 ends where it begins, but its keyframes take the step too.
            let (first, last) = (level.steps.start, level.steps.end.max(1) - 1);
            let count = level.fractions.len();
            write!(
                formatter,
                "steps {first:width$} to {last:width$}, {count} branches:"
            )?;
            for fraction in level.fractions {
                write!(formatter, " {fraction:.3}")?;
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}

/// One level of a [`Tree`].
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct TreeLevel<'a> {
    /// Its index, counted from 0: level 0 holds the two keyframes.
    pub index: usize,
    /// The denoising steps that its branches are run for. The first one is its injection.
    pub steps: Range<usize>,
    /// The fractions of its branches, from 0 to 1.
    pub fractions: &'a [f64],
    above: &'a [f64],
}

impl<'a> TreeLevel<'a> {
    /// The fractions of the level above; empty for level 0.
    #[must_use]
    pub fn fractions_above(&self) -> &'a [f64] {
        self.above
    }

    /// The branches between the keyframes, whose trajectories belong to this level. The first and
    /// the last branch are the keyframes themselves.
    #[must_use]
    pub fn inner_branches(&self) -> Range<usize> {
        1..self.fractions.len() - 1
    }

    /// The branches of the level above that a branch, counted from 0, starts from. There are none
    /// in level 0, and none for a branch that does not exist.
    #[must_use]
    pub fn parents(&self, branch: usize) -> Option<Parents> {
        parents(self.above, *self.fractions.get(branch)?).ok()
    }
}

/// The two branches of the level above that a branch starts from, and how they are mixed.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Parents {
    /// The branch of the level above at the child's fraction or left of it, counted from 0.
    pub left: usize,
    /// The next branch of the level above, or the same as `left` if the child lies exactly on it.
    pub right: usize,
    /// How far the child lies from `left` (0) towards `right` (1).
    pub mix: f64,
}

/// The parents of a branch at `fraction`, given the fractions of the level above.
///
/// They are its two neighbours, left ≤ fraction ≤ right, and mix = (fraction − left) / (right − left).
/// A child that lies exactly on a branch has that branch as both parents, with mix 0.
///
/// # Errors
/// [`ScheduleError::LevelTooSmall`] for fewer than two branches, and
/// [`ScheduleError::FractionOutsideLevel`] where no two neighbours enclose the fraction. Only the
/// branches around the child are checked for their order ([`ScheduleError::NotALevel`]); a [`Tree`]
/// is checked as a whole.
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
            // This is false only next to a NaN, or in a level that is not in order.
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
    fn branches_at_one_fraction_are_no_trouble() {
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

    #[test]
    fn every_branch_of_a_tree_has_its_parents() {
        let profile = BranchingProfile::manual(10, &[2, 3, 7, 10], &[0, 3, 6, 9]).unwrap();
        let tree = Tree::fixed(profile, 1.2).unwrap();
        assert_eq!(tree.levels().len(), 4);
        assert_eq!(
            tree.levels().map(|level| level.steps).next_back(),
            Some(9..10)
        );
        assert_eq!(tree.level(0).unwrap().parents(0), None);
        assert_eq!(tree.level(4), None);
        for level in tree.levels().skip(1) {
            for (branch, &fraction) in level.fractions.iter().enumerate() {
                assert_eq!(
                    level.parents(branch),
                    parents(level.fractions_above(), fraction).ok()
                );
            }
            assert_eq!(level.parents(level.fractions.len()), None);
            assert_eq!(level.inner_branches().len(), level.fractions.len() - 2);
        }
        assert_eq!(tree.frame_fractions(), fixed_fractions(10, 1.2).unwrap());
        let again = Tree::new(tree.profile().clone(), tree.fractions().to_vec());
        assert_eq!(again, Ok(tree));
    }

    #[test]
    fn fractions_of_another_tree_are_refused() {
        let profile = BranchingProfile::manual(10, &[2, 3, 7], &[0, 3, 6]).unwrap();
        let mut fractions = Tree::fixed(profile.clone(), 1.2)
            .unwrap()
            .fractions()
            .to_vec();
        let mut refused = |change: &dyn Fn(&mut Vec<Vec<f64>>)| {
            change(&mut fractions);
            Tree::new(profile.clone(), fractions.clone()).unwrap_err()
        };
        let nan = refused(&|fractions| fractions[1][1] = f64::NAN);
        assert!(matches!(nan, ScheduleError::NotALevel { index: 1, .. }));
        assert_eq!(
            refused(&|fractions| fractions[1] = vec![0.0, 1.0]),
            ScheduleError::FractionCount {
                level: 1,
                fractions: 2,
                expected: 3
            }
        );
        assert_eq!(
            refused(&|fractions| fractions.truncate(2)),
            ScheduleError::LevelCount {
                levels: 2,
                expected: 3
            }
        );
        assert!(matches!(
            Tree::fixed(profile.clone(), f64::NAN).unwrap_err(),
            ScheduleError::MidCompressionOutOfRange { .. }
        ));
    }
}
