//! Crossfeed: how strongly one trajectory is drawn towards another while it is denoised.

use std::ops::Range;

use crate::error::ScheduleError;

/// The crossfeed of a film, which passes structure from one trajectory to another. It is off by default.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Crossfeed {
    /// The crossfeed from each keyframe to the next one in film order: the picture takes on the
    /// structure of the one before.
    pub keyframes: CrossfeedCurve,
    /// The crossfeed from its parents to a branch, which then invents less. If the power is
    /// large (on the bundled model from about 0.3), a branch becomes a double exposure of its parents.
    pub parents: CrossfeedCurve,
}

impl Default for Crossfeed {
    /// No crossfeed, with the ranges and decays that are usual once a power is given.
    fn default() -> Self {
        let off = |range| CrossfeedCurve {
            power: 0.0,
            range,
            decay: 0.8,
        };
        Self {
            keyframes: off(0.6),
            parents: off(0.8),
        }
    }
}

impl Crossfeed {
    /// Crossfeed along these two curves.
    #[must_use]
    pub const fn new(keyframes: CrossfeedCurve, parents: CrossfeedCurve) -> Self {
        Self { keyframes, parents }
    }

    /// Checks both curves.
    ///
    /// # Errors
    /// [`ScheduleError::CrossfeedOutOfRange`].
    pub fn validate(&self) -> Result<(), ScheduleError> {
        self.keyframes.validate("keyframe")?;
        self.parents.validate("parental")
    }
}

/// How strongly one trajectory is drawn to another, step by step.
///
/// The coefficient goes along a straight line from `power` at the first step of the trajectory to
/// `power`·`decay` at the last step of the range. Afterwards it is 0. The first step itself takes
/// nothing over, because a keyframe is still noise there, and a branch already is the mix of its
/// parents.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CrossfeedCurve {
    /// The coefficient at the beginning: 0 turns crossfeed off, and 1 replaces the trajectory by the
    /// other one.
    pub power: f64,
    /// The share of all steps up to which there is crossfeed, 0 to 1. It is rounded to a whole step,
    /// and to the even one of two that are equally near.
    pub range: f64,
    /// The share of the power that is left at the end of the range, 0 to 1.
    pub decay: f64,
}

impl CrossfeedCurve {
    /// A curve with this power, range and decay.
    #[must_use]
    pub const fn new(power: f64, range: f64, decay: f64) -> Self {
        Self {
            power,
            range,
            decay,
        }
    }

    fn validate(&self, which: &'static str) -> Result<(), ScheduleError> {
        let settings = [
            ("power", self.power),
            ("range", self.range),
            ("decay", self.decay),
        ];
        match settings
            .iter()
            .find(|(_, value)| !(0.0..=1.0).contains(value))
        {
            Some(&(setting, value)) => Err(ScheduleError::CrossfeedOutOfRange {
                which,
                setting,
                value,
            }),
            None => Ok(()),
        }
    }

    /// The share of the other trajectory that is taken over before the model evaluation of `step`, on
    /// a trajectory that begins at step `start` of `steps`.
    #[must_use]
    pub fn coefficient(&self, step: usize, start: usize, steps: usize) -> f64 {
        let end = (self.range * steps as f64).round_ties_even() as usize;
        if step <= start || step >= end {
            return 0.0;
        }
        // There are at least two steps from `start` to `end` here, because `step` lies after the first.
        let along = (step - start) as f64 / (end - start - 1) as f64;
        self.power * ((1.0 - along) + along * self.decay)
    }

    /// The steps at which a trajectory that runs through all `steps` takes something over.
    pub fn active_steps(&self, steps: usize) -> impl Iterator<Item = usize> {
        let active = move |&step: &usize| self.coefficient(step, 0, steps) > 0.0;
        Range {
            start: 0,
            end: steps,
        }
        .filter(active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURVE: CrossfeedCurve = CrossfeedCurve {
        power: 0.8,
        range: 0.5,
        decay: 0.5,
    };

    #[test]
    fn it_goes_down_in_a_line_and_ends_with_the_range() {
        // The values are numpy.linspace(0.8, 0.4, 5), whose first one is not used.
        let at = |step| CURVE.coefficient(step, 0, 10);
        let expected = [0.0, 0.7, 0.6, 0.5, 0.4, 0.0, 0.0];
        for (step, expected) in expected.into_iter().enumerate() {
            assert!(
                (at(step) - expected).abs() < 1e-12,
                "step {step}: {}",
                at(step)
            );
        }
        // From step 2 on they are numpy.linspace(0.8, 0.4, 3).
        let later = [2, 3, 4, 5].map(|step| CURVE.coefficient(step, 2, 10));
        assert_eq!(later.map(|c| (c * 10.0).round()), [0.0, 6.0, 4.0, 0.0]);
        assert_eq!(CURVE.active_steps(10).collect::<Vec<_>>(), [1, 2, 3, 4]);
        // Half of 5 steps is rounded to the even 2.
        assert_eq!(CURVE.active_steps(5).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn it_can_be_off_in_three_ways() {
        let off = [
            CrossfeedCurve {
                power: 0.0,
                ..CURVE
            },
            CrossfeedCurve {
                range: 0.0,
                ..CURVE
            },
            CrossfeedCurve {
                range: 0.1,
                ..CURVE
            },
        ];
        for curve in off {
            assert_eq!(curve.active_steps(10).count(), 0, "{curve:?}");
        }
        let none = Crossfeed::default();
        assert_eq!(none.keyframes.active_steps(1000).count(), 0);
        assert_eq!(none.parents.active_steps(1000).count(), 0);
    }

    #[test]
    fn everything_taken_over_is_exactly_one() {
        let (power, range, decay) = (1.0, 1.0, 1.0);
        let curve = CrossfeedCurve {
            power,
            range,
            decay,
        };
        assert!((1..30).all(|step| curve.coefficient(step, 0, 30) == 1.0));
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let wrong = |curve| {
            let crossfeed = Crossfeed {
                parents: curve,
                ..Default::default()
            };
            crossfeed.validate().unwrap_err().to_string()
        };
        assert_eq!(
            wrong(CrossfeedCurve {
                power: 1.5,
                ..CURVE
            }),
            "parental crossfeed power must be 0 to 1, got 1.5"
        );
        assert!(
            wrong(CrossfeedCurve {
                range: -0.1,
                ..CURVE
            })
            .contains("range")
        );
        assert!(
            wrong(CrossfeedCurve {
                decay: f64::NAN,
                ..CURVE
            })
            .contains("decay")
        );
        let keyframes = Crossfeed {
            keyframes: CrossfeedCurve {
                power: 2.0,
                ..CURVE
            },
            ..Default::default()
        };
        let message = keyframes.validate().unwrap_err().to_string();
        assert_eq!(message, "keyframe crossfeed power must be 0 to 1, got 2");
    }
}
