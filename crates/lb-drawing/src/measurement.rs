//! How smoothly a film moves, as a picture: three curves over film time.

use std::fmt::Write;

use crate::svg::{Colour, EMBER, FAINT_INK, INK, LEAF, RULE, SEA, Svg};

const PAGE_WIDTH: f64 = 960.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 936.0;
const FIRST_PANEL: f64 = 96.0;
const PANEL_PITCH: f64 = 196.0;
const PANEL_HEIGHT: f64 = 132.0;
const BOTTOM_MARGIN: f64 = 4.0;

/// With more points than this, dots would run into each other.
const MOST_DOTS: usize = 60;

/// The numbers that a plot of a measured film shows.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct MeasurementPlot<'a> {
    /// The number of frames, at least 2.
    pub frames: usize,
    /// Width and height of the frames in pixels.
    pub size: [usize; 2],
    /// Frames a second, where known. Without them the plot runs over frames instead of seconds.
    pub frames_per_second: Option<f64>,
    /// The coefficient of variation of the distances between neighbouring frames.
    pub coefficient_of_variation: f64,
    /// The largest distance between neighbouring frames over the mean.
    pub peak_ratio: f64,
    /// The distance of the ends over the sum of the distances between.
    pub directness: f64,
    /// Mean and least high-frequency retention, where measured.
    pub retention: Option<[f64; 2]>,
    /// Mean and largest blend residual, where measured.
    pub residual: Option<[f64; 2]>,
    /// The curves of every transition in film order. Nothing is drawn between two transitions, where
    /// a keyframe is held.
    pub transitions: Vec<TransitionCurves<'a>>,
}

/// The curves of one transition.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TransitionCurves<'a> {
    /// The frame that shows the left keyframe, counted from 0.
    pub first: usize,
    /// The frame that shows the right keyframe.
    pub last: usize,
    /// The distances between neighbouring frames in grey levels, one less than there are frames.
    pub distances: &'a [f64],
    /// The high-frequency retention of every frame.
    pub retention: &'a [f64],
    /// The blend residual of every frame, where the keyframes differ.
    pub residual: Option<&'a [f64]>,
}

impl MeasurementPlot<'_> {
    /// The plot of a film without transitions, in which nothing moves, to be filled in.
    #[must_use]
    pub fn new(frames: usize, size: [usize; 2]) -> Self {
        Self {
            frames,
            size,
            frames_per_second: None,
            coefficient_of_variation: 0.0,
            peak_ratio: 1.0,
            directness: 1.0,
            retention: None,
            residual: None,
            transitions: Vec::new(),
        }
    }
}

/// A measured film as an SVG document: distances between neighbouring frames, high-frequency
/// retention and blend residual, over film time.
///
/// Dotted vertical lines separate the transitions. Where there are few frames, each one is marked by
/// a dot.
#[must_use]
pub fn draw_measurement(plot: &MeasurementPlot<'_>) -> String {
    let axis = TimeAxis::new(plot);
    let curves = |curve: &dyn Fn(&TransitionCurves<'_>) -> Curve| {
        plot.transitions.iter().map(curve).collect::<Vec<_>>()
    };
    let panels = [
        Panel {
            title: "distance between neighbours (grey levels, root mean square)",
            colour: SEA,
            reference: 0.0,
            curves: curves(&steps),
            are_frames: false,
        },
        Panel {
            title: "high-frequency retention (1: as sharp as the keyframes)",
            colour: LEAF,
            reference: 1.0,
            curves: curves(&|at| points(at.first, at.retention)),
            are_frames: true,
        },
        Panel {
            title: "blend residual (0: a cross-fade)",
            colour: EMBER,
            reference: 0.0,
            curves: curves(&|at| points(at.first, at.residual.unwrap_or_default())),
            are_frames: true,
        },
    ];
    let height = FIRST_PANEL + PANEL_PITCH * panels.len() as f64 + BOTTOM_MARGIN;
    let mut svg = page(plot, height);
    for (index, panel) in panels.iter().enumerate() {
        panel.draw(&mut svg, FIRST_PANEL + PANEL_PITCH * index as f64, &axis);
    }
    axis.label(&mut svg, height - 22.0);
    svg.finish()
}

/// The page with the film and its numbers at the top.
fn page(plot: &MeasurementPlot<'_>, height: f64) -> Svg {
    let [frame_width, frame_height] = plot.size;
    let rate = plot
        .frames_per_second
        .map(|rate| format!(" · {rate} frames a second"));
    let (frames, rate) = (plot.frames, rate.unwrap_or_default());
    let title = format!("{frames} frames · {frame_width}×{frame_height}{rate}");
    let mut numbers = format!(
        "coefficient of variation {:.3} · peak ratio {:.2} · directness {:.2}",
        plot.coefficient_of_variation, plot.peak_ratio, plot.directness
    );
    // Writing to a String cannot fail.
    if let Some([mean, least]) = plot.retention {
        let _ = write!(numbers, " · retention {mean:.2} (least {least:.2})");
    }
    if let Some([mean, most]) = plot.residual {
        let _ = write!(numbers, " · residual {mean:.2} (most {most:.2})");
    }
    let mut svg = Svg::page(PAGE_WIDTH, height, &format!("Smoothness of {title}"));
    svg.add(format_args!(
        r##"<text x="{LEFT}" y="30" font-size="14" font-weight="600" fill="{INK}">{title}</text>"##
    ));
    svg.add(format_args!(
        r##"<text x="{LEFT}" y="50" fill="{FAINT_INK}">{numbers}</text>"##
    ));
    svg
}

/// Film time across the page.
struct TimeAxis {
    last: f64,
    frames_per_second: Option<f64>,
    /// The frames at which transitions meet or holds begin and end.
    boundaries: Vec<f64>,
}

impl TimeAxis {
    fn new(plot: &MeasurementPlot<'_>) -> Self {
        let transitions = &plot.transitions;
        let ends = transitions.iter().flat_map(|at| [at.first, at.last]);
        let last = transitions.last().map_or(0, |at| at.last);
        let last = last.max(plot.frames.saturating_sub(1)).max(1);
        let mut boundaries: Vec<usize> = ends.filter(|&at| at > 0 && at < last).collect();
        boundaries.dedup();
        Self {
            last: last as f64,
            frames_per_second: plot.frames_per_second,
            boundaries: boundaries.into_iter().map(|at| at as f64).collect(),
        }
    }

    fn x(&self, frame: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * frame / self.last
    }

    /// The ticks: where each one lies on the page, and its name.
    fn ticks(&self) -> Vec<(f64, String)> {
        let rate = self.frames_per_second.unwrap_or(1.0);
        let step = tick_step(self.last / rate, 10.0);
        // Without a frame rate the axis counts frames, and there are no halves of them.
        let step = self.frames_per_second.map_or(step.max(1.0), |_| step);
        let ticks = ticks(self.last / rate, step);
        ticks
            .map(|(value, name)| (self.x(value * rate), name))
            .collect()
    }

    fn label(&self, svg: &mut Svg, y: f64) {
        let name = match self.frames_per_second {
            Some(_) => "film time (s)",
            None => "frame",
        };
        let middle = (LEFT + RIGHT) / 2.0;
        svg.add(format_args!(
            r##"<text x="{middle:.1}" y="{y:.1}" fill="{FAINT_INK}" text-anchor="middle" font-style="italic">{name}</text>"##
        ));
    }
}

/// Frames, and the values there, which are joined by a line.
type Curve = Vec<(f64, f64)>;

/// The distances of a transition as steps, because each lasts from one frame to the next.
fn steps(transition: &TransitionCurves<'_>) -> Curve {
    let distances = points(transition.first, transition.distances).into_iter();
    let step = |(frame, distance)| [(frame, distance), (frame + 1.0, distance)];
    distances.flat_map(step).collect()
}

/// The values of frames from the first one on.
fn points(first: usize, values: &[f64]) -> Curve {
    let point = |(frame, &value): (usize, &f64)| (frame as f64, value);
    (first..).zip(values).map(point).collect()
}

/// One curve for each transition, over the time axis.
struct Panel {
    title: &'static str,
    colour: Colour,
    /// The value that the curves are compared with, drawn as a line.
    reference: f64,
    curves: Vec<Curve>,
    /// Whether each point is a frame, which is marked by a dot where there are few.
    are_frames: bool,
}

impl Panel {
    /// The tick above the largest value, and the distance of ticks.
    fn scale(&self) -> (f64, f64) {
        let values = self.curves.iter().flatten().map(|&(_, value)| value);
        let largest = values.fold(self.reference, f64::max);
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let step = tick_step(largest, 4.0);
        let top_value = (largest / step).ceil() * step;
        (top_value, tick_step(top_value, 4.0))
    }

    fn draw(&self, svg: &mut Svg, top: f64, axis: &TimeAxis) {
        let bottom = top + PANEL_HEIGHT;
        let (top_value, step) = self.scale();
        let y = |value: f64| bottom - PANEL_HEIGHT * value / top_value;
        let (above, title) = (top - 12.0, self.title);
        svg.add(format_args!(
            r##"<text x="{LEFT}" y="{above:.1}" font-weight="600" fill="{INK}">{title}</text>"##
        ));
        svg.add(format_args!(
            r##"<g fill="{FAINT_INK}" text-anchor="end">"##
        ));
        let beside = LEFT - 10.0;
        for (value, name) in ticks(top_value, step) {
            let (y, base) = (y(value), y(value) + 4.0);
            svg.add(format_args!(
                r##"<path d="M{LEFT} {y:.1}H{RIGHT}" stroke="{RULE}"/><text x="{beside:.1}" y="{base:.1}">{name}</text>"##
            ));
        }
        svg.add(format_args!("</g>"));
        for x in axis.boundaries.iter().map(|&frame| axis.x(frame)) {
            svg.add(format_args!(
                r##"<path d="M{x:.1} {top:.1}V{bottom:.1}" stroke="{FAINT_INK}" stroke-dasharray="2 4"/>"##
            ));
        }
        svg.add(format_args!(
            r##"<g fill="{FAINT_INK}" text-anchor="middle">"##
        ));
        let below = bottom + 18.0;
        for (x, name) in axis.ticks() {
            svg.add(format_args!(
                r##"<path d="M{x:.1} {bottom:.1}v5" stroke="{FAINT_INK}"/><text x="{x:.1}" y="{below:.1}">{name}</text>"##
            ));
        }
        svg.add(format_args!("</g>"));
        let reference = y(self.reference);
        svg.add(format_args!(
            r##"<path d="M{LEFT} {reference:.1}H{RIGHT}" stroke="{INK}" stroke-width="1.2"/>"##
        ));
        for curve in &self.curves {
            let points = curve
                .iter()
                .map(|&(frame, value)| (axis.x(frame), y(value)));
            self.draw_curve(svg, &points.collect::<Vec<_>>(), reference);
        }
    }

    /// Draws a curve whose points are on the page, and the area between it and the reference.
    fn draw_curve(&self, svg: &mut Svg, points: &[(f64, f64)], reference: f64) {
        let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else {
            return;
        };
        let mut line = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            // Writing to a String cannot fail.
            let _ = write!(line, "{command}{x:.1} {y:.1}");
        }
        let colour = self.colour;
        svg.add(format_args!(
            r##"<path d="{line}L{last:.1} {reference:.1}L{first:.1} {reference:.1}Z" fill="{colour}" fill-opacity="0.12"/>"##
        ));
        svg.add(format_args!(
            r##"<path d="{line}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>"##
        ));
        if self.are_frames && self.curves.iter().map(Vec::len).sum::<usize>() <= MOST_DOTS {
            for (x, y) in points {
                svg.add(format_args!(
                    r##"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"##
                ));
            }
        }
    }
}

/// A round step (1, 2 or 5 of some power of ten) that divides `span` into about `wanted` parts.
fn tick_step(span: f64, wanted: f64) -> f64 {
    let exact = span / wanted;
    let power = 10.0_f64.powf(exact.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= exact * 0.99);
    step.unwrap_or(10.0 * power)
}

/// The multiples of a step from 0 to the span, with their names.
fn ticks(span: f64, step: f64) -> impl Iterator<Item = (f64, String)> {
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let count = (span / step + 1e-9).floor() as usize;
    (0..=count).map(move |tick| {
        let value = tick as f64 * step;
        (value, format!("{value:.decimals$}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        let names = |span: f64, wanted| {
            let named = ticks(span, tick_step(span, wanted)).map(|(_, name)| name);
            named.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(10.0, 4.0), "0 5 10");
        assert_eq!(names(1.2, 4.0), "0.0 0.5 1.0");
        assert_eq!(names(0.04, 4.0), "0.00 0.01 0.02 0.03 0.04");
        assert_eq!(names(11.0, 10.0), "0 2 4 6 8 10");
        assert_eq!(names(2.5, 10.0), "0.0 0.5 1.0 1.5 2.0 2.5");
    }
}
