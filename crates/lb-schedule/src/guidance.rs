//! Guidance: the guidance scale along a transition, and how far its contrast is taken back.

use std::fmt;
use std::str::FromStr;

use crate::error::ScheduleError;
use crate::limits::{MAX_GUIDANCE_SCALE, MAX_STEPS};

/// Classifier-free guidance that is damped in the middle of a transition.
///
/// The conditioning there is a mix of two prompts, and full guidance towards it exaggerates the picture.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Guidance {
    /// The guidance scale of the keyframes: 1 (no guidance) to 100. The default is 4.
    pub scale: f64,
    /// The share of the guidance that is left in the middle: 1 keeps the scale constant, and 0 takes
    /// it down to 1. The default is 0.5.
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
    /// Guidance with this scale at the keyframes and this damper in the middle.
    #[must_use]
    pub const fn new(scale: f64, damper: f64) -> Self {
        Self { scale, damper }
    }

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
    /// With scale g and damper d it is g − (g − 1)·(1 − d)·(1 − |2f − 1|). That is exactly g at both
    /// ends, and exactly 1 in the middle if the damper is 0.
    pub fn at(&self, fraction: f64) -> f64 {
        // The curve is written as a mix of g and 1, which is not rounded at its ends. A scale of
        // exactly 1 needs no prediction for the negative conditioning.
        let kept = 1.0 - (1.0 - self.damper) * (1.0 - (2.0 * fraction - 1.0).abs());
        self.scale * kept + (1.0 - kept)
    }
}

/// The guidance scale at a `fraction` in `[0, 1]` of a transition between keyframes of different
/// guidance scales.
///
/// `scales` are those of the left and the right keyframe, each 1 to 100, and `damper` is
/// [`Guidance::damper`]. The scale goes along the straight line from the left one to the right one,
/// (1 − f)·left + f·right, and is then damped by [`Guidance::at`]. Equal scales are taken as they
/// are: rounding would turn a scale of exactly 1, which needs no prediction for the negative
/// conditioning, into one that does.
#[must_use]
pub fn guidance_scale_between(scales: [f64; 2], damper: f64, fraction: f64) -> f64 {
    let [left, right] = scales;
    let scale = if left == right {
        left
    } else {
        (1.0 - fraction) * left + fraction * right
    };
    Guidance { scale, damper }.at(fraction)
}

/// How far the standard deviation that guidance gives to a model's output is taken back, from 0 (not at all) to 1
/// (to that of the output for the conditioning alone), separately for every branch at every step.
///
/// Guidance increases the deviation, which overexposes pictures of models that begin with pure noise (zero terminal
/// SNR); their authors recommend 0.7 ([Lin et al. 2023](https://arxiv.org/abs/2305.08891)). It applies to the model's
/// output, whatever the model predicts. A branch without guidance has nothing to take back.
///
/// ```
/// use lb_schedule::GuidanceRescale;
///
/// assert_eq!(GuidanceRescale::new(0.7).unwrap().value(), 0.7);
/// assert_eq!("0.7".parse(), GuidanceRescale::new(0.7).map_err(|error| error.to_string()));
/// assert!(GuidanceRescale::new(1.1).is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "f64", into = "f64"))]
pub struct GuidanceRescale(f64);

impl GuidanceRescale {
    /// The output stays as guidance makes it.
    pub const OFF: Self = Self(0.0);

    /// A guidance rescale of 0 to 1.
    ///
    /// # Errors
    /// [`ScheduleError::GuidanceRescaleOutOfRange`].
    pub fn new(value: f64) -> Result<Self, ScheduleError> {
        match (0.0..=1.0).contains(&value) {
            true => Ok(Self(value)),
            false => Err(ScheduleError::GuidanceRescaleOutOfRange { value }),
        }
    }

    /// The share that is taken back, 0 to 1.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for GuidanceRescale {
    type Error = ScheduleError;

    fn try_from(value: f64) -> Result<Self, Self::Error> {
        Self::new(value)
    }
}

impl From<GuidanceRescale> for f64 {
    fn from(rescale: GuidanceRescale) -> Self {
        rescale.value()
    }
}

impl FromStr for GuidanceRescale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let value = text
            .trim()
            .parse()
            .map_err(|_| format!("{text:?} is not a number"))?;
        Self::new(value).map_err(|error| error.to_string())
    }
}

impl fmt::Display for GuidanceRescale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Checks the number of steps from one computation of the difference that guidance makes to the next, which is 1
/// to [`MAX_STEPS`].
///
/// # Errors
/// [`ScheduleError::GuidanceEveryOutOfRange`].
pub fn validate_guidance_every(value: usize) -> Result<(), ScheduleError> {
    match (1..=MAX_STEPS).contains(&value) {
        true => Ok(()),
        false => Err(ScheduleError::GuidanceEveryOutOfRange { value }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rescale_out_of_range_is_refused() {
        for value in [-0.1, 1.5, f64::NAN, f64::INFINITY] {
            let refused = GuidanceRescale::new(value).unwrap_err().to_string();
            assert!(refused.contains(&format!("got {value}")), "{refused}");
            assert!(value.to_string().parse::<GuidanceRescale>().is_err());
        }
        assert!("much".parse::<GuidanceRescale>().is_err());
        assert_eq!(GuidanceRescale::default(), GuidanceRescale::OFF);
    }

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

    #[test]
    fn between_two_scales_it_goes_along_the_line_and_is_damped() {
        let at = guidance_scale_between;
        assert_eq!(at([2.0, 6.0], 1.0, 0.25), 3.0);
        // Half of what is above 1 is left in the middle, and three quarters half-way to it.
        assert_eq!(at([2.0, 6.0], 0.5, 0.5), 2.5);
        assert_eq!(at([2.0, 6.0], 0.5, 0.25), 2.5);
        for fraction in [0.1, 0.3, 0.7] {
            assert_eq!(at([3.3, 3.3], 1.0, fraction), 3.3);
            assert_eq!(at([1.0, 1.0], 0.0, fraction), 1.0);
        }
    }
}
