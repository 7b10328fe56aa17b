//! The presets: their names, and the steps, computed frames and pictures of each.

use crate::error::ScheduleError;
use crate::profile::BranchingProfile;

/// The number of frames in a transition for which the presets of the classic rule were designed. All but
/// the lowest compute a share of them.
const CLASSIC_FRAMES: usize = 100;

crate::choice! {
    /// A preset: how many steps, computed frames and pictures a transition gets.
    #[derive(Default)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
    #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
    #[non_exhaustive]
    pub enum Quality: "quality" {
        /// 8 steps, 8 computed frames, 18 pictures.
        Lowest,
        /// 10 steps, 12 computed frames, 36 pictures.
        Low,
        /// 12 steps, 24 computed frames, 52 pictures.
        #[default]
        Medium,
        /// 16 steps, 32 computed frames, 72 pictures.
        High,
        /// 20 steps, 90 computed frames, 150 pictures.
        Ultra,
    }
}

crate::choice! {
    /// A rule that sets up the levels of a tree. It also decides the steps and frames of the presets.
    #[derive(Default)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
    #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
    #[non_exhaustive]
    pub enum BranchingRule: "branching" {
        /// Branches double from level to level, down to the last steps.
        #[default]
        Doubling,
        /// Levels and presets of the original latent blending.
        Classic,
    }
}

impl Quality {
    /// The inference steps of one full trajectory.
    #[must_use]
    pub const fn steps(self, rule: BranchingRule) -> usize {
        match (rule, self) {
            (BranchingRule::Doubling, Self::Lowest) => 8,
            (BranchingRule::Doubling, Self::Low) => 10,
            (BranchingRule::Doubling, Self::Medium) => 12,
            (BranchingRule::Doubling, Self::High) => 16,
            (BranchingRule::Doubling, Self::Ultra) => 20,
            (BranchingRule::Classic, Self::Lowest) => 12,
            (BranchingRule::Classic, Self::Low) => 15,
            (BranchingRule::Classic, Self::Medium) => 30,
            (BranchingRule::Classic, Self::High) => 60,
            (BranchingRule::Classic, Self::Ultra) => 100,
        }
    }

    /// The computed frames of one transition, both keyframes included.
    #[must_use]
    pub const fn frames(self, rule: BranchingRule) -> usize {
        match (rule, self) {
            (BranchingRule::Doubling, Self::Lowest) => 8,
            (BranchingRule::Doubling, Self::Low) => 12,
            (BranchingRule::Doubling, Self::Medium) => 24,
            (BranchingRule::Doubling, Self::High) => 32,
            (BranchingRule::Doubling, Self::Ultra) => 90,
            (BranchingRule::Classic, Self::Lowest) => 5,
            (BranchingRule::Classic, Self::Low) => CLASSIC_FRAMES / 16,
            (BranchingRule::Classic, Self::Medium) => CLASSIC_FRAMES / 8,
            (BranchingRule::Classic, Self::High) => CLASSIC_FRAMES / 4,
            (BranchingRule::Classic, Self::Ultra) => CLASSIC_FRAMES / 2,
        }
    }

    /// The largest number of pictures of one transition: its computed frames, and in-betweens
    /// that are decoded from the slerp of their latents.
    #[must_use]
    pub const fn pictures(self) -> usize {
        match self {
            Self::Lowest => 18,
            Self::Low => 36,
            Self::Medium => 52,
            Self::High => 72,
            Self::Ultra => 150,
        }
    }
}

impl BranchingRule {
    /// The profile that this rule sets up from steps, computed frames and depth strength.
    ///
    /// # Errors
    /// Those of [`BranchingProfile::doubling`] and [`BranchingProfile::autosetup`].
    pub fn profile(
        self,
        steps: usize,
        frames: usize,
        depth_strength: f64,
    ) -> Result<BranchingProfile, ScheduleError> {
        match self {
            Self::Doubling => BranchingProfile::doubling(steps, frames, depth_strength),
            Self::Classic => BranchingProfile::autosetup(steps, frames, depth_strength),
        }
    }
}

impl BranchingProfile {
    /// The profile of a preset under the default [`BranchingRule`].
    ///
    /// # Errors
    /// [`ScheduleError::DepthStrengthOutOfRange`].
    pub fn preset(quality: Quality, depth_strength: f64) -> Result<Self, ScheduleError> {
        let rule = BranchingRule::default();
        rule.profile(quality.steps(rule), quality.frames(rule), depth_strength)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Choice as _;

    #[test]
    fn each_preset_says_what_it_is() {
        for &quality in Quality::ALL {
            let (rule, pictures) = (BranchingRule::Doubling, quality.pictures());
            let (steps, frames) = (quality.steps(rule), quality.frames(rule));
            let help = format!("{steps} steps, {frames} computed frames, {pictures} pictures.");
            assert_eq!(quality.help(), help);
        }
    }

    #[test]
    fn the_classic_presets_by_hand() {
        let rule = BranchingRule::Classic;
        let numbers = |quality: &Quality| (quality.steps(rule), quality.frames(rule));
        assert_eq!(
            Quality::ALL.iter().map(numbers).collect::<Vec<_>>(),
            [(12, 5), (15, 6), (30, 12), (60, 25), (100, 50)]
        );
    }

    #[test]
    fn presets_cost_no_more_than_they_are_allowed_to() {
        // A decode of a full-size model takes as long as one and a half guided evaluations.
        let cost = |quality: Quality| {
            let profile = BranchingProfile::preset(quality, 0.2).unwrap();
            profile.cost().model_evaluations as f64 + 1.5 * quality.pictures() as f64
        };
        let classic = |quality: Quality| {
            let rule = BranchingRule::Classic;
            let (steps, frames) = (quality.steps(rule), quality.frames(rule));
            let profile = rule.profile(steps, frames, 0.2).unwrap();
            profile.cost().model_evaluations as f64 + 1.5 * frames as f64
        };
        assert!(cost(Quality::Lowest) <= classic(Quality::Lowest));
        assert!(cost(Quality::Medium) <= classic(Quality::Medium));
        assert!(2.0 * cost(Quality::High) <= classic(Quality::High));
        assert!(2.0 * cost(Quality::Ultra) <= classic(Quality::Ultra));
        let ladder: Vec<f64> = Quality::ALL.iter().map(|&quality| cost(quality)).collect();
        assert!(ladder.is_sorted(), "{ladder:?}");
    }
}
