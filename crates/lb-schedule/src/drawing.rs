//! The tree as a picture: steps downwards, fractions across, one colour for each level.

mod axes;
mod layout;
mod svg;
mod text;

use std::fmt::Write;

use crate::error::ScheduleError;
use crate::profile::BranchingProfile;
use crate::spacing::check_level;
use crate::tree::parents;
use layout::{INK, Layout};
use svg::Svg;
use text::label;

/// Above this many branches a level is drawn as a sample: lines finer than this are no lines.
const MOST_LINES: usize = 720;

/// The tree of a transition as an SVG document.
///
/// `fractions` holds each level's fractions: those that a render decided on, or
/// [`BranchingProfile::fixed_tree`]'s. `keyframes` are the labels of the left and the right
/// keyframe, usually their prompts; long ones are shortened, and empty ones left out. The picture
/// has a light background of its own, so that it reads on dark pages as well.
///
/// # Errors
/// [`ScheduleError::LevelCount`] or [`ScheduleError::FractionCount`] where `fractions` does not fit
/// the profile, [`ScheduleError::NotALevel`] where a level's fractions are not in order.
///
/// # Example
/// ```
/// # fn main() -> Result<(), lb_schedule::ScheduleError> {
/// use lb_schedule::{BranchingProfile, draw_tree};
///
/// let profile = BranchingProfile::manual(10, &[2, 3, 7, 10], &[0, 3, 6, 9])?;
/// let svg = draw_tree(&profile, &profile.fixed_tree(1.2), ["a red apple", "a green pear"])?;
/// assert!(svg.starts_with("<svg"));
/// # Ok(())
/// # }
/// ```
pub fn draw_tree(
    profile: &BranchingProfile,
    fractions: &[Vec<f64>],
    keyframes: [&str; 2],
) -> Result<String, ScheduleError> {
    check_fractions(profile, fractions)?;
    let layout = Layout::new(profile);
    let mut svg = Svg::open(&layout, profile);
    bands(&mut svg, &layout, profile);
    for level in (1..fractions.len()).rev() {
        branches(
            &mut svg,
            &layout,
            profile,
            level,
            [&fractions[level - 1], &fractions[level]],
        )?;
    }
    trajectories(&mut svg, &layout, keyframes);
    if let Some(frames) = fractions.last() {
        computed_frames(&mut svg, &layout, frames);
    }
    axes::levels(&mut svg, &layout, profile);
    axes::steps(&mut svg, &layout, profile);
    axes::fractions(&mut svg, &layout);
    Ok(svg.close())
}

fn check_fractions(
    profile: &BranchingProfile,
    fractions: &[Vec<f64>],
) -> Result<(), ScheduleError> {
    let expected = profile.levels().len();
    if fractions.len() != expected {
        return Err(ScheduleError::LevelCount {
            levels: fractions.len(),
            expected,
        });
    }
    for (level, (fractions, at)) in fractions.iter().zip(profile.levels()).enumerate() {
        if fractions.len() != at.branch_count {
            let (fractions, expected) = (fractions.len(), at.branch_count);
            return Err(ScheduleError::FractionCount {
                level,
                fractions,
                expected,
            });
        }
        check_level(fractions)?;
    }
    Ok(())
}

/// One pale band for each level.
fn bands(svg: &mut Svg, layout: &Layout, profile: &BranchingProfile) {
    for level in 0..profile.levels().len() {
        let steps = profile.step_range(level);
        let (top, bottom) = (layout.y(steps.start), layout.y(steps.end));
        svg.add(format_args!(
            r##"<rect x="{:.1}" y="{top:.1}" width="{:.1}" height="{:.1}" fill="{}" fill-opacity="0.07"/>"##,
            layout.left - 14.0,
            layout.width + 28.0,
            bottom - top,
            layout.color(level),
        ));
    }
}

/// A level's inner branches, and the links from their parents: the nearer, the stronger.
fn branches(
    svg: &mut Svg,
    layout: &Layout,
    profile: &BranchingProfile,
    level: usize,
    [above, fractions]: [&[f64]; 2],
) -> Result<(), ScheduleError> {
    let steps = profile.step_range(level);
    let (top, bottom) = (layout.y(steps.start), layout.y(steps.end));
    let joint = top + layout.link_height(steps.len());
    let bend = (top + joint) / 2.0;
    let color = layout.color(level);
    let stroke = layout.branch_stroke(fractions.len());
    svg.add(format_args!(
        r##"<g fill="none" stroke="{color}" stroke-width="{stroke:.2}" stroke-linecap="round">"##
    ));
    let mut trunks = String::new();
    let inner = &fractions[1..fractions.len() - 1];
    for &fraction in inner
        .iter()
        .step_by(inner.len().div_ceil(MOST_LINES).max(1))
    {
        let x = layout.x(fraction);
        let parents = parents(above, fraction)?;
        for (parent, share) in [
            (parents.left, 1.0 - parents.mix),
            (parents.right, parents.mix),
        ] {
            if share > 0.0 {
                let from = layout.x(above[parent]);
                svg.add(format_args!(
                    r##"<path d="M{from:.1} {top:.1}C{from:.1} {bend:.1} {x:.1} {bend:.1} {x:.1} {joint:.1}" stroke-opacity="{:.2}"/>"##,
                    0.1 + 0.9 * share,
                ));
            }
        }
        // Writing to a String cannot fail.
        let _ = write!(trunks, "M{x:.1} {joint:.1}V{bottom:.1}");
    }
    if !trunks.is_empty() {
        svg.add(format_args!(r##"<path d="{trunks}"/>"##));
    }
    svg.add(format_args!("</g>"));
    Ok(())
}

/// The keyframes' own trajectories, from the first step to the last, under their names.
fn trajectories(svg: &mut Svg, layout: &Layout, keyframes: [&str; 2]) {
    let ends = [(0.0, "start"), (1.0, "end")];
    for ((fraction, anchor), name) in ends.into_iter().zip(keyframes) {
        let x = layout.x(fraction);
        svg.add(format_args!(
            r##"<path d="M{x:.1} {:.1}V{:.1}" stroke="{INK}" stroke-width="4" stroke-linecap="round"/>"##,
            layout.top,
            layout.bottom(),
        ));
        svg.add(format_args!(
            r##"<text x="{x:.1}" y="{:.1}" font-size="14" font-weight="600" fill="{INK}" text-anchor="{anchor}">{}</text>"##,
            layout.top - 16.0,
            label(name),
        ));
    }
}

/// The ends of the last level: one small picture frame for each branch.
fn computed_frames(svg: &mut Svg, layout: &Layout, frames: &[f64]) {
    let size = layout.frame_size(frames.len());
    let top = layout.bottom() + 9.0;
    let inner = layout.last_color();
    let last = frames.len() - 1;
    for (index, &fraction) in frames.iter().enumerate() {
        let color = if index == 0 || index == last {
            INK
        } else {
            inner
        };
        svg.add(format_args!(
            r##"<rect x="{:.1}" y="{top:.1}" width="{size:.1}" height="14" rx="{:.1}" fill="{color}"/>"##,
            layout.x(fraction) - size / 2.0,
            size.min(6.0) / 2.0,
        ));
    }
}
