//! The presets: their names, steps and computed frames.

/// The number of frames of which each preset computes a share: a hundredth part of a transition is
/// the unit in which the presets were designed.
const PRESET_FRAMES: usize = 100;

crate::choice! {
    /// A preset: how many steps and computed frames a transition gets.
    #[derive(Default)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
    #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
    #[non_exhaustive]
    pub enum Quality: "quality" {
        /// 12 steps and 5 computed frames.
        Lowest,
        /// 15 steps and 6 computed frames.
        Low,
        /// 30 steps and 12 computed frames.
        #[default]
        Medium,
        /// 60 steps and 25 computed frames.
        High,
        /// 100 steps and 50 computed frames.
        Ultra,
    }
}

impl Quality {
    /// The inference steps of one full trajectory.
    #[must_use]
    pub const fn steps(self) -> usize {
        match self {
            Self::Lowest => 12,
            Self::Low => 15,
            Self::Medium => 30,
            Self::High => 60,
            Self::Ultra => 100,
        }
    }

    /// The computed frames of one transition, both keyframes included.
    #[must_use]
    pub const fn frames(self) -> usize {
        match self {
            Self::Lowest => 5,
            Self::Low => PRESET_FRAMES / 16,
            Self::Medium => PRESET_FRAMES / 8,
            Self::High => PRESET_FRAMES / 4,
            Self::Ultra => PRESET_FRAMES / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Choice as _;

    #[test]
    fn each_preset_says_what_it_is() {
        for &quality in Quality::ALL {
            assert_eq!(
                quality.help(),
                format!(
                    "{} steps and {} computed frames.",
                    quality.steps(),
                    quality.frames()
                )
            );
        }
    }

    #[test]
    fn steps_and_frames_by_hand() {
        let numbers = |quality: &Quality| (quality.steps(), quality.frames());
        assert_eq!(
            Quality::ALL.iter().map(numbers).collect::<Vec<_>>(),
            [(12, 5), (15, 6), (30, 12), (60, 25), (100, 50)]
        );
    }
}
