//! The tree of a transition, as a job describes it.

use lb_schedule::{BranchingProfile, BranchingRule, Quality, ScheduleError};

use crate::JobError;
use crate::Transition;

/// The tree of a transition, given in one of three ways.
#[derive(Clone, PartialEq, Debug)]
pub enum Branching {
    /// By a quality, which sets the steps and the computed frames.
    Preset {
        /// The quality.
        quality: Quality,
        /// The rule that sets up the levels, and the numbers of the quality.
        rule: BranchingRule,
        /// Where the first injection lies, as a share of the steps.
        depth_strength: f64,
    },
    /// By steps and computed frames, from which the levels follow.
    Autosetup {
        /// Inference steps.
        steps: usize,
        /// Computed frames of the transition, both keyframes included.
        frames: usize,
        /// The rule that sets up the levels.
        rule: BranchingRule,
        /// Where the first injection lies, as a share of the steps.
        depth_strength: f64,
    },
    /// Level by level.
    Manual {
        /// Inference steps.
        steps: usize,
        /// The number of branches of each level.
        branch_counts: Vec<usize>,
        /// Where the levels begin.
        injections: Injections,
    },
}

/// Where the levels of a tree begin.
#[derive(Clone, PartialEq, Debug)]
pub enum Injections {
    /// At these steps.
    Steps(Vec<usize>),
    /// At these shares of all steps, 0 to 1.
    Strengths(Vec<f64>),
}

impl Branching {
    /// The tree that this describes, if the film has no other transition.
    ///
    /// # Errors
    /// The rule of [`ScheduleError`] that the numbers break.
    pub fn profile(&self) -> Result<BranchingProfile, ScheduleError> {
        self.profile_of(self.own_steps())
    }

    /// The given number of steps, or that of the quality.
    fn own_steps(&self) -> usize {
        match self {
            Self::Preset { quality, rule, .. } => quality.steps(*rule),
            Self::Autosetup { steps, .. } | Self::Manual { steps, .. } => *steps,
        }
    }

    /// The most pictures that the transition has beside film frames that are cross-faded: those of the
    /// quality, or as many as the default quality has.
    #[must_use]
    pub fn pictures(&self) -> usize {
        match self {
            Self::Preset { quality, .. } => quality.pictures(),
            Self::Autosetup { .. } | Self::Manual { .. } => Quality::default().pictures(),
        }
    }

    /// The tree with this number of steps.
    fn profile_of(&self, steps: usize) -> Result<BranchingProfile, ScheduleError> {
        match self {
            Self::Preset {
                quality,
                rule,
                depth_strength,
            } => rule.profile(steps, quality.frames(*rule), *depth_strength),
            Self::Autosetup {
                frames,
                rule,
                depth_strength,
                ..
            } => rule.profile(steps, *frames, *depth_strength),
            Self::Manual {
                branch_counts,
                injections: Injections::Steps(at),
                ..
            } => BranchingProfile::manual(steps, branch_counts, at),
            Self::Manual {
                branch_counts,
                injections: Injections::Strengths(at),
                ..
            } => BranchingProfile::manual_strengths(steps, branch_counts, at),
        }
    }
}

/// The trees of a film's transitions, which all have the same number of steps.
///
/// A keyframe's trajectory is shared by the transitions around it, so a film has one number of
/// steps. All transitions that give a number must give the same one, and transitions with a quality
/// use it too. If all transitions have qualities, the finest one sets the steps. Each quality keeps
/// its own number of frames.
///
/// # Errors
/// [`JobError::StepsDiffer`], and the rule that the numbers of one transition break.
pub(crate) fn film_profiles(transitions: &[Transition]) -> Result<Vec<BranchingProfile>, JobError> {
    let trees = transitions.iter().map(|transition| &transition.branching);
    let given = trees.clone().enumerate();
    let mut given = given.filter(|(_, tree)| !matches!(tree, Branching::Preset { .. }));
    let steps = match given.next() {
        None => trees.clone().map(Branching::own_steps).max().unwrap_or(0),
        Some((first, tree)) => {
            let steps = tree.own_steps();
            if let Some((second, tree)) = given.find(|(_, other)| other.own_steps() != steps) {
                return Err(JobError::StepsDiffer {
                    first,
                    steps,
                    second,
                    other: tree.own_steps(),
                });
            }
            steps
        }
    };
    let profiles = trees.map(|tree| tree.profile_of(steps));
    Ok(profiles.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(quality: Quality) -> Transition {
        Transition {
            branching: Branching::Preset {
                quality,
                rule: BranchingRule::Classic,
                depth_strength: 0.4,
            },
            ..Default::default()
        }
    }

    fn autosetup(steps: usize, frames: usize) -> Transition {
        Transition {
            branching: Branching::Autosetup {
                steps,
                frames,
                rule: BranchingRule::Doubling,
                depth_strength: 0.4,
            },
            ..Default::default()
        }
    }

    fn shapes(transitions: &[Transition]) -> Vec<(usize, usize)> {
        let profiles = film_profiles(transitions).unwrap();
        profiles
            .iter()
            .map(|profile| (profile.steps(), profile.frame_count()))
            .collect()
    }

    #[test]
    fn qualities_of_a_film_take_the_finest_ones_steps_and_their_own_frames() {
        let film = [preset(Quality::Lowest), preset(Quality::High)];
        assert_eq!(shapes(&film), [(60, 5), (60, 25)]);
    }

    #[test]
    fn given_steps_also_apply_to_qualities() {
        let film = [preset(Quality::High), autosetup(20, 6)];
        assert_eq!(shapes(&film), [(20, 25), (20, 6)]);
    }

    #[test]
    fn given_steps_that_differ_are_refused() {
        let film = [
            preset(Quality::Low),
            autosetup(20, 6),
            autosetup(20, 9),
            autosetup(21, 6),
        ];
        let error = film_profiles(&film).unwrap_err();
        assert!(error.is_request());
        assert_eq!(
            error.to_string(),
            "a film has one number of steps: transition 2 has 20, transition 4 has 21"
        );
    }
}
