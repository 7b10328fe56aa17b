//! What is said about crossfeed.

use lb_schedule::{Crossfeed, CrossfeedCurve};

/// What is said about crossfeed; see [`Crossfeed`].
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct CrossfeedSettings {
    /// See [`Crossfeed::keyframes`].
    pub keyframes: CurveSettings,
    /// See [`Crossfeed::parents`].
    pub parents: CurveSettings,
}

/// What is said about a curve; see [`CrossfeedCurve`].
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct CurveSettings {
    /// See [`CrossfeedCurve::power`].
    pub power: Option<f64>,
    /// See [`CrossfeedCurve::range`].
    pub range: Option<f64>,
    /// See [`CrossfeedCurve::decay`].
    pub decay: Option<f64>,
}

impl CrossfeedSettings {
    pub(super) fn over(self, lower: Self) -> Self {
        Self {
            keyframes: self.keyframes.over(lower.keyframes),
            parents: self.parents.over(lower.parents),
        }
    }

    pub(super) fn resolve(self) -> Crossfeed {
        let default = Crossfeed::default();
        Crossfeed::new(
            self.keyframes.resolve(default.keyframes),
            self.parents.resolve(default.parents),
        )
    }
}

impl CurveSettings {
    fn over(self, lower: Self) -> Self {
        Self {
            power: self.power.or(lower.power),
            range: self.range.or(lower.range),
            decay: self.decay.or(lower.decay),
        }
    }

    fn resolve(self, default: CrossfeedCurve) -> CrossfeedCurve {
        CrossfeedCurve {
            power: self.power.unwrap_or(default.power),
            range: self.range.unwrap_or(default.range),
            decay: self.decay.unwrap_or(default.decay),
        }
    }
}
