//! The guidance scale along a transition.

use crate::error::ScheduleError;

/// Scales above this overflow the model's range long before they mean anything.
pub(crate) const MAX_GUIDANCE_SCALE: f64 = 100.0;

/// Classifier-free guidance that is damped in the middle of a transition.
///
/// A mixed conditioning belongs to no prompt, and full guidance towards it overdoes the picture.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Guidance {
    /// The guidance scale of the keyframes: 1 (no guidance) to 100. Default 4.
    pub scale: f64,
    /// What is left of the guidance in the middle: 1 keeps it constant, 0 takes it down to a scale
    /// of 1. Default 0.5.
    pub damper: f64,
}

impl Default for Guidance {
    fn default() -> Self {
        Self {
            scale: 4.0,
            damper: 0.5,
        }
    }
}

impl Guidance {
    /// Checks both fields against their ranges.
    ///
    /// # Errors
    /// [`ScheduleError::GuidanceScaleOutOfRange`], [`ScheduleError::GuidanceDamperOutOfRange`].
    pub fn validate(&self) -> Result<(), ScheduleError> {
        if !(1.0..=MAX_GUIDANCE_SCALE).contains(&self.scale) {
            return Err(ScheduleError::GuidanceScaleOutOfRange { value: self.scale });
        }
        if !(0.0..=1.0).contains(&self.damper) {
            return Err(ScheduleError::GuidanceDamperOutOfRange { value: self.damper });
        }
        Ok(())
    }

    /// The guidance scale at a fraction in `[0, 1]`.
    ///
    /// With scale g and damper d: g(f) = g − (g − 1)·(1 − d)·(1 − |2f − 1|). Exactly g at both ends,
    /// and exactly 1 in the middle where the damper is 0.
    pub fn at(&self, fraction: f64) -> f64 {
        // The same curve as a mix of g and 1: this form rounds to neither side at its ends, and a
        // scale of exactly 1 is what spares the unconditional half.
        let kept = 1.0 - (1.0 - self.damper) * (1.0 - (2.0 * fraction - 1.0).abs());
        self.scale * kept + (1.0 - kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_is_halved_in_the_middle() {
        let guidance = Guidance::default();
        assert_eq!(guidance.at(0.0), 4.0);
        assert_eq!(guidance.at(0.25), 3.25);
        assert_eq!(guidance.at(0.5), 2.5);
        assert_eq!(guidance.at(0.75), 3.25);
        assert_eq!(guidance.at(1.0), 4.0);
    }

    #[test]
    fn no_damper_reaches_exactly_one() {
        for scale in [1.0, 1.1, 3.3, 7.5, 99.9] {
            assert_eq!(Guidance { scale, damper: 0.0 }.at(0.5), 1.0);
            assert_eq!(Guidance { scale, damper: 1.0 }.at(0.3), scale);
        }
    }
}
