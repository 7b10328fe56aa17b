//! The branching profile: the validated shape of a tree, that is its steps and levels.

mod autosetup;
mod doubling;
mod manual;

use std::ops::Range;

use crate::error::ScheduleError;
use crate::limits::{MAX_BRANCHES, MAX_STEPS};

/// The shape of one level of the tree: where it starts, and how many branches it has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Level {
    /// The first denoising step of the level, counted from 0.
    pub injection_step: usize,
    /// The number of branches, those at fractions 0 and 1 included.
    pub branch_count: usize,
}

/// The shape of a transition's tree: its inference steps and levels.
///
/// A profile is always valid. It has 1 to [`MAX_STEPS`] steps. Level 0 has two branches and starts at
/// step 0. Injections and branch counts strictly increase from level to level, every injection is one
/// of the steps, and no level has more than [`MAX_BRANCHES`] branches. With a single step there may be one
/// level after level 0, which starts at step 0 too: its branches start from mixtures of the keyframes'
/// noise.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "UncheckedProfile"))]
pub struct BranchingProfile {
    steps: usize,
    levels: Vec<Level>,
}

#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedProfile {
    steps: usize,
    levels: Vec<Level>,
}

#[cfg(feature = "serde")]
impl TryFrom<UncheckedProfile> for BranchingProfile {
    type Error = ScheduleError;

    fn try_from(profile: UncheckedProfile) -> Result<Self, Self::Error> {
        let levels = profile.levels.iter();
        let (counts, injections): (Vec<usize>, Vec<usize>) = levels
            .map(|level| (level.branch_count, level.injection_step))
            .unzip();
        Self::manual(profile.steps, &counts, &injections)
    }
}

impl BranchingProfile {
    /// The inference steps, which are also the model evaluations of one full trajectory.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The levels, from the two keyframes down to the computed frames. There is at least one.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// The denoising steps of a level: from its injection to that of the next level, or to the last
    /// step. The range is empty for a level that does not exist.
    #[must_use]
    pub fn step_range(&self, level: usize) -> Range<usize> {
        let injection = |level: usize| self.levels.get(level).map(|at| at.injection_step);
        injection(level).unwrap_or(self.steps)..injection(level + 1).unwrap_or(self.steps)
    }

    /// The number of computed frames of one transition, both keyframes included. They are the branches
    /// of the last level.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.levels.last().map_or(0, |level| level.branch_count)
    }
}

/// Validates the numbers from which a rule sets up a profile.
fn validate_numbers(steps: usize, frames: usize, depth_strength: f64) -> Result<(), ScheduleError> {
    validate_steps(steps)?;
    if !(2..=MAX_BRANCHES).contains(&frames) {
        return Err(ScheduleError::FramesOutOfRange { frames });
    }
    if !(0.0..=1.0).contains(&depth_strength) {
        let value = depth_strength;
        return Err(ScheduleError::DepthStrengthOutOfRange { value });
    }
    Ok(())
}

fn validate_steps(steps: usize) -> Result<(), ScheduleError> {
    if (1..=MAX_STEPS).contains(&steps) {
        Ok(())
    } else {
        Err(ScheduleError::StepsOutOfRange { steps })
    }
}
