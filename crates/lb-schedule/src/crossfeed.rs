//! How much of its neighbours' trajectories a branch takes over while it is denoised.

use std::ops::Range;

use crate::error::ScheduleError;

/// Crossfeed of a film: structure handed on between trajectories that would otherwise only share
/// where they start. Off by default.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Crossfeed {
    /// From each keyframe to the next one in film order: its picture takes on the structure of the
    /// one before.
    pub keyframes: CrossfeedCurve,
    /// From a branch's parents to the branch: it invents less. With much power (on the bundled model
    /// from about 0.3) it becomes the double exposure of its parents.
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
/// The coefficient goes in a line from `power`, at the first step of the trajectory, to
/// `power`·`decay`, at the last step of the range; afterwards it is 0. The first step itself takes
/// nothing over: there a keyframe is noise of its own, and a branch is the mix of its parents
/// already.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CrossfeedCurve {
    /// The coefficient at the beginning: 0 (off) to 1 (the other trajectory takes its place).
    pub power: f64,
    /// Up to which share of all steps there is crossfeed, 0 to 1. Rounded half to even.
    pub range: f64,
    /// What is left of the power at the end of the range, 0 to 1.
    pub decay: f64,
}

impl CrossfeedCurve {
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

    /// How much is taken over before the model is asked at `step`, on a trajectory that begins at
    /// step `start` of `steps`. 0 is nothing.
    pub fn coefficient(&self, step: usize, start: usize, steps: usize) -> f64 {
        let end = (self.range * steps as f64).round_ties_even() as usize;
        if step <= start || step >= end {
            return 0.0;
        }
        // The range has at least two steps, or none would be both in it and after its first.
        let along = (step - start) as f64 / (end - start - 1) as f64;
        self.power * ((1.0 - along) + along * self.decay)
    }

    /// The steps at which something is taken over by a trajectory of all `steps`.
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
        // numpy.linspace(0.8, 0.4, 5), of which the first is not used.
        let at = |step| CURVE.coefficient(step, 0, 10);
        let expected = [0.0, 0.7, 0.6, 0.5, 0.4, 0.0, 0.0];
        for (step, expected) in expected.into_iter().enumerate() {
            assert!(
                (at(step) - expected).abs() < 1e-12,
                "step {step}: {}",
                at(step)
            );
        }
        // From step 2 on, numpy.linspace(0.8, 0.4, 3).
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
