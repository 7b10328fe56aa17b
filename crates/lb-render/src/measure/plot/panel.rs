//! One curve, or one for each transition, over the time axis.

use std::fmt::Write;

use super::{FAINT_INK, INK, LEFT, RIGHT, RULE, TimeAxis, add};

const HEIGHT: f64 = 132.0;
/// More points than this would run into each other.
const MOST_DOTS: usize = 60;

/// A place across the page, and the value there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) value: f64,
}

/// Points to be joined.
pub(super) struct Curve {
    pub(super) points: Vec<Point>,
    /// Whether each point is a frame, to be marked where there are few.
    pub(super) are_frames: bool,
}

pub(super) struct Panel {
    title: &'static str,
    color: &'static str,
    /// What the curve is to be compared with.
    reference: f64,
    curves: Vec<Curve>,
    top_value: f64,
}

impl Panel {
    pub(super) fn new(
        title: &'static str,
        color: &'static str,
        reference: f64,
        curves: Vec<Curve>,
    ) -> Self {
        let values = curves.iter().flat_map(|curve| &curve.points);
        let largest = values.map(|point| point.value).fold(reference, f64::max);
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let step = tick_step(largest, 4.0);
        Self {
            title,
            color,
            reference,
            curves,
            top_value: (largest / step).ceil() * step,
        }
    }

    pub(super) fn draw(&self, svg: &mut String, top: f64, axis: &TimeAxis) {
        let bottom = top + HEIGHT;
        let y = |value: f64| bottom - HEIGHT * value / self.top_value;
        add(
            svg,
            format_args!(
                r##"<text x="{LEFT}" y="{:.1}" font-weight="600" fill="{INK}">{}</text>"##,
                top - 12.0,
                self.title,
            ),
        );
        add(
            svg,
            format_args!(r##"<g fill="{FAINT_INK}" text-anchor="end">"##),
        );
        for (value, name) in ticks(self.top_value, tick_step(self.top_value, 4.0)) {
            let y = y(value);
            add(
                svg,
                format_args!(
                    r##"<path d="M{LEFT} {y:.1}H{RIGHT}" stroke="{RULE}"/><text x="{:.1}" y="{:.1}">{name}</text>"##,
                    LEFT - 10.0,
                    y + 4.0,
                ),
            );
        }
        add(svg, format_args!("</g>"));
        for x in axis.boundaries() {
            add(
                svg,
                format_args!(
                    r##"<path d="M{x:.1} {top:.1}V{bottom:.1}" stroke="{FAINT_INK}" stroke-dasharray="2 4"/>"##
                ),
            );
        }
        add(
            svg,
            format_args!(r##"<g fill="{FAINT_INK}" text-anchor="middle">"##),
        );
        for (x, name) in axis.ticks() {
            add(
                svg,
                format_args!(
                    r##"<path d="M{x:.1} {bottom:.1}v5" stroke="{FAINT_INK}"/><text x="{x:.1}" y="{:.1}">{name}</text>"##,
                    bottom + 18.0,
                ),
            );
        }
        add(svg, format_args!("</g>"));
        add(
            svg,
            format_args!(
                r##"<path d="M{LEFT} {:.1}H{RIGHT}" stroke="{INK}" stroke-width="1.2"/>"##,
                y(self.reference),
            ),
        );
        for curve in self.curves.iter().filter(|curve| !curve.points.is_empty()) {
            self.curve(svg, curve, y);
        }
    }

    fn curve(&self, svg: &mut String, curve: &Curve, y: impl Fn(f64) -> f64) {
        let mut line = String::new();
        for (index, point) in curve.points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            // Writing to a String cannot fail.
            let _ = write!(line, "{command}{:.1} {:.1}", point.x, y(point.value));
        }
        let (first, last) = (curve.points[0].x, curve.points[curve.points.len() - 1].x);
        let base = y(self.reference);
        let color = self.color;
        add(
            svg,
            format_args!(
                r##"<path d="{line}L{last:.1} {base:.1}L{first:.1} {base:.1}Z" fill="{color}" fill-opacity="0.12"/>"##
            ),
        );
        add(
            svg,
            format_args!(
                r##"<path d="{line}" fill="none" stroke="{color}" stroke-width="2" stroke-linejoin="round"/>"##
            ),
        );
        if curve.are_frames
            && self
                .curves
                .iter()
                .map(|curve| curve.points.len())
                .sum::<usize>()
                <= MOST_DOTS
        {
            for point in &curve.points {
                add(
                    svg,
                    format_args!(
                        r##"<circle cx="{:.1}" cy="{:.1}" r="3" fill="{color}"/>"##,
                        point.x,
                        y(point.value),
                    ),
                );
            }
        }
    }
}

/// A round step (1, 2 or 5 of some power of ten) that divides `span` into about `wanted` parts.
pub(super) fn tick_step(span: f64, wanted: f64) -> f64 {
    let exact = span / wanted;
    let power = 10.0_f64.powf(exact.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= exact * 0.99);
    step.unwrap_or(10.0 * power)
}

/// Multiples of a step from 0 to the span, with their names.
pub(super) fn ticks(span: f64, step: f64) -> impl Iterator<Item = (f64, String)> {
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
