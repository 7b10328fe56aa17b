//! A profile by hand: branch counts, and the steps at which they are injected.

use super::{BranchingProfile, Level, validate_steps};
use crate::error::ScheduleError;
use crate::limits::MAX_BRANCHES;

impl BranchingProfile {
    /// A profile of `steps` inference steps that has `branch_counts[i]` branches from step
    /// `injection_steps[i]` on.
    ///
    /// Both lists strictly increase. If the injections do not start at 0, level 0 with its two
    /// branches is put in front. With a single step, one level may start at step 0 beside it.
    ///
    /// # Errors
    /// There is one error for each rule: [`ScheduleError::StepsOutOfRange`], [`ScheduleError::NoLevels`],
    /// [`ScheduleError::ListLengthsDiffer`], [`ScheduleError::FirstLevelNotTwo`],
    /// [`ScheduleError::BranchCountOutOfRange`], [`ScheduleError::BranchCountsNotIncreasing`],
    /// [`ScheduleError::InjectionOutOfRange`], [`ScheduleError::InjectionsNotIncreasing`].
    pub fn manual(
        steps: usize,
        branch_counts: &[usize],
        injection_steps: &[usize],
    ) -> Result<Self, ScheduleError> {
        validate_steps(steps)?;
        validate_lists(branch_counts.len(), injection_steps.len())?;
        let mut levels = vec![Level {
            injection_step: 0,
            branch_count: 2,
        }];
        let mut above = levels[0];
        for (index, (&branch_count, &injection_step)) in
            branch_counts.iter().zip(injection_steps).enumerate()
        {
            let level = Level {
                injection_step,
                branch_count,
            };
            validate_level_alone(level, steps)?;
            if index == 0 && injection_step == 0 {
                if branch_count != 2 {
                    return Err(ScheduleError::FirstLevelNotTwo { branch_count });
                }
                continue;
            }
            validate_order(above, level, steps)?;
            levels.push(level);
            above = level;
        }
        Ok(Self { steps, levels })
    }

    /// The same as [`manual`](Self::manual), but with strengths instead of steps: each injection is
    /// given as a share of the steps, in `[0, 1)`.
    ///
    /// A strength means the step nearest to strength × steps, and the even one if two steps are
    /// equally near.
    ///
    /// # Errors
    /// Those of [`manual`](Self::manual), and also [`ScheduleError::InjectionStrengthOutOfRange`] and
    /// [`ScheduleError::InjectionStrengthAfterLastStep`].
    pub fn manual_strengths(
        steps: usize,
        branch_counts: &[usize],
        injection_strengths: &[f64],
    ) -> Result<Self, ScheduleError> {
        validate_steps(steps)?;
        validate_lists(branch_counts.len(), injection_strengths.len())?;
        let injection_steps: Vec<usize> = injection_strengths
            .iter()
            .map(|&strength| strength_step(strength, steps))
            .collect::<Result<_, _>>()?;
        Self::manual(steps, branch_counts, &injection_steps)
    }
}

fn strength_step(value: f64, steps: usize) -> Result<usize, ScheduleError> {
    if !(0.0..1.0).contains(&value) {
        return Err(ScheduleError::InjectionStrengthOutOfRange { value });
    }
    let step = (value * steps as f64).round_ties_even() as usize;
    if step >= steps {
        return Err(ScheduleError::InjectionStrengthAfterLastStep { value, steps });
    }
    Ok(step)
}

fn validate_lists(branch_counts: usize, injections: usize) -> Result<(), ScheduleError> {
    if branch_counts != injections {
        return Err(ScheduleError::ListLengthsDiffer {
            branch_counts,
            injections,
        });
    }
    if branch_counts == 0 {
        return Err(ScheduleError::NoLevels);
    }
    Ok(())
}

fn validate_level_alone(level: Level, steps: usize) -> Result<(), ScheduleError> {
    let Level {
        injection_step,
        branch_count,
    } = level;
    if !(2..=MAX_BRANCHES).contains(&branch_count) {
        return Err(ScheduleError::BranchCountOutOfRange { branch_count });
    }
    if injection_step >= steps {
        return Err(ScheduleError::InjectionOutOfRange {
            injection_step,
            steps,
        });
    }
    Ok(())
}

fn validate_order(above: Level, level: Level, steps: usize) -> Result<(), ScheduleError> {
    let shares_the_step = steps == 1 && above.branch_count == 2;
    if level.injection_step <= above.injection_step && !shares_the_step {
        return Err(ScheduleError::InjectionsNotIncreasing {
            injection_step: level.injection_step,
            previous: above.injection_step,
        });
    }
    if level.branch_count <= above.branch_count {
        return Err(ScheduleError::BranchCountsNotIncreasing {
            branch_count: level.branch_count,
            previous: above.branch_count,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_0_is_put_in_front() {
        let whole = BranchingProfile::manual(10, &[2, 3, 7, 10], &[0, 3, 6, 9]).unwrap();
        let short = BranchingProfile::manual(10, &[3, 7, 10], &[3, 6, 9]).unwrap();
        assert_eq!(whole, short);
        assert_eq!(whole.levels().len(), 4);
        assert_eq!(whole.step_range(2), 6..9);
        assert_eq!(whole.step_range(3), 9..10);
        assert_eq!(whole.step_range(4), 10..10);
        assert_eq!(whole.frame_count(), 10);
    }

    #[test]
    fn strengths_are_shares_of_the_steps() {
        let by_strength =
            BranchingProfile::manual_strengths(10, &[2, 3, 7, 10], &[0.0, 0.3, 0.6, 0.9]);
        assert_eq!(
            by_strength,
            BranchingProfile::manual(10, &[2, 3, 7, 10], &[0, 3, 6, 9])
        );
        // A strength half-way between two steps means the even one.
        let halves = BranchingProfile::manual_strengths(10, &[3, 4], &[0.25, 0.35]).unwrap();
        assert_eq!(halves.levels()[1].injection_step, 2);
        assert_eq!(halves.levels()[2].injection_step, 4);
    }

    #[test]
    fn refused_with_the_rule_it_broke() {
        use ScheduleError::*;
        let manual = |steps, counts: &[usize], injections: &[usize]| {
            BranchingProfile::manual(steps, counts, injections).unwrap_err()
        };
        assert_eq!(manual(0, &[2], &[0]), StepsOutOfRange { steps: 0 });
        assert_eq!(manual(10, &[], &[]), NoLevels);
        assert_eq!(
            manual(10, &[2, 3], &[0]),
            ListLengthsDiffer {
                branch_counts: 2,
                injections: 1
            }
        );
        assert_eq!(
            manual(10, &[3, 4], &[0, 5]),
            FirstLevelNotTwo { branch_count: 3 }
        );
        assert_eq!(
            manual(10, &[2, 0], &[0, 5]),
            BranchCountOutOfRange { branch_count: 0 }
        );
        assert_eq!(
            manual(10, &[2, 5, 4], &[0, 3, 6]),
            BranchCountsNotIncreasing {
                branch_count: 4,
                previous: 5
            }
        );
        assert_eq!(
            manual(10, &[2, 4], &[3, 6]),
            BranchCountsNotIncreasing {
                branch_count: 2,
                previous: 2
            }
        );
        assert_eq!(
            manual(10, &[2, 4], &[0, 10]),
            InjectionOutOfRange {
                injection_step: 10,
                steps: 10
            }
        );
        assert_eq!(
            manual(10, &[2, 4, 6], &[0, 5, 5]),
            InjectionsNotIncreasing {
                injection_step: 5,
                previous: 5
            }
        );
        let strengths = |strengths: &[f64]| {
            BranchingProfile::manual_strengths(10, &[2, 4], strengths).unwrap_err()
        };
        assert_eq!(
            strengths(&[0.0, 1.0]),
            InjectionStrengthOutOfRange { value: 1.0 }
        );
        assert_eq!(
            strengths(&[0.0, -0.1]),
            InjectionStrengthOutOfRange { value: -0.1 }
        );
        assert_eq!(
            strengths(&[0.0, 0.99]),
            InjectionStrengthAfterLastStep {
                value: 0.99,
                steps: 10
            }
        );
        assert_eq!(
            strengths(&[0.0, 0.04]),
            InjectionsNotIncreasing {
                injection_step: 0,
                previous: 0
            }
        );
        assert!(matches!(
            strengths(&[0.0, f64::NAN]),
            InjectionStrengthOutOfRange { .. }
        ));
    }
}
