//! How the tree's shape is given.

use lb_schedule::{BranchingProfile, Quality, ScheduleError};

use crate::JobError;
use crate::Transition;

/// How the tree of a transition is given.
#[derive(Clone, PartialEq, Debug)]
pub enum Branching {
    /// A named quality.
    Preset {
        /// Steps and computed frames.
        quality: Quality,
        /// Where the first injection lies, as a share of the steps.
        depth_strength: f64,
    },
    /// Steps and frames; levels are found.
    Autosetup {
        /// Inference steps.
        steps: usize,
        /// Computed frames of a transition, its keyframes among them.
        frames: usize,
        /// Where the first injection lies, as a share of the steps.
        depth_strength: f64,
    },
    /// Every level given.
    Manual {
        /// Inference steps.
        steps: usize,
        /// Branches a level.
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
    /// At these shares of all steps.
    Strengths(Vec<f64>),
}

impl Default for Branching {
    fn default() -> Self {
        Self::Preset {
            quality: Quality::default(),
            depth_strength: Self::DEPTH_STRENGTH,
        }
    }
}

impl Branching {
    /// Depth strength where none is given; the ancestor's documents use 0.4 to 0.5.
    pub const DEPTH_STRENGTH: f64 = 0.4;

    /// The tree of a transition alone.
    ///
    /// # Errors
    /// The rule of [`ScheduleError`] that the numbers break.
    pub fn profile(&self) -> Result<BranchingProfile, ScheduleError> {
        self.profile_of(self.own_steps())
    }

    /// Steps as they are given, or as the quality has them.
    fn own_steps(&self) -> usize {
        match self {
            Self::Preset { quality, .. } => quality.steps(),
            Self::Autosetup { steps, .. } | Self::Manual { steps, .. } => *steps,
        }
    }

    /// The tree with so many steps.
    fn profile_of(&self, steps: usize) -> Result<BranchingProfile, ScheduleError> {
        match self {
            Self::Preset {
                quality,
                depth_strength,
            } => BranchingProfile::autosetup(steps, quality.frames(), *depth_strength),
            Self::Autosetup {
                frames,
                depth_strength,
                ..
            } => BranchingProfile::autosetup(steps, *frames, *depth_strength),
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

/// The trees of a film's transitions, all of as many steps.
///
/// A keyframe's trajectory is shared by the transitions around it, so a film has one number of
/// steps. Where it is given as a number, it is the same in every transition that gives one, and
/// those of a quality take it. Where only qualities are given, the finest one's steps are taken. A
/// quality keeps its own number of frames.
///
/// # Errors
/// [`JobError::StepsDiffer`], and what the numbers of one transition break.
pub(crate) fn film_profiles(transitions: &[Transition]) -> Result<Vec<BranchingProfile>, JobError> {
    let explicit = |transition: &Transition| match &transition.branching {
        Branching::Preset { .. } => None,
        given => Some(given.own_steps()),
    };
    let mut given = transitions.iter().enumerate();
    let first = given.find_map(|(index, transition)| Some((index, explicit(transition)?)));
    if let Some((first, steps)) = first {
        for (index, transition) in given {
            if let Some(other) = explicit(transition)
                && other != steps
            {
                return Err(JobError::StepsDiffer {
                    first,
                    steps,
                    second: index,
                    other,
                });
            }
        }
    }
    let finest = || {
        let qualities = transitions.iter().map(|at| at.branching.own_steps());
        qualities.max().unwrap_or(0)
    };
    let steps = first.map_or_else(finest, |(_, steps)| steps);
    let profiles = transitions
        .iter()
        .map(|transition| transition.branching.profile_of(steps));
    Ok(profiles.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(quality: Quality) -> Transition {
        Transition {
            branching: Branching::Preset {
                quality,
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
    fn steps_that_are_given_hold_for_qualities_too() {
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
