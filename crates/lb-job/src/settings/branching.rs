//! What is said about a tree.

use lb_schedule::Quality;

use super::SettingsError;
use crate::{Branching, Injections};

/// What is said about a tree, by quality, by steps and frames, or level by level; see
/// [`Branching`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BranchingSettings {
    /// A preset.
    pub quality: Option<Quality>,
    /// Where the first injection lies, as a share of the steps.
    pub depth_strength: Option<f64>,
    /// Inference steps.
    pub steps: Option<usize>,
    /// Computed frames.
    pub frames: Option<usize>,
    /// Branches of every level.
    pub branches: Option<Vec<usize>>,
    /// The step at which each level begins.
    pub injection_steps: Option<Vec<usize>>,
    /// Where each level begins, as a share of the steps.
    pub injection_strengths: Option<Vec<f64>>,
}

impl BranchingSettings {
    /// Checks that what is said does not contradict itself.
    ///
    /// # Errors
    /// A [`SettingsError`].
    pub fn validate(&self) -> Result<(), SettingsError> {
        let injections = self.injection_steps.is_some() || self.injection_strengths.is_some();
        let levels = self.branches.is_some() || injections;
        if self.quality.is_some() && (self.steps.is_some() || self.frames.is_some() || levels) {
            return Err(SettingsError::QualityWithNumbers);
        }
        if self.frames.is_some() && levels {
            return Err(SettingsError::FramesWithBranches);
        }
        if self.depth_strength.is_some() && levels {
            return Err(SettingsError::DepthStrengthWithBranches);
        }
        if self.injection_steps.is_some() && self.injection_strengths.is_some() {
            return Err(SettingsError::InjectionsTwice);
        }
        Ok(())
    }

    /// These settings, and of the lower ones what goes with them: a number of frames keeps the
    /// steps that were said below, but not a list of branches.
    pub(super) fn over(self, lower: Self) -> Self {
        let injections = self.injection_steps.is_some() || self.injection_strengths.is_some();
        let lower = if self.quality.is_some() {
            Self {
                depth_strength: lower.depth_strength,
                ..Default::default()
            }
        } else if self.frames.is_some() {
            Self {
                depth_strength: lower.depth_strength,
                steps: lower.steps,
                ..Default::default()
            }
        } else if self.branches.is_some() || injections {
            let (injection_steps, injection_strengths) = if injections {
                (None, None)
            } else {
                (lower.injection_steps, lower.injection_strengths)
            };
            Self {
                steps: lower.steps,
                branches: lower.branches,
                injection_steps,
                injection_strengths,
                ..Default::default()
            }
        } else {
            let quality = lower.quality.filter(|_| self.steps.is_none());
            Self { quality, ..lower }
        };
        Self {
            quality: self.quality.or(lower.quality),
            depth_strength: self.depth_strength.or(lower.depth_strength),
            steps: self.steps.or(lower.steps),
            frames: self.frames.or(lower.frames),
            branches: self.branches.or(lower.branches),
            injection_steps: self.injection_steps.or(lower.injection_steps),
            injection_strengths: self.injection_strengths.or(lower.injection_strengths),
        }
    }

    /// The tree's description, with defaults for whatever is not said.
    ///
    /// # Errors
    /// A [`SettingsError`] for what is not enough.
    pub fn resolve(&self) -> Result<Branching, SettingsError> {
        self.validate()?;
        let depth_strength = self.depth_strength.unwrap_or(Branching::DEPTH_STRENGTH);
        let injections = match (&self.injection_steps, &self.injection_strengths) {
            (Some(at), _) => Some(Injections::Steps(at.clone())),
            (None, Some(at)) => Some(Injections::Strengths(at.clone())),
            (None, None) => None,
        };
        match (self.steps, self.frames, &self.branches, injections) {
            (Some(steps), _, Some(branches), Some(injections)) => Ok(Branching::Manual {
                steps,
                branch_counts: branches.clone(),
                injections,
            }),
            (_, _, Some(_), None) => Err(SettingsError::BranchesWithoutInjections),
            (_, _, None, Some(_)) => Err(SettingsError::InjectionsWithoutBranches),
            (Some(steps), Some(frames), None, None) => Ok(Branching::Autosetup {
                steps,
                frames,
                depth_strength,
            }),
            (Some(_), None, None, None) => Err(SettingsError::StepsAlone),
            (None, Some(_), _, _) | (None, _, Some(_), _) => Err(SettingsError::NoSteps),
            (None, None, None, None) => Ok(Branching::Preset {
                quality: self.quality.unwrap_or_default(),
                depth_strength,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality(quality: Quality) -> BranchingSettings {
        BranchingSettings {
            quality: Some(quality),
            ..Default::default()
        }
    }

    fn numbers(steps: Option<usize>, frames: Option<usize>) -> BranchingSettings {
        BranchingSettings {
            steps,
            frames,
            ..Default::default()
        }
    }

    fn levels(branches: &[usize], at: &[usize]) -> BranchingSettings {
        BranchingSettings {
            branches: Some(branches.to_vec()),
            injection_steps: Some(at.to_vec()),
            ..Default::default()
        }
    }

    fn depth(depth_strength: f64) -> BranchingSettings {
        BranchingSettings {
            depth_strength: Some(depth_strength),
            ..Default::default()
        }
    }

    #[test]
    fn what_goes_together_is_kept_and_what_does_not_is_dropped() {
        let below = numbers(Some(20), Some(8)).over(depth(0.2));
        let autosetup = |frames, depth_strength| {
            Ok(Branching::Autosetup {
                steps: 20,
                frames,
                depth_strength,
            })
        };
        assert_eq!(below.resolve(), autosetup(8, 0.2));
        let fewer = numbers(None, Some(4)).over(below.clone());
        assert_eq!(fewer.resolve(), autosetup(4, 0.2));
        let deeper = depth(0.7).over(below.clone());
        assert_eq!(deeper.resolve(), autosetup(8, 0.7));
        let preset = quality(Quality::Low).over(below.clone());
        assert_eq!(
            preset.resolve(),
            Ok(Branching::Preset {
                quality: Quality::Low,
                depth_strength: 0.2
            })
        );
        let by_hand = levels(&[2, 5], &[0, 9]).over(below);
        assert_eq!(
            by_hand.resolve(),
            Ok(Branching::Manual {
                steps: 20,
                branch_counts: vec![2, 5],
                injections: Injections::Steps(vec![0, 9])
            })
        );
        let strengths = BranchingSettings {
            injection_strengths: Some(vec![0.0, 0.5]),
            ..Default::default()
        };
        assert!(matches!(
            strengths.over(by_hand).resolve(),
            Ok(Branching::Manual {
                injections: Injections::Strengths(_),
                ..
            })
        ));
    }

    #[test]
    fn what_contradicts_itself_or_is_not_enough_is_refused() {
        let with_steps = |settings: BranchingSettings| numbers(Some(9), None).over(settings);
        let refused = [
            numbers(Some(9), None),
            numbers(None, Some(4)),
            with_steps(quality(Quality::High)),
            levels(&[2, 5], &[0, 4]),
            BranchingSettings {
                injection_steps: None,
                ..with_steps(levels(&[2, 5], &[0, 4]))
            },
            BranchingSettings {
                branches: None,
                ..with_steps(levels(&[2, 5], &[0, 4]))
            },
            BranchingSettings {
                frames: Some(4),
                ..with_steps(levels(&[2, 5], &[0, 4]))
            },
            BranchingSettings {
                steps: Some(4),
                ..quality(Quality::Low)
            },
            BranchingSettings {
                injection_strengths: Some(vec![0.1]),
                ..with_steps(levels(&[2, 5], &[0, 4]))
            },
            // The tree that the depth strength would shape is given level by level.
            depth(0.3).over(with_steps(levels(&[2, 5], &[0, 4]))),
        ];
        let errors = refused.map(|settings| settings.resolve().unwrap_err());
        use SettingsError as E;
        assert_eq!(
            errors,
            [
                E::StepsAlone,
                E::NoSteps,
                E::StepsAlone,
                E::NoSteps,
                E::BranchesWithoutInjections,
                E::InjectionsWithoutBranches,
                E::FramesWithBranches,
                E::QualityWithNumbers,
                E::InjectionsTwice,
                E::DepthStrengthWithBranches,
            ]
        );
    }
}
