//! Pace: how fast a transition moves at each moment of its time.

use crate::error::ScheduleError;

/// How the way of a transition is divided over its time, before easing.
///
/// A curve that leads from 0 to 1 and never falls, along lines between values at equal distances in time. The
/// default has one speed.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Vec<f64>", into = "Vec<f64>"))]
pub struct Pace {
    ways: Vec<f64>,
}

impl Pace {
    /// The most values that a pace may have.
    pub const MOST_VALUES: usize = 1000;

    /// One speed throughout.
    pub const EVEN: Self = Self { ways: Vec::new() };

    /// The pace that has covered the share `ways[k]` of the way, 0 to 1, when (k + 1)/n of the time has passed,
    /// where n is the number of values. Without values, it has one speed.
    ///
    /// # Errors
    /// [`ScheduleError::Pace`] for more than [`Self::MOST_VALUES`] values, for values that fall or are not
    /// from 0 to 1, and for a last value other than 1.
    pub fn new(ways: Vec<f64>) -> Result<Self, ScheduleError> {
        let rises = ways.windows(2).all(|pair| pair[0] <= pair[1]);
        let in_range = ways.iter().all(|way| (0.0..=1.0).contains(way));
        let arrives = ways.last().is_none_or(|&last| last == 1.0);
        match rises && in_range && arrives && ways.len() <= Self::MOST_VALUES {
            true => Ok(Self { ways }),
            false => Err(ScheduleError::Pace { found: ways.len() }),
        }
    }

    /// The shares of the way at equal distances in time; empty for one speed.
    #[must_use]
    pub fn ways(&self) -> &[f64] {
        &self.ways
    }

    /// Whether there is one speed throughout because nothing else was given.
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.ways.is_empty()
    }

    /// The share of the way, 0 to 1, that is covered when the share `time` of the time has passed.
    #[must_use]
    pub fn at(&self, time: f64) -> f64 {
        let time = time.clamp(0.0, 1.0);
        let count = self.ways.len();
        if count == 0 {
            return time;
        }
        let place = time * count as f64;
        let index = (place as usize).min(count - 1);
        let before = match index {
            0 => 0.0,
            _ => self.ways[index - 1],
        };
        let share = (place - index as f64).clamp(0.0, 1.0);
        before + share * (self.ways[index] - before)
    }
}

impl TryFrom<Vec<f64>> for Pace {
    type Error = ScheduleError;

    fn try_from(ways: Vec<f64>) -> Result<Self, ScheduleError> {
        Self::new(ways)
    }
}

impl From<Pace> for Vec<f64> {
    fn from(pace: Pace) -> Self {
        pace.ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_by_hand() {
        let pace = Pace::new(vec![0.5, 0.5, 0.7, 1.0]).unwrap();
        let times = [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 1.0, 2.0];
        let ways = [0.0, 0.25, 0.5, 0.5, 0.5, 0.6, 0.7, 1.0, 1.0];
        for (time, way) in times.into_iter().zip(ways) {
            assert!((pace.at(time) - way).abs() < 1e-12, "{time}");
        }
        assert_eq!(Pace::EVEN.at(0.3), 0.3);
    }

    #[test]
    fn curves_that_fall_or_do_not_arrive_are_refused() {
        for wrong in [
            vec![0.5],
            vec![0.6, 0.5, 1.0],
            vec![-0.1, 1.0],
            vec![0.5, 1.1],
            vec![f64::NAN, 1.0],
            vec![1.0; Pace::MOST_VALUES + 1],
        ] {
            assert!(Pace::new(wrong.clone()).is_err(), "{wrong:?}");
        }
        assert!(Pace::new(vec![1.0]).is_ok());
    }
}
