//! A profile from steps, computed frames and depth strength, as the original latent blending makes it.

use super::{BranchingProfile, Level, validate_numbers};
use crate::error::ScheduleError;

/// Branches need some steps to differ from their parents. So levels have at least this many steps, and
/// the last one has exactly this many where possible.
const MIN_LEVEL_STEPS: usize = 3;

/// The number of levels grows with the steps: about one for every five of them.
const STEPS_PER_LEVEL: usize = 5;

impl BranchingProfile {
    /// A profile of `steps` inference steps, 1 to [`MAX_STEPS`](crate::MAX_STEPS), that ends in
    /// `frames` computed frames, 2 to [`MAX_BRANCHES`](crate::MAX_BRANCHES).
    ///
    /// `depth_strength` in `[0, 1]` says after which share of the steps the first branches are
    /// injected. Near 0 there is more motion and invention, and near 1 the result is a plain blend.
    /// From there on the injections are evenly spaced up to the third step from the end, while the
    /// branch counts grow geometrically from 2 to `frames`. A level that would come fewer than three
    /// steps after the level above, or would add no branch to it, is left out.
    ///
    /// # Errors
    /// [`ScheduleError::StepsOutOfRange`], [`ScheduleError::FramesOutOfRange`],
    /// [`ScheduleError::DepthStrengthOutOfRange`].
    pub fn autosetup(
        steps: usize,
        frames: usize,
        depth_strength: f64,
    ) -> Result<Self, ScheduleError> {
        validate_numbers(steps, frames, depth_strength)?;

        let depth = (steps as f64 * depth_strength).round_ties_even() as usize;
        let first = depth.min(steps - 1);
        let mut above = Level {
            injection_step: 0,
            branch_count: 2,
        };
        let mut levels = vec![above];
        for candidate in candidates(steps, frames, first) {
            if candidate.injection_step >= above.injection_step + MIN_LEVEL_STEPS
                && candidate.branch_count > above.branch_count
            {
                levels.push(candidate);
                above = candidate;
            }
        }
        match levels.as_mut_slice() {
            [_, .., last] => last.branch_count = frames,
            _ if frames > 2 => {
                levels.push(Level {
                    // With a single step, there is no other step to choose.
                    injection_step: first.max(1).min(steps - 1),
                    branch_count: frames,
                });
            }
            _ => {}
        }
        Ok(Self { steps, levels })
    }
}

/// The levels after level 0, some of which are left out.
fn candidates(steps: usize, frames: usize, first: usize) -> Vec<Level> {
    let count = (steps / STEPS_PER_LEVEL).saturating_sub(1).max(1);
    // With fewer than three steps there is one candidate, and the end does not matter.
    let end = steps.saturating_sub(MIN_LEVEL_STEPS) as f64;
    let injections = linspace(first as f64, end, count);
    let counts = linspace(libm::log10(2.0), libm::log10(frames as f64), count + 1);
    injections
        .into_iter()
        .zip(counts.into_iter().skip(1))
        .map(|(injection, exponent)| Level {
            injection_step: injection as usize,
            branch_count: libm::pow(10.0, exponent).round_ties_even() as usize,
        })
        .collect()
}

/// `numpy.linspace` with its order of operations, because the truncated results depend on the last
/// bit.
fn linspace(start: f64, end: f64, count: usize) -> Vec<f64> {
    let intervals = count.saturating_sub(1);
    let step = (end - start) / intervals.max(1) as f64;
    (0..count)
        .map(|index| {
            if index > 0 && index == intervals {
                end
            } else {
                index as f64 * step + start
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(profile: &BranchingProfile) -> (Vec<usize>, Vec<usize>) {
        profile
            .levels()
            .iter()
            .map(|level| (level.branch_count, level.injection_step))
            .unzip()
    }

    #[test]
    fn check_values_of_the_method() {
        let check = |steps, frames, depth, counts: &[usize], injections: &[usize]| {
            let profile = BranchingProfile::autosetup(steps, frames, depth).unwrap();
            assert_eq!(lists(&profile), (counts.to_vec(), injections.to_vec()));
        };
        check(30, 12, 0.40, &[2, 3, 4, 6, 8, 12], &[0, 12, 15, 19, 23, 27]);
        check(
            60,
            25,
            0.65,
            &[2, 3, 4, 6, 10, 16, 25],
            &[0, 39, 42, 46, 49, 53, 57],
        );
        check(12, 5, 0.65, &[2, 5], &[0, 8]);
        check(
            100,
            50,
            0.65,
            &[2, 3, 4, 6, 8, 11, 15, 21, 30, 50],
            &[0, 66, 70, 73, 77, 81, 84, 88, 91, 95],
        );
    }

    #[test]
    fn one_level_where_no_candidate_survives() {
        let check = |steps, frames, depth, counts: &[usize], injections: &[usize]| {
            let profile = BranchingProfile::autosetup(steps, frames, depth).unwrap();
            assert_eq!(lists(&profile), (counts.to_vec(), injections.to_vec()));
        };
        check(10, 8, 0.0, &[2, 8], &[0, 1]);
        check(2, 4, 1.0, &[2, 4], &[0, 1]);
        check(1, 2, 0.5, &[2], &[0]);
        check(1, 7, 0.5, &[2, 7], &[0, 0]);
        check(30, 2, 0.4, &[2], &[0]);
    }

    #[test]
    fn refused_with_the_rule_it_broke() {
        let refused = |steps, frames, depth| {
            BranchingProfile::autosetup(steps, frames, depth)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(refused(0, 12, 0.4), "steps must be 1 to 1000, got 0");
        assert_eq!(refused(1001, 12, 0.4), "steps must be 1 to 1000, got 1001");
        assert_eq!(
            refused(30, 1, 0.4),
            "computed frames must be 2 to 10000, got 1"
        );
        assert_eq!(
            refused(30, 10_001, 0.4),
            "computed frames must be 2 to 10000, got 10001"
        );
        assert_eq!(
            refused(30, 12, 1.01),
            "depth strength must be 0 to 1, got 1.01"
        );
        assert_eq!(
            refused(30, 12, f64::NAN),
            "depth strength must be 0 to 1, got NaN"
        );
    }
}
