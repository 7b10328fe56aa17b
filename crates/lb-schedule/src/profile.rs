//! The validated shape of a tree: its steps and its levels.

mod autosetup;
mod manual;

use std::ops::Range;

use crate::error::ScheduleError;
use crate::quality::Quality;

/// Most inference steps: the models' noise schedules have this many training timesteps.
pub const MAX_STEPS: usize = 1000;

/// Most branches of a level. Two and a half minutes of film at 60 frames per second without a
/// single cross-fade; anything above is taken for a slip.
pub const MAX_BRANCHES: usize = 10_000;

/// One level of the tree: from which step on, how many branches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Level {
    /// The first denoising step of the level, counted from 0.
    pub injection_step: usize,
    /// How many branches the level holds, those at fraction 0 and 1 included.
    pub branch_count: usize,
}

/// The shape of a transition's tree: inference steps and levels.
///
/// Always valid: 1 to [`MAX_STEPS`] steps; level 0 is two branches from step 0 on; injections and
/// branch counts strictly increase; every injection lies before the last step's end; no level has
/// more than [`MAX_BRANCHES`] branches.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BranchingProfile {
    steps: usize,
    levels: Vec<Level>,
}

impl BranchingProfile {
    /// The profile of a preset: [`autosetup`](Self::autosetup) with its steps and frames.
    ///
    /// # Errors
    /// [`ScheduleError::DepthStrengthOutOfRange`].
    pub fn preset(quality: Quality, depth_strength: f64) -> Result<Self, ScheduleError> {
        Self::autosetup(quality.steps(), quality.frames(), depth_strength)
    }

    /// Inference steps: the model evaluations of one full trajectory.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The levels, from the two keyframes down to the computed frames. Never empty.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// The denoising steps of a level: from its injection to that of the next level, or to the last
    /// step. Empty for a level that does not exist.
    pub fn step_range(&self, level: usize) -> Range<usize> {
        let injection = |level: usize| self.levels.get(level).map(|at| at.injection_step);
        injection(level).unwrap_or(self.steps)..injection(level + 1).unwrap_or(self.steps)
    }

    /// The computed frames of one transition, both keyframes included: the last level's branches.
    pub fn frame_count(&self) -> usize {
        self.levels.last().map_or(0, |level| level.branch_count)
    }
}

fn check_steps(steps: usize) -> Result<(), ScheduleError> {
    if (1..=MAX_STEPS).contains(&steps) {
        Ok(())
    } else {
        Err(ScheduleError::StepsOutOfRange { steps })
    }
}
