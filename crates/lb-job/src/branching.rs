//! The tree of a transition, as a job describes it.

use lb_schedule::{BranchingProfile, BranchingRule, Quality, ScheduleError, TransitionSpan};

use crate::{Frames, JobError, Transition};

/// The tree of a transition.
#[derive(Clone, PartialEq, Debug)]
pub struct Branching {
    /// The quality, which decides every number that is not given.
    pub quality: Quality,
    /// Inference steps; `None` takes those of the quality.
    pub steps: Option<usize>,
    /// The levels of the tree.
    pub levels: Levels,
}

/// How the levels of a tree are given.
#[derive(Clone, PartialEq, Debug)]
pub enum Levels {
    /// By a rule that sets them up.
    Automatic {
        /// The rule, which also decides the numbers of the quality.
        rule: BranchingRule,
        /// Computed frames of the transition; `None` takes those of the quality.
        frames: Option<Frames>,
        /// Where the first injection lies, as a share of the steps.
        depth_strength: f64,
    },
    /// One by one.
    Manual {
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
    /// The tree of a quality under the default rule.
    #[must_use]
    pub fn preset(quality: Quality, depth_strength: f64) -> Self {
        Self {
            quality,
            steps: None,
            levels: Levels::Automatic {
                rule: BranchingRule::default(),
                frames: None,
                depth_strength,
            },
        }
    }

    /// The tree that the default rule sets up for this many steps and computed frames.
    #[must_use]
    pub fn automatic(steps: usize, frames: Frames, depth_strength: f64) -> Self {
        Self {
            quality: Quality::default(),
            steps: Some(steps),
            levels: Levels::Automatic {
                rule: BranchingRule::default(),
                frames: Some(frames),
                depth_strength,
            },
        }
    }

    /// A tree whose levels are given one by one.
    #[must_use]
    pub fn manual(steps: usize, branch_counts: Vec<usize>, injections: Injections) -> Self {
        Self {
            quality: Quality::default(),
            steps: Some(steps),
            levels: Levels::Manual {
                branch_counts,
                injections,
            },
        }
    }

    /// The given number of steps, or that of the quality.
    fn own_steps(&self) -> usize {
        let rule = match self.levels {
            Levels::Automatic { rule, .. } => rule,
            Levels::Manual { .. } => BranchingRule::default(),
        };
        self.steps.unwrap_or(self.quality.steps(rule))
    }

    /// The most pictures that the transition has beside film frames that are cross-faded: those of the
    /// quality.
    #[must_use]
    pub fn pictures(&self) -> usize {
        self.quality.pictures()
    }

    /// The tree with this number of steps, in a transition with this span.
    fn profile(
        &self,
        steps: usize,
        span: &TransitionSpan,
    ) -> Result<BranchingProfile, ScheduleError> {
        match &self.levels {
            Levels::Automatic {
                rule,
                frames,
                depth_strength,
            } => {
                let of_quality = || self.quality.frames(*rule);
                let frames = frames.map_or_else(of_quality, |frames| frames.count(span));
                rule.profile(steps, frames, *depth_strength)
            }
            Levels::Manual {
                branch_counts,
                injections: Injections::Steps(at),
            } => BranchingProfile::manual(steps, branch_counts, at),
            Levels::Manual {
                branch_counts,
                injections: Injections::Strengths(at),
            } => BranchingProfile::manual_strengths(steps, branch_counts, at),
        }
    }
}

/// The number of steps of a film; see [`film_profiles`].
///
/// # Errors
/// [`JobError::StepsDiffer`].
pub(crate) fn film_steps(transitions: &[Transition]) -> Result<usize, JobError> {
    let trees = transitions.iter().map(|transition| &transition.branching);
    let given = trees.clone().enumerate();
    let mut given = given.filter_map(|(index, tree)| Some((index, tree.steps?)));
    let Some((first, steps)) = given.next() else {
        return Ok(trees.map(Branching::own_steps).max().unwrap_or(0));
    };
    match given.find(|&(_, other)| other != steps) {
        None => Ok(steps),
        Some((second, other)) => Err(JobError::StepsDiffer {
            first,
            steps,
            second,
            other,
        }),
    }
}

/// The trees of a film's transitions, which all have the same number of steps.
///
/// A keyframe's trajectory is shared by the transitions around it, so a film has one number of
/// steps. All transitions that give a number must give the same one, and the others use it too. If no
/// transition gives a number, the finest quality sets it. Each quality keeps its own number of frames.
///
/// # Errors
/// [`JobError::StepsDiffer`], and the rule that the numbers of one transition break.
pub(crate) fn film_profiles(
    transitions: &[Transition],
    spans: &[TransitionSpan],
) -> Result<Vec<BranchingProfile>, JobError> {
    let steps = film_steps(transitions)?;
    let trees = transitions.iter().map(|transition| &transition.branching);
    let profiles = trees
        .zip(spans)
        .map(|(tree, span)| tree.profile(steps, span));
    Ok(profiles.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use lb_schedule::{FilmTiming, FrameRate, Timeline};

    use super::*;

    fn transition(branching: Branching) -> Transition {
        Transition {
            branching,
            ..Default::default()
        }
    }

    fn preset(quality: Quality) -> Transition {
        transition(Branching {
            levels: Levels::Automatic {
                rule: BranchingRule::Classic,
                frames: None,
                depth_strength: 0.4,
            },
            ..Branching::preset(quality, 0.4)
        })
    }

    fn automatic(steps: usize, frames: usize) -> Transition {
        transition(Branching::automatic(steps, Frames::Number(frames), 0.4))
    }

    fn profiles(transitions: &[Transition]) -> Result<Vec<BranchingProfile>, JobError> {
        let timing = FilmTiming::uniform(FrameRate::default(), 3.0, transitions.len() + 1);
        film_profiles(transitions, Timeline::new(&timing).unwrap().transitions())
    }

    fn shapes(transitions: &[Transition]) -> Vec<(usize, usize)> {
        let profiles = profiles(transitions).unwrap();
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
        let film = [preset(Quality::High), automatic(20, 6)];
        assert_eq!(shapes(&film), [(20, 25), (20, 6)]);
    }

    #[test]
    fn numbers_that_are_not_given_are_those_of_the_quality() {
        let mut steps = Branching::preset(Quality::High, 0.2);
        steps.steps = Some(30);
        assert_eq!(shapes(&[transition(steps)]), [(30, 32)]);
        let mut frames = Branching::automatic(0, Frames::Number(90), 0.2);
        frames.steps = None;
        assert_eq!(shapes(&[transition(frames)]), [(12, 90)]);
        let strengths = Injections::Strengths(vec![0.0, 0.5]);
        let mut manual = Branching::manual(0, vec![2, 7], strengths);
        (manual.quality, manual.steps) = (Quality::Ultra, None);
        assert_eq!(shapes(&[transition(manual)]), [(20, 7)]);
    }

    #[test]
    fn shares_of_the_film_depend_on_the_transition() {
        let film = transition(Branching::automatic(12, Frames::FILM, 0.2));
        assert_eq!(shapes(&[film.clone(), film]), [(12, 90), (12, 91)]);
    }

    #[test]
    fn given_steps_that_differ_are_refused() {
        let film = [
            preset(Quality::Low),
            automatic(20, 6),
            automatic(20, 9),
            automatic(21, 6),
        ];
        let error = profiles(&film).unwrap_err();
        assert!(error.is_request());
        assert_eq!(
            error.to_string(),
            "a film has one number of steps: transition 2 has 20, transition 4 has 21"
        );
    }
}
