//! The presets' names, steps and frames.

use std::fmt;
use std::str::FromStr;

use crate::error::ScheduleError;

/// The frames a transition was thought to be cut into when the presets were made: a preset computes
/// a share of them.
const PRESET_FRAMES: usize = 100;

/// A preset: how many steps and computed frames a transition gets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Quality {
    /// 12 steps, 5 computed frames.
    Lowest,
    /// 15 steps, 6 computed frames.
    Low,
    /// 30 steps, 12 computed frames.
    #[default]
    Medium,
    /// 60 steps, 25 computed frames.
    High,
    /// 100 steps, 50 computed frames.
    Ultra,
}

impl Quality {
    /// Every preset, from the cheapest to the dearest.
    pub const ALL: [Self; 5] = [
        Self::Lowest,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Ultra,
    ];

    /// The inference steps of one full trajectory.
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
    pub const fn frames(self) -> usize {
        match self {
            Self::Lowest => 5,
            Self::Low => PRESET_FRAMES / 16,
            Self::Medium => PRESET_FRAMES / 8,
            Self::High => PRESET_FRAMES / 4,
            Self::Ultra => PRESET_FRAMES / 2,
        }
    }

    /// The name that [`FromStr`] reads: lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lowest => "lowest",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Ultra => "ultra",
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Quality {
    type Err = ScheduleError;

    /// Reads a preset's [`name`](Self::name), in any case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|quality| quality.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| ScheduleError::UnknownQuality {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for quality in Quality::ALL {
            assert_eq!(quality.to_string().parse(), Ok(quality));
            assert_eq!(quality.to_string().to_uppercase().parse(), Ok(quality));
        }
        let error = "best".parse::<Quality>().unwrap_err().to_string();
        assert_eq!(
            error,
            "quality must be lowest, low, medium, high or ultra, got \"best\""
        );
    }

    #[test]
    fn frames_are_shares_of_a_hundred() {
        let frames = Quality::ALL.map(Quality::frames);
        assert_eq!(frames, [5, 6, 12, 25, 50]);
        let steps = Quality::ALL.map(Quality::steps);
        assert_eq!(steps, [12, 15, 30, 60, 100]);
    }
}
