//! The numbers of [`Statistics`] by name: which of two is better, and which ones are required.

use crate::measurement::Measurement;
use crate::statistics::Statistics;

/// One of the numbers that are measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Quantity {
    /// The mean distance between neighbouring frames.
    Distance,
    /// The coefficient of variation of these distances.
    Variation,
    /// The peak ratio of these distances.
    Peak,
    /// The directness.
    Directness,
    /// The least high-frequency retention.
    LeastRetention,
    /// The mean high-frequency retention.
    MeanRetention,
    /// The largest high-frequency retention.
    MostRetention,
    /// The mean blend residual.
    MeanResidual,
    /// The largest blend residual.
    MostResidual,
    /// The largest drift of the background.
    Drift,
    /// The largest spread of the background.
    Spread,
}

impl Quantity {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::Distance,
        Self::Variation,
        Self::Peak,
        Self::Directness,
        Self::LeastRetention,
        Self::MeanRetention,
        Self::MostRetention,
        Self::MeanResidual,
        Self::MostResidual,
        Self::Drift,
        Self::Spread,
    ];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Distance => "mean distance",
            Self::Variation => "variation",
            Self::Peak => "peak ratio",
            Self::Directness => "directness",
            Self::LeastRetention => "least retention",
            Self::MeanRetention => "mean retention",
            Self::MostRetention => "most retention",
            Self::MeanResidual => "mean residual",
            Self::MostResidual => "most residual",
            Self::Drift => "background drift",
            Self::Spread => "background spread",
        }
    }

    /// Its value, if it was measured.
    #[must_use]
    pub fn of(self, statistics: &Statistics) -> Option<f64> {
        self.found(statistics).map(|(value, _)| value)
    }

    /// The frame that has this value, unless it is about all frames.
    #[must_use]
    pub fn frame(self, statistics: &Statistics) -> Option<usize> {
        self.found(statistics).and_then(|(_, frame)| frame)
    }

    /// Its value, and the frame that has it.
    fn found(self, statistics: &Statistics) -> Option<(f64, Option<usize>)> {
        let Statistics {
            retention,
            residual,
            background,
            ..
        } = statistics;
        match self {
            Self::Distance => Some((statistics.mean_distance, None)),
            Self::Variation => Some((statistics.coefficient_of_variation, None)),
            Self::Peak => Some((statistics.peak_ratio, Some(statistics.peak_frame))),
            Self::Directness => Some((statistics.directness, None)),
            Self::LeastRetention => retention.map(|of| (of.least, Some(of.least_frame))),
            Self::MeanRetention => retention.map(|of| (of.mean, None)),
            Self::MostRetention => retention.map(|of| (of.most, Some(of.most_frame))),
            Self::MeanResidual => residual.map(|of| (of.mean, None)),
            Self::MostResidual => residual.map(|of| (of.most, Some(of.most_frame))),
            Self::Drift => background.map(|of| (of.drift, Some(of.drift_frame))),
            Self::Spread => background.map(|of| (of.spread, Some(of.spread_frame))),
        }
    }

    /// How far a value is from the best one; less is better. Neither a large distance nor a direct path is
    /// good or bad by itself.
    #[must_use]
    pub fn fault(self, value: f64) -> Option<f64> {
        match self {
            Self::Distance | Self::Directness => None,
            Self::Variation | Self::Peak | Self::Drift | Self::Spread => Some(value),
            // Half of the detail is as far from 1 as twice of it.
            Self::LeastRetention | Self::MeanRetention | Self::MostRetention => {
                Some(value.ln().abs())
            }
            Self::MeanResidual | Self::MostResidual => Some(-value),
        }
    }
}

/// A rule that a film must keep in every transition.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Requirement {
    /// What is limited.
    pub quantity: Quantity,
    /// The value that is still allowed.
    pub limit: f64,
    /// Whether the limit is the largest allowed value, or else the least.
    pub at_most: bool,
}

/// Where a film breaks a [`Requirement`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Breach {
    /// The transition, counted from 0.
    pub transition: usize,
    /// What was measured.
    pub value: f64,
    /// The frame with this value, unless the value is about all frames.
    pub frame: Option<usize>,
}

impl Requirement {
    /// The transitions that break the rule. What has no value in a transition, such as the drift of a
    /// background that changes, breaks none.
    #[must_use]
    pub fn breaches(&self, measurement: &Measurement) -> Vec<Breach> {
        let transitions = measurement.transitions.iter().enumerate();
        let breach = |(transition, measured): (usize, &crate::TransitionMeasure)| {
            let statistics = &measured.statistics;
            let value = self.quantity.of(statistics)?;
            let is_kept = if self.at_most {
                value <= self.limit
            } else {
                value >= self.limit
            };
            (!is_kept).then(|| Breach {
                transition,
                value,
                frame: self.quantity.frame(statistics),
            })
        };
        transitions.filter_map(breach).collect()
    }
}
