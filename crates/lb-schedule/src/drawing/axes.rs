//! What is written around the tree: levels at the right, steps at the left, fractions below.

use super::layout::{FAINT_INK, LINE_HEIGHT, Layout};
use super::svg::Svg;
use crate::profile::BranchingProfile;

/// Each level's branches, beside its band. Where bands are narrower than a line, some go unnamed.
pub(super) fn levels(svg: &mut Svg, layout: &Layout, profile: &BranchingProfile) {
    let last = profile.levels().len() - 1;
    let middle = |level| {
        let steps = profile.step_range(level);
        (layout.y(steps.start) + layout.y(steps.end)) / 2.0
    };
    let mut named = f64::NEG_INFINITY;
    for (level, at) in profile.levels().iter().enumerate() {
        let y = middle(level);
        if level != last && (y - named).min(middle(last) - y) < LINE_HEIGHT {
            continue;
        }
        named = y;
        let what = match level {
            0 if last == 0 => "keyframes alone",
            0 => "keyframes",
            _ if level == last => "computed frames",
            _ => "branches",
        };
        svg.add(format_args!(
            r##"<text x="{:.1}" y="{:.1}" fill="{}"><tspan font-weight="700">{}</tspan> {what}</text>"##,
            layout.left + layout.width + 24.0,
            y + 4.0,
            layout.text_color(level),
            at.branch_count,
        ));
    }
}

/// The injection steps and the last step.
pub(super) fn steps(svg: &mut Svg, layout: &Layout, profile: &BranchingProfile) {
    let x = layout.left - 24.0;
    svg.add(format_args!(
        r##"<g fill="{FAINT_INK}" text-anchor="end">"##
    ));
    let title = layout.top - 16.0;
    svg.add(format_args!(
        r##"<text x="{x:.1}" y="{title:.1}" font-style="italic">step</text>"##
    ));
    let end = layout.bottom();
    let mut named = f64::NEG_INFINITY;
    for level in profile.levels() {
        let y = layout.y(level.injection_step);
        if (y - named).min(end - y) >= LINE_HEIGHT {
            named = y;
            let step = level.injection_step;
            svg.add(format_args!(
                r##"<text x="{x:.1}" y="{:.1}">{step}</text>"##,
                y + 4.0
            ));
        }
    }
    let step = profile.steps();
    svg.add(format_args!(
        r##"<text x="{x:.1}" y="{:.1}">{step}</text></g>"##,
        end + 4.0
    ));
}

/// Five marks from one keyframe to the other.
pub(super) fn fractions(svg: &mut Svg, layout: &Layout) {
    let y = layout.bottom() + 44.0;
    svg.add(format_args!(
        r##"<g fill="{FAINT_INK}" text-anchor="middle">"##
    ));
    for (fraction, name) in [(0.0, "0"), (0.25, "¼"), (0.5, "½"), (0.75, "¾"), (1.0, "1")] {
        svg.add(format_args!(
            r##"<text x="{:.1}" y="{y:.1}">{name}</text>"##,
            layout.x(fraction)
        ));
    }
    svg.add(format_args!(
        r##"<text x="{:.1}" y="{y:.1}" text-anchor="start" font-style="italic">fraction</text></g>"##,
        layout.left + layout.width + 24.0
    ));
}
