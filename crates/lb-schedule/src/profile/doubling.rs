//! A profile from steps, computed frames and depth strength, whose branches double from level to level.

use super::{BranchingProfile, Level, validate_numbers};
use crate::error::ScheduleError;

/// The last level begins this share of the steps before the end, but at least one step. It has about
/// half of all branches, and one step of twelve is enough to tell them from mixtures of their parents.
const LAST_LEVEL: f64 = 1.0 / 12.0;

impl BranchingProfile {
    /// A profile of `steps` inference steps, 1 to [`MAX_STEPS`](crate::MAX_STEPS), that ends in
    /// `frames` computed frames, 2 to [`MAX_BRANCHES`](crate::MAX_BRANCHES).
    ///
    /// `depth_strength` in `[0, 1]` says after which share of the steps the first branches are
    /// injected. Near 0 there is more motion and invention, and near 1 the result is a plain blend.
    /// From level to level the number of branches grows by the same factor, which is 2 or less where
    /// there are enough steps. The injections are evenly spaced from the first one to the last, which
    /// comes a twelfth of the steps before the end. Most branches therefore cost few steps, and a level
    /// finds out early between which branches of the level above the picture changes.
    ///
    /// # Errors
    /// [`ScheduleError::StepsOutOfRange`], [`ScheduleError::FramesOutOfRange`],
    /// [`ScheduleError::DepthStrengthOutOfRange`].
    pub fn doubling(
        steps: usize,
        frames: usize,
        depth_strength: f64,
    ) -> Result<Self, ScheduleError> {
        validate_numbers(steps, frames, depth_strength)?;
        let mut levels = vec![Level {
            injection_step: 0,
            branch_count: 2,
        }];
        if frames == 2 {
            return Ok(Self { steps, levels });
        }
        let last_level = (steps as f64 * LAST_LEVEL).round_ties_even() as usize;
        let depth = (steps as f64 * depth_strength).round_ties_even() as usize;
        // With a single step, there is no other step to choose.
        let first = depth.max(1).min(steps - 1);
        let last = (steps - last_level.max(1)).max(first);
        let growth = frames as f64 / 2.0;
        let doublings = libm::ceil(libm::log2(growth)) as usize;
        let count = doublings.clamp(1, last - first + 1);
        for level in 1..=count {
            let share = level as f64 / count as f64;
            let branch_count = (2.0 * libm::pow(growth, share)).round_ties_even() as usize;
            let after_first = (level - 1) as f64 / count.saturating_sub(1).max(1) as f64;
            let injection = first as f64 + after_first * (last - first) as f64;
            levels.push(Level {
                // A single level is the last one.
                injection_step: match count {
                    1 => first,
                    _ => injection.round_ties_even() as usize,
                },
                branch_count: branch_count.max(level + 2).min(frames),
            });
        }
        Ok(Self { steps, levels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(steps: usize, frames: usize, depth: f64) -> (Vec<usize>, Vec<usize>) {
        let profile = BranchingProfile::doubling(steps, frames, depth).unwrap();
        let levels = profile.levels().iter();
        levels
            .map(|level| (level.branch_count, level.injection_step))
            .unzip()
    }

    #[test]
    fn branches_double_down_to_the_last_steps() {
        let check = |steps, frames, depth, counts: &[usize], injections: &[usize]| {
            let expected = (counts.to_vec(), injections.to_vec());
            assert_eq!(lists(steps, frames, depth), expected);
        };
        check(12, 24, 0.2, &[2, 4, 7, 13, 24], &[0, 2, 5, 8, 11]);
        check(16, 45, 0.2, &[2, 4, 7, 13, 24, 45], &[0, 3, 6, 9, 12, 15]);
        check(60, 3, 0.4, &[2, 3], &[0, 24]);
        check(12, 24, 0.9, &[2, 24], &[0, 11]);
        check(1, 2, 0.5, &[2], &[0]);
        check(1, 7, 0.5, &[2, 7], &[0, 0]);
        check(2, 24, 0.2, &[2, 24], &[0, 1]);
        check(4, 24, 0.2, &[2, 5, 10, 24], &[0, 1, 2, 3]);
        check(8, 24, 0.2, &[2, 4, 7, 13, 24], &[0, 2, 4, 5, 7]);
        check(2, 9, 0.0, &[2, 9], &[0, 1]);
    }

    #[test]
    fn every_profile_is_one_that_could_be_given_by_hand() {
        for steps in [1, 2, 3, 8, 12, 30, 100] {
            for frames in [3, 4, 5, 12, 90, 10_000] {
                for depth in [0.0, 0.05, 0.2, 0.5, 0.9, 1.0] {
                    let (counts, injections) = lists(steps, frames, depth);
                    let given = BranchingProfile::manual(steps, &counts, &injections);
                    assert!(given.is_ok(), "{steps} {frames} {depth}: {given:?}");
                    assert_eq!(counts.last(), Some(&frames));
                }
            }
        }
    }

    #[test]
    fn refused_with_the_rule_it_broke() {
        let refused = |steps, frames, depth| {
            let profile = BranchingProfile::doubling(steps, frames, depth);
            profile.unwrap_err().to_string()
        };
        assert_eq!(refused(0, 12, 0.4), "steps must be 1 to 1000, got 0");
        assert!(refused(30, 1, 0.4).starts_with("computed frames must be 2 to"));
        assert!(refused(30, 12, f64::NAN).ends_with("got NaN"));
    }
}
