//! The plot of one film or two.

use std::path::Path;

use lb_drawing::{
    MeasurementLimits, MeasurementPlot, TransitionCurves, draw_comparison, draw_measurement,
};
use lb_measure::{Measurement, SHARP_RETENTION, STEADY_DRIFT, STEADY_SPREAD, TransitionMeasure};

pub(super) fn one(measurement: &Measurement) -> String {
    draw_measurement(&plot(measurement), &limits())
}

pub(super) fn two(films: [(&Path, &Measurement); 2]) -> String {
    let names = films.map(|(path, _)| path.display().to_string());
    let plots = films.map(|(_, measurement)| plot(measurement));
    draw_comparison([(&names[0], &plots[0]), (&names[1], &plots[1])], &limits())
}

/// The thresholds that the verdict uses for single frames.
fn limits() -> MeasurementLimits {
    let mut limits = MeasurementLimits::default();
    limits.retention = vec![SHARP_RETENTION, 1.0 / SHARP_RETENTION];
    limits.drift = vec![STEADY_DRIFT];
    limits.spread = vec![STEADY_SPREAD];
    limits
}

fn plot(measurement: &Measurement) -> MeasurementPlot<'_> {
    let overall = &measurement.overall;
    let mut plot =
        MeasurementPlot::new(measurement.frames, [measurement.width, measurement.height]);
    plot.verdict = &measurement.verdict;
    plot.frames_per_second = measurement.frames_per_second;
    plot.coefficient_of_variation = overall.coefficient_of_variation;
    plot.peak_ratio = overall.peak_ratio;
    plot.directness = overall.directness;
    plot.retention = overall.retention.map(|of| [of.least, of.mean, of.most]);
    plot.residual = overall.residual.map(|of| [of.mean, of.most]);
    plot.background = overall.background.map(|of| [of.drift, of.spread]);
    plot.transitions = measurement.transitions.iter().map(curves).collect();
    plot
}

fn curves(transition: &TransitionMeasure) -> TransitionCurves<'_> {
    let background = transition.background.as_ref();
    TransitionCurves {
        first: transition.first,
        last: transition.last,
        distances: &transition.distances,
        retention: &transition.retention,
        residual: transition.residual.as_deref(),
        drift: background.map(|of| &of.drift[..]),
        spread: background.map(|of| &of.spread[..]),
    }
}
