//! A measurement as a picture: three curves over film time.

mod panel;

use std::fmt::Write;

use super::{Measurement, TransitionMeasure};
use panel::{Curve, Panel, Point};

pub(super) const PAGE_WIDTH: f64 = 960.0;
pub(super) const LEFT: f64 = 72.0;
pub(super) const RIGHT: f64 = 936.0;
const FIRST_PANEL: f64 = 96.0;
const PANEL_PITCH: f64 = 196.0;
const BOTTOM_MARGIN: f64 = 4.0;

pub(super) const INK: &str = "#2b2d42";
pub(super) const FAINT_INK: &str = "#636578";
const PAPER: &str = "#fcfbf8";
pub(super) const RULE: &str = "#e4e0d7";
const DISTANCE_COLOR: &str = "#1d7a96";
const RETENTION_COLOR: &str = "#4b9a5b";
const RESIDUAL_COLOR: &str = "#cf4d42";

/// A measurement as an SVG document: distances between neighbours, high-frequency retention and
/// blend residual, over film time where frames a second are known, else over frames.
///
/// Transitions are separated by vertical lines; where a keyframe is held, nothing is drawn.
#[must_use]
pub fn plot_measurement(measurement: &Measurement) -> String {
    let axis = TimeAxis::new(measurement);
    let panels = [
        Panel::new(
            "distance between neighbours (grey levels, root mean square)",
            DISTANCE_COLOR,
            0.0,
            curves(measurement, |transition| distances(transition, &axis)),
        ),
        Panel::new(
            "high-frequency retention (1: as sharp as the keyframes)",
            RETENTION_COLOR,
            1.0,
            curves(measurement, |transition| {
                frames(transition, &transition.retention, &axis)
            }),
        ),
        Panel::new(
            "blend residual (0: a cross-fade)",
            RESIDUAL_COLOR,
            0.0,
            curves(measurement, |transition| {
                let residual = transition.residual.as_deref().unwrap_or_default();
                frames(transition, residual, &axis)
            }),
        ),
    ];
    let height = FIRST_PANEL + PANEL_PITCH * panels.len() as f64 + BOTTOM_MARGIN;
    let mut svg = String::new();
    open(&mut svg, measurement, height);
    for (index, panel) in panels.iter().enumerate() {
        panel.draw(&mut svg, FIRST_PANEL + PANEL_PITCH * index as f64, &axis);
    }
    axis.label(&mut svg, height - 22.0);
    svg.push_str("</svg>\n");
    svg
}

fn curves(measurement: &Measurement, curve: impl Fn(&TransitionMeasure) -> Curve) -> Vec<Curve> {
    measurement.transitions.iter().map(curve).collect()
}

/// Steps: a distance lasts from a frame to the next.
fn distances(transition: &TransitionMeasure, axis: &TimeAxis) -> Curve {
    let step = |(index, &value): (usize, &f64)| {
        let frame = (transition.first + index) as f64;
        [frame, frame + 1.0].map(|frame| Point {
            x: axis.x(frame),
            value,
        })
    };
    let distances = transition.distances.iter().enumerate();
    Curve {
        points: distances.flat_map(step).collect(),
        are_frames: false,
    }
}

fn frames(transition: &TransitionMeasure, values: &[f64], axis: &TimeAxis) -> Curve {
    let point = |(index, &value): (usize, &f64)| Point {
        x: axis.x((transition.first + index) as f64),
        value,
    };
    Curve {
        points: values.iter().enumerate().map(point).collect(),
        are_frames: true,
    }
}

fn open(svg: &mut String, measurement: &Measurement, height: f64) {
    let overall = &measurement.overall;
    let rate = measurement
        .frames_per_second
        .map_or(String::new(), |rate| format!(" · {rate} frames a second"));
    let title = format!(
        "{} frames · {}×{}{rate}",
        measurement.frames, measurement.width, measurement.height
    );
    let mut facts = format!(
        "coefficient of variation {:.3} · peak ratio {:.2} · directness {:.2}",
        overall.coefficient_of_variation, overall.peak_ratio, overall.directness
    );
    if let Some(retention) = overall.retention {
        let _ = write!(
            facts,
            " · retention {:.2} (least {:.2})",
            retention.mean, retention.least
        );
    }
    if let Some(residual) = overall.residual {
        let _ = write!(
            facts,
            " · residual {:.2} (most {:.2})",
            residual.mean, residual.most
        );
    }
    add(
        svg,
        format_args!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PAGE_WIDTH:.0} {height:.0}" width="{PAGE_WIDTH:.0}" height="{height:.0}" role="img" font-family="Inter, 'Helvetica Neue', Helvetica, Arial, sans-serif" font-size="12">"##
        ),
    );
    add(svg, format_args!("<title>Smoothness of {title}</title>"));
    add(
        svg,
        format_args!(
            r##"<rect x="0.5" y="0.5" width="{:.0}" height="{:.0}" rx="12" fill="{PAPER}" stroke="{RULE}"/>"##,
            PAGE_WIDTH - 1.0,
            height - 1.0,
        ),
    );
    add(
        svg,
        format_args!(
            r##"<text x="{LEFT}" y="30" font-size="14" font-weight="600" fill="{INK}">{title}</text>"##
        ),
    );
    add(
        svg,
        format_args!(r##"<text x="{LEFT}" y="50" fill="{FAINT_INK}">{facts}</text>"##),
    );
}

/// One element, on a line of its own.
pub(super) fn add(svg: &mut String, element: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = svg.write_fmt(element);
    svg.push('\n');
}

/// Film time across the page.
pub(super) struct TimeAxis {
    last: f64,
    frames_per_second: Option<f64>,
    /// Where transitions meet or holds begin and end, in frames.
    boundaries: Vec<f64>,
}

impl TimeAxis {
    fn new(measurement: &Measurement) -> Self {
        let transitions = &measurement.transitions;
        let ends = transitions.iter().flat_map(|at| [at.first, at.last]);
        let last = transitions.last().map_or(0, |at| at.last);
        let last = last.max(measurement.frames - 1);
        let mut boundaries: Vec<usize> = ends.filter(|&at| at > 0 && at < last).collect();
        boundaries.dedup();
        Self {
            last: last as f64,
            frames_per_second: measurement.frames_per_second,
            boundaries: boundaries.into_iter().map(|at| at as f64).collect(),
        }
    }

    fn x(&self, frame: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * frame / self.last
    }

    pub(super) fn boundaries(&self) -> impl Iterator<Item = f64> {
        self.boundaries.iter().map(|&frame| self.x(frame))
    }

    /// Places and names of the ticks.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let rate = self.frames_per_second.unwrap_or(1.0);
        let step = panel::tick_step(self.last / rate, 10.0);
        // Between two frames there is nothing to mark.
        let step = if self.frames_per_second.is_none() {
            step.max(1.0)
        } else {
            step
        };
        panel::ticks(self.last / rate, step)
            .map(|(value, name)| (self.x(value * rate), name))
            .collect()
    }

    fn label(&self, svg: &mut String, y: f64) {
        let name = match self.frames_per_second {
            Some(_) => "film time (s)",
            None => "frame",
        };
        add(
            svg,
            format_args!(
                r##"<text x="{:.1}" y="{y:.1}" fill="{FAINT_INK}" text-anchor="middle" font-style="italic">{name}</text>"##,
                (LEFT + RIGHT) / 2.0,
            ),
        );
    }
}
