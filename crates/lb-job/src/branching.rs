//! The tree of a transition, as a job describes it.

use lb_schedule::{
    BranchingProfile, BranchingRule, MAX_BRANCHES, Quality, ScheduleError, TransitionSpan,
};

use crate::Frames;

/// The tree of a transition.
#[derive(Clone, PartialEq, Debug)]
pub struct Branching {
    /// The quality, which decides every number that is not given.
    pub quality: Quality,
    /// Inference steps; `None` takes those of the quality.
    pub steps: Option<usize>,
    /// The most pictures of the transition, 2 to [`MAX_BRANCHES`](lb_schedule::MAX_BRANCHES): its
    /// computed frames, and in-betweens. Film frames beyond them are cross-faded. `None` takes those of the
    /// quality.
    pub pictures: Option<Frames>,
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
            pictures: None,
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
            pictures: None,
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
            pictures: None,
            levels: Levels::Manual {
                branch_counts,
                injections,
            },
        }
    }

    /// The given number of steps, or that of the quality.
    pub(crate) fn own_steps(&self) -> usize {
        self.steps.unwrap_or(self.quality.steps(self.rule()))
    }

    /// The rule that decides the numbers of the quality.
    pub(crate) fn rule(&self) -> BranchingRule {
        match self.levels {
            Levels::Automatic { rule, .. } => rule,
            Levels::Manual { .. } => BranchingRule::default(),
        }
    }

    /// The most pictures that a transition with this span has, which are never more than its film frames.
    /// Further film frames are cross-faded. No transition has more than [`MAX_BRANCHES`].
    pub(crate) fn pictures(&self, span: &TransitionSpan) -> usize {
        let of_quality = || self.quality.pictures();
        let pictures = self
            .pictures
            .map_or_else(of_quality, |pictures| pictures.count(span));
        pictures.min(span.intervals() + 1).min(MAX_BRANCHES)
    }

    /// The tree with this number of steps, in a transition with this span.
    pub(crate) fn profile(
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
