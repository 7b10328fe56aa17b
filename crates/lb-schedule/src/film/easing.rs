//! How a transition's motion starts and ends.

use std::f64::consts::{FRAC_PI_2, PI};
use std::fmt;
use std::str::FromStr;

use super::error::TimingError;

/// A curve from time to way: how far a transition has come when a share of its time has passed.
///
/// Every curve leads from 0 to 1 and never turns back. `ease-in` starts slowly, `ease-out` ends
/// slowly, `ease-in-out` does both; sine is the gentlest and cubic the strongest. Names and formulas
/// are those of CSS animation libraries (easings.net); `smooth` is graphics' smoothstep.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Easing {
    /// t: one speed.
    #[default]
    Linear,
    /// 3t² − 2t³.
    Smooth,
    /// 1 − cos(t·π/2).
    EaseInSine,
    /// sin(t·π/2).
    EaseOutSine,
    /// (1 − cos(t·π))/2.
    EaseInOutSine,
    /// t².
    EaseInQuad,
    /// 1 − (1 − t)².
    EaseOutQuad,
    /// 2t², mirrored in the second half.
    EaseInOutQuad,
    /// t³.
    EaseInCubic,
    /// 1 − (1 − t)³.
    EaseOutCubic,
    /// 4t³, mirrored in the second half.
    EaseInOutCubic,
}

impl Easing {
    /// Every curve.
    pub const ALL: [Self; 11] = [
        Self::Linear,
        Self::Smooth,
        Self::EaseInSine,
        Self::EaseOutSine,
        Self::EaseInOutSine,
        Self::EaseInQuad,
        Self::EaseOutQuad,
        Self::EaseInOutQuad,
        Self::EaseInCubic,
        Self::EaseOutCubic,
        Self::EaseInOutCubic,
    ];

    /// The name that [`FromStr`] reads: lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Smooth => "smooth",
            Self::EaseInSine => "ease-in-sine",
            Self::EaseOutSine => "ease-out-sine",
            Self::EaseInOutSine => "ease-in-out-sine",
            Self::EaseInQuad => "ease-in-quad",
            Self::EaseOutQuad => "ease-out-quad",
            Self::EaseInOutQuad => "ease-in-out-quad",
            Self::EaseInCubic => "ease-in-cubic",
            Self::EaseOutCubic => "ease-out-cubic",
            Self::EaseInOutCubic => "ease-in-out-cubic",
        }
    }

    /// All names in one line.
    pub(super) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// The way that lies behind, 0 to 1, when the share `time` of the transition has passed.
    ///
    /// Before 0 and after 1 nothing moves. 0 gives exactly 0, and 1 exactly 1.
    #[must_use]
    pub fn at(self, time: f64) -> f64 {
        if time >= 1.0 {
            // π is not exact in floating point: sines and cosines would miss the end.
            return 1.0;
        }
        let t = time.max(0.0);
        let rest = 1.0 - t;
        match self {
            Self::Linear => t,
            Self::Smooth => t * t * (3.0 - 2.0 * t),
            Self::EaseInSine => 1.0 - libm::cos(t * FRAC_PI_2),
            Self::EaseOutSine => libm::sin(t * FRAC_PI_2),
            Self::EaseInOutSine => 0.5 - 0.5 * libm::cos(t * PI),
            Self::EaseInQuad => t * t,
            Self::EaseOutQuad => 1.0 - rest * rest,
            Self::EaseInOutQuad if t < 0.5 => 2.0 * t * t,
            Self::EaseInOutQuad => 1.0 - 2.0 * rest * rest,
            Self::EaseInCubic => t * t * t,
            Self::EaseOutCubic => 1.0 - rest * rest * rest,
            Self::EaseInOutCubic if t < 0.5 => 4.0 * t * t * t,
            Self::EaseInOutCubic => 1.0 - 4.0 * rest * rest * rest,
        }
    }

    /// The first share of the time at which `way` lies behind, for a `way` of 0 to 1.
    #[must_use]
    pub fn time_of(self, way: f64) -> f64 {
        if way <= 0.0 {
            return 0.0;
        }
        if way >= 1.0 || self == Self::Linear {
            return way.min(1.0);
        }
        let (mut before, mut after) = (0.0, 1.0);
        // As many halvings as a double has bits: nothing lies between the two any more.
        for _ in 0..53 {
            let middle = 0.5 * (before + after);
            if self.at(middle) < way {
                before = middle;
            } else {
                after = middle;
            }
        }
        after
    }
}

impl fmt::Display for Easing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Easing {
    type Err = TimingError;

    /// Reads a curve's [`name`](Self::name), in any case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|easing| easing.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| TimingError::UnknownEasing {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_by_hand() {
        let at = |easing: Easing| [0.25, 0.5, 0.75].map(|time| easing.at(time));
        assert_eq!(at(Easing::Linear), [0.25, 0.5, 0.75]);
        assert_eq!(at(Easing::Smooth), [0.15625, 0.5, 0.84375]);
        assert_eq!(at(Easing::EaseInQuad), [0.0625, 0.25, 0.5625]);
        assert_eq!(at(Easing::EaseOutQuad), [0.4375, 0.75, 0.9375]);
        assert_eq!(at(Easing::EaseInOutQuad), [0.125, 0.5, 0.875]);
        assert_eq!(at(Easing::EaseInCubic), [0.015625, 0.125, 0.421875]);
        assert_eq!(at(Easing::EaseOutCubic), [0.578125, 0.875, 0.984375]);
        assert_eq!(at(Easing::EaseInOutCubic), [0.0625, 0.5, 0.9375]);
        let third = 1.0 / 3.0;
        for (easing, time, way) in [
            (Easing::EaseInSine, 2.0 * third, 0.5),
            (Easing::EaseOutSine, third, 0.5),
            (Easing::EaseInOutSine, third, 0.25),
        ] {
            assert!((easing.at(time) - way).abs() < 1e-15, "{easing}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for easing in Easing::ALL {
            assert_eq!(easing.to_string().parse(), Ok(easing));
            assert_eq!(easing.to_string().to_uppercase().parse(), Ok(easing));
        }
        assert_eq!(
            "bouncy".parse::<Easing>().unwrap_err().to_string(),
            "easing must be one of linear, smooth, ease-in-sine, ease-out-sine, ease-in-out-sine, \
             ease-in-quad, ease-out-quad, ease-in-out-quad, ease-in-cubic, ease-out-cubic, \
             ease-in-out-cubic; got \"bouncy\""
        );
    }
}
