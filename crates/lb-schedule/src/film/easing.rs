//! Easing: how the motion of a transition starts and ends.

use std::f64::consts::{FRAC_PI_2, PI};

crate::choice! {
    /// A curve that says how far a transition has come when a share of its time has passed.
    ///
    /// Every curve leads from 0 to 1 and never turns back. `ease-in` starts slowly, `ease-out` ends
    /// slowly and `ease-in-out` does both; sine is the gentlest and cubic the strongest. Names and
    /// formulas are those of CSS animation libraries (easings.net); `smooth` is the smoothstep of
    /// computer graphics. The formulas below give the share of the way from the share t of the time.
    #[derive(Default)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
    #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
    #[non_exhaustive]
    pub enum Easing: "easing" {
        /// Moves at one speed throughout: t.
        #[default]
        Linear,
        /// Starts and ends slowly: 3t² − 2t³.
        Smooth,
        /// Starts slowly, gently: 1 − cos(t·π/2).
        EaseInSine,
        /// Ends slowly, gently: sin(t·π/2).
        EaseOutSine,
        /// Starts and ends slowly, gently: (1 − cos(t·π))/2.
        EaseInOutSine,
        /// Starts slowly: t².
        EaseInQuad,
        /// Ends slowly: 1 − (1 − t)².
        EaseOutQuad,
        /// Starts and ends slowly: 2t², mirrored in the second half.
        EaseInOutQuad,
        /// Starts slowly, strongly: t³.
        EaseInCubic,
        /// Ends slowly, strongly: 1 − (1 − t)³.
        EaseOutCubic,
        /// Starts and ends slowly, strongly: 4t³, mirrored in the second half.
        EaseInOutCubic,
    }
}

impl Easing {
    /// The share of the way, 0 to 1, that is covered when the share `time` of the time has passed.
    ///
    /// Before 0 and after 1 nothing moves. The curve is exactly 0 at 0 and exactly 1 at 1.
    #[must_use]
    pub fn at(self, time: f64) -> f64 {
        if time >= 1.0 {
            // π is not exact in floating point, so sines and cosines would miss the end.
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

    /// Whether the curve ends as it begins: the way that is left is the same curve, seen from the end.
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        match self {
            Self::Linear
            | Self::Smooth
            | Self::EaseInOutSine
            | Self::EaseInOutQuad
            | Self::EaseInOutCubic => true,
            Self::EaseInSine
            | Self::EaseOutSine
            | Self::EaseInQuad
            | Self::EaseOutQuad
            | Self::EaseInCubic
            | Self::EaseOutCubic => false,
        }
    }

    /// The first share of the time at which the share `way` of the way, 0 to 1, is covered.
    #[must_use]
    pub fn time_of(self, way: f64) -> f64 {
        if way <= 0.0 {
            return 0.0;
        }
        if way >= 1.0 || self == Self::Linear {
            return way.min(1.0);
        }
        let (mut before, mut after) = (0.0, 1.0);
        // A double has 53 significant bits: after as many halvings nothing lies between the two.
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
}
