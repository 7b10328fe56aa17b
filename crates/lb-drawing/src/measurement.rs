//! How smoothly a film moves, as a picture: curves over film time, of one film or of two.

use std::fmt::Write;

use crate::svg::{Colour, EMBER, FAINT_INK, INK, LEAF, NIGHT, RULE, SEA, SUN, Svg, escape};

const PAGE_WIDTH: f64 = 960.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 936.0;
const FIRST_LINE: f64 = 30.0;
const LINE_PITCH: f64 = 20.0;
const PANELS_BELOW_LINES: f64 = 26.0;
/// The most letters of a line that the page has room for.
const LINE_LETTERS: usize = 130;
const PANEL_PITCH: f64 = 196.0;
const PANEL_HEIGHT: f64 = 132.0;
const BOTTOM_MARGIN: f64 = 4.0;

/// With more points than this, dots would run into each other.
const MOST_DOTS: usize = 60;

/// The numbers that a plot of a measured film shows.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct MeasurementPlot<'a> {
    /// What the film's numbers say, in words; it may be empty.
    pub verdict: &'a str,
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
    /// Least, mean and largest high-frequency retention, where measured.
    pub retention: Option<[f64; 3]>,
    /// Mean and largest blend residual, where measured.
    pub residual: Option<[f64; 2]>,
    /// Largest drift, in grey levels, and largest spread of the background, where measured.
    pub background: Option<[f64; 2]>,
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
    /// The drift of the background of every frame in grey levels, where there is one.
    pub drift: Option<&'a [f64]>,
    /// The spread of the background of every frame, where there is one.
    pub spread: Option<&'a [f64]>,
}

/// Values beyond which a curve is conspicuous, drawn as lines.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct MeasurementLimits {
    /// Those of the high-frequency retention.
    pub retention: Vec<f64>,
    /// Those of the drift of the background, in grey levels.
    pub drift: Vec<f64>,
    /// Those of the spread of the background.
    pub spread: Vec<f64>,
}

impl MeasurementPlot<'_> {
    /// The plot of a film without transitions, in which nothing moves, to be filled in.
    #[must_use]
    pub fn new(frames: usize, size: [usize; 2]) -> Self {
        Self {
            verdict: "",
            frames,
            size,
            frames_per_second: None,
            coefficient_of_variation: 0.0,
            peak_ratio: 1.0,
            directness: 1.0,
            retention: None,
            residual: None,
            background: None,
            transitions: Vec::new(),
        }
    }
}

/// A measured film as an SVG document: distances between neighbouring frames, high-frequency retention,
/// blend residual and, where there is one, the drift and the spread of the background, over film time.
///
/// Dotted vertical lines separate the transitions, and dashed horizontal ones are the `limits`. Where there are
/// few frames, each one is marked by a dot.
#[must_use]
pub fn draw_measurement(plot: &MeasurementPlot<'_>, limits: &MeasurementLimits) -> String {
    draw(&[("", plot)], limits)
}

/// Two measured films as one SVG document, with the curves of both in each panel. The names say which is
/// which. It runs over seconds if both films have a frame rate.
#[must_use]
pub fn draw_comparison(
    films: [(&str, &MeasurementPlot<'_>); 2],
    limits: &MeasurementLimits,
) -> String {
    draw(&films, limits)
}

/// The colours of two films that are compared.
const COMPARED: [Colour; 2] = [SEA, EMBER];

fn draw(films: &[(&str, &MeasurementPlot<'_>)], limits: &MeasurementLimits) -> String {
    let axis = TimeAxis::new(films);
    let curves = |alone: Colour, curve: &dyn Fn(&TransitionCurves<'_>) -> Curve| {
        let mut found = Vec::new();
        for (index, (_, plot)) in films.iter().enumerate() {
            let colour = match films.len() {
                1 => alone,
                _ => COMPARED[index],
            };
            let rate = axis.rate(plot);
            for transition in &plot.transitions {
                let points = curve(transition).into_iter();
                let points = points.map(|(frame, value)| (frame / rate, value));
                found.push((colour, points.collect::<Curve>()));
            }
        }
        found
    };
    let mut panels = vec![
        Panel {
            title: "distance between neighbours (grey levels, root mean square)",
            reference: 0.0,
            limits: &[],
            curves: curves(SEA, &steps),
            are_frames: false,
        },
        Panel {
            title: "high-frequency retention (1: as sharp as the keyframes)",
            reference: 1.0,
            limits: &limits.retention,
            curves: curves(LEAF, &|at| points(at.first, at.retention)),
            are_frames: true,
        },
        Panel {
            title: "blend residual (0: a cross-fade)",
            reference: 0.0,
            limits: &[],
            curves: curves(EMBER, &|at| {
                points(at.first, at.residual.unwrap_or_default())
            }),
            are_frames: true,
        },
    ];
    let background = [
        Panel {
            title: "drift of the background (grey levels)",
            reference: 0.0,
            limits: &limits.drift,
            curves: curves(NIGHT, &|at| points(at.first, at.drift.unwrap_or_default())),
            are_frames: true,
        },
        Panel {
            title: "spread of the background (1: as in the keyframes)",
            reference: 1.0,
            limits: &limits.spread,
            curves: curves(SUN, &|at| points(at.first, at.spread.unwrap_or_default())),
            are_frames: true,
        },
    ];
    let has_background = |panel: &Panel<'_>| panel.curves.iter().any(|(_, at)| !at.is_empty());
    panels.extend(background.into_iter().filter(has_background));
    let lines = lines(films);
    let first = FIRST_LINE + LINE_PITCH * lines.len() as f64 + PANELS_BELOW_LINES;
    let height = first + PANEL_PITCH * panels.len() as f64 + BOTTOM_MARGIN;
    let titles: Vec<String> = films.iter().map(|(name, plot)| title(name, plot)).collect();
    let page_title = format!("Smoothness of {}", titles.join(", and of "));
    let mut svg = Svg::page(PAGE_WIDTH, height, &page_title);
    for (index, line) in lines.iter().enumerate() {
        line.draw(&mut svg, FIRST_LINE + LINE_PITCH * index as f64);
    }
    for (index, panel) in panels.iter().enumerate() {
        panel.draw(&mut svg, first + PANEL_PITCH * index as f64, &axis);
    }
    axis.label(&mut svg, height - 22.0);
    svg.finish()
}

/// A line of text at the top of the page.
struct Line {
    text: String,
    size: usize,
    weight: usize,
    colour: Colour,
}

impl Line {
    fn draw(&self, svg: &mut Svg, y: f64) {
        let Self {
            size,
            weight,
            colour,
            ..
        } = self;
        let text = escape(&self.text);
        svg.add(format_args!(
            r##"<text x="{LEFT}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}">{text}</text>"##
        ));
    }
}

/// What the page says about the films, above the panels.
fn lines(films: &[(&str, &MeasurementPlot<'_>)]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (index, (name, plot)) in films.iter().enumerate() {
        let ink = match films.len() {
            1 => INK,
            _ => COMPARED[index],
        };
        let mut add = |text, size, weight, colour| {
            lines.push(Line {
                text,
                size,
                weight,
                colour,
            });
        };
        add(title(name, plot), 14, 600, ink);
        for verdict in wrapped(plot.verdict) {
            add(verdict, 12, 400, INK);
        }
        add(numbers(plot), 12, 400, FAINT_INK);
    }
    lines
}

/// The text in lines that fit the page, broken at spaces.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE_LETTERS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn title(name: &str, plot: &MeasurementPlot<'_>) -> String {
    let [width, height] = plot.size;
    let rate = plot
        .frames_per_second
        .map(|rate| format!(" · {rate} frames a second"));
    let (frames, rate) = (plot.frames, rate.unwrap_or_default());
    let name = match name {
        "" => String::new(),
        name => format!("{name} · "),
    };
    format!("{name}{frames} frames · {width}×{height}{rate}")
}

fn numbers(plot: &MeasurementPlot<'_>) -> String {
    let mut numbers = format!(
        "variation {:.3} · peak {:.2} · directness {:.2}",
        plot.coefficient_of_variation, plot.peak_ratio, plot.directness
    );
    // Writing to a String cannot fail.
    if let Some([least, mean, most]) = plot.retention {
        let _ = write!(numbers, " · retention {mean:.2} ({least:.2} to {most:.2})");
    }
    if let Some([mean, most]) = plot.residual {
        let _ = write!(numbers, " · residual {mean:.2} (most {most:.2})");
    }
    if let Some([drift, spread]) = plot.background {
        let _ = write!(
            numbers,
            " · background: drift {drift:.1}, spread {spread:.2}"
        );
    }
    numbers
}

/// Film time across the page: in seconds, or in frames if a frame rate is not known.
struct TimeAxis {
    last: f64,
    in_seconds: bool,
    /// The times at which transitions meet or holds begin and end.
    boundaries: Vec<f64>,
}

impl TimeAxis {
    fn new(films: &[(&str, &MeasurementPlot<'_>)]) -> Self {
        let in_seconds = films
            .iter()
            .all(|(_, plot)| plot.frames_per_second.is_some());
        let mut axis = Self {
            last: 0.0,
            in_seconds,
            boundaries: Vec::new(),
        };
        for (_, plot) in films {
            let transitions = &plot.transitions;
            let last = transitions.last().map_or(0, |at| at.last);
            let last = last.max(plot.frames.saturating_sub(1)).max(1);
            let ends = transitions.iter().flat_map(|at| [at.first, at.last]);
            let inner = ends.filter(|&at| at > 0 && at < last);
            let rate = axis.rate(plot);
            axis.last = axis.last.max(last as f64 / rate);
            axis.boundaries.extend(inner.map(|at| at as f64 / rate));
        }
        axis.boundaries.sort_by(f64::total_cmp);
        axis.boundaries.dedup();
        axis
    }

    /// The frames of a film in a unit of the axis.
    fn rate(&self, plot: &MeasurementPlot<'_>) -> f64 {
        plot.frames_per_second
            .filter(|_| self.in_seconds)
            .unwrap_or(1.0)
    }

    fn x(&self, time: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * time / self.last
    }

    /// The ticks: where each one lies on the page, and its name.
    fn ticks(&self) -> Vec<(f64, String)> {
        let step = tick_step(self.last, 10.0);
        // An axis of frames has no halves of them.
        let step = if self.in_seconds { step } else { step.max(1.0) };
        let ticks = ticks(self.last, step);
        ticks.map(|(value, name)| (self.x(value), name)).collect()
    }

    fn label(&self, svg: &mut Svg, y: f64) {
        let name = if self.in_seconds {
            "film time (s)"
        } else {
            "frame"
        };
        let middle = (LEFT + RIGHT) / 2.0;
        svg.add(format_args!(
            r##"<text x="{middle:.1}" y="{y:.1}" fill="{FAINT_INK}" text-anchor="middle" font-style="italic">{name}</text>"##
        ));
    }
}

/// Frames or times, and the values there, which are joined by a line.
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
struct Panel<'a> {
    title: &'static str,
    /// The value that the curves are compared with, drawn as a line.
    reference: f64,
    /// The values beyond which a curve is conspicuous, drawn as dashed lines.
    limits: &'a [f64],
    /// The curves over the time axis, and their colours.
    curves: Vec<(Colour, Curve)>,
    /// Whether each point is a frame, which is marked by a dot where there are few.
    are_frames: bool,
}

impl Panel<'_> {
    /// The tick above the largest value, and the distance of ticks.
    fn scale(&self) -> (f64, f64) {
        let values = self.curves.iter().flat_map(|(_, curve)| curve);
        let values = values.map(|&(_, value)| value);
        let values = values.chain(self.limits.iter().copied());
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
        for y in self.limits.iter().map(|&limit| y(limit)) {
            svg.add(format_args!(
                r##"<path d="M{LEFT} {y:.1}H{RIGHT}" stroke="{FAINT_INK}" stroke-dasharray="6 4"/>"##
            ));
        }
        for x in axis.boundaries.iter().map(|&time| axis.x(time)) {
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
        for (colour, curve) in &self.curves {
            let points = curve.iter().map(|&(time, value)| (axis.x(time), y(value)));
            self.draw_curve(svg, *colour, &points.collect::<Vec<_>>(), reference);
        }
    }

    /// Draws a curve whose points are on the page, and the area between it and the reference.
    fn draw_curve(&self, svg: &mut Svg, colour: Colour, points: &[(f64, f64)], reference: f64) {
        let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else {
            return;
        };
        let mut line = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            // Writing to a String cannot fail.
            let _ = write!(line, "{command}{x:.1} {y:.1}");
        }
        svg.add(format_args!(
            r##"<path d="{line}L{last:.1} {reference:.1}L{first:.1} {reference:.1}Z" fill="{colour}" fill-opacity="0.12"/>"##
        ));
        svg.add(format_args!(
            r##"<path d="{line}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>"##
        ));
        let dots: usize = self.curves.iter().map(|(_, curve)| curve.len()).sum();
        if self.are_frames && dots <= MOST_DOTS {
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
