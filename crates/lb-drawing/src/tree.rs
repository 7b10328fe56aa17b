//! The branching tree as a picture: steps run downwards, fractions run across, and every level has
//! its colour.

use std::fmt::Write;

use lb_schedule::{BranchingProfile, Tree, TreeLevel};

use crate::svg::{Colour, EMBER, FAINT_INK, INK, LEAF, NIGHT, RULE, SEA, SUN, Svg, escape};

const PAGE_WIDTH: f64 = 960.0;
/// Where the keyframes are, and the first step.
const LEFT: f64 = 76.0;
const RIGHT: f64 = 784.0;
const TOP: f64 = 82.0;
const WIDTH: f64 = RIGHT - LEFT;
const BOTTOM_MARGIN: f64 = 66.0;
const TREE_HEIGHT: f64 = 480.0;
const TALLEST_STEP: f64 = 44.0;

/// Labels in a column are at least this far apart.
const LINE_HEIGHT: f64 = 13.0;

/// Levels with more branches than this are drawn as a sample, because finer lines could not be told
/// apart.
const MOST_LINES: usize = 720;

/// The colours of the levels, from the first one to the last one.
const LEVEL_COLOURS: [Colour; 5] = [NIGHT, SEA, LEAF, SUN, EMBER];

/// The longest label in columns of an ordinary letter: half the picture's width holds as many even in
/// wide typefaces.
const LONGEST_LABEL: usize = 34;

/// The tree of a transition as an SVG document.
///
/// `keyframes` are the labels of the left and the right keyframe, usually their prompts. Long labels
/// are shortened, and line breaks become spaces.
///
/// # Example
/// ```
/// # fn main() -> Result<(), lb_schedule::ScheduleError> {
/// use lb_drawing::draw_tree;
/// use lb_schedule::{BranchingProfile, Tree};
///
/// let profile = BranchingProfile::manual(10, &[2, 3, 7, 10], &[0, 3, 6, 9])?;
/// let tree = Tree::fixed(profile, 1.2)?;
/// let svg = draw_tree(&tree, ["a red apple", "a green pear"]);
/// assert!(svg.starts_with("<svg"));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn draw_tree(tree: &Tree, keyframes: [&str; 2]) -> String {
    draw_trees(&[(tree, keyframes)])
}

/// The trees of a film as one SVG document, one below the other in the order of the film. Each comes
/// with the labels of its keyframes, as in [`draw_tree`].
#[must_use]
pub fn draw_trees(trees: &[(&Tree, [&str; 2])]) -> String {
    let layouts: Vec<Layout> = trees
        .iter()
        .map(|(tree, _)| Layout::new(tree.profile()))
        .collect();
    let height = layouts.iter().map(Layout::height).sum();
    let title = match trees {
        [(tree, _)] => format!("A latent blending tree: {}", numbers(tree.profile())),
        trees => format!("{} latent blending trees", trees.len()),
    };
    let mut svg = Svg::page(PAGE_WIDTH, height, &title);
    let mut top = 0.0;
    for ((tree, keyframes), layout) in trees.iter().zip(&layouts) {
        if top > 0.0 {
            let (left, right) = (LEFT - 14.0, PAGE_WIDTH - LEFT + 14.0);
            svg.add(format_args!(r##"<g transform="translate(0 {top:.1})">"##));
            svg.add(format_args!(
                r##"<path d="M{left:.1} 0H{right:.1}" stroke="{RULE}"/>"##
            ));
        }
        draw(&mut svg, layout, tree, *keyframes);
        if top > 0.0 {
            svg.add(format_args!("</g>"));
        }
        top += layout.height();
    }
    svg.finish()
}

/// Draws a tree at the top of the page.
fn draw(svg: &mut Svg, layout: &Layout, tree: &Tree, keyframes: [&str; 2]) {
    let profile = tree.profile();
    svg.add(format_args!(
        r##"<text x="{LEFT:.1}" y="30" fill="{FAINT_INK}">{}</text>"##,
        numbers(profile)
    ));
    bands(svg, layout, profile);
    for level in tree.levels().skip(1).rev() {
        branches(svg, layout, &level);
    }
    trajectories(svg, layout, keyframes);
    computed_frames(svg, layout, tree.frame_fractions());
    label_levels(svg, layout, profile);
    label_steps(svg, layout, profile);
    label_fractions(svg, layout);
}

/// The numbers of a tree in one line.
fn numbers(profile: &BranchingProfile) -> String {
    let cost = profile.cost();
    format!(
        "steps {} · levels {} · computed frames {} · model evaluations {}",
        profile.steps(),
        profile.levels().len(),
        cost.decodes,
        cost.model_evaluations,
    )
}

/// One pale band for each level.
fn bands(svg: &mut Svg, layout: &Layout, profile: &BranchingProfile) {
    for level in 0..profile.levels().len() {
        let steps = profile.step_range(level);
        let (top, bottom) = (layout.y(steps.start), layout.y(steps.end));
        let (left, width, height) = (LEFT - 14.0, WIDTH + 28.0, bottom - top);
        let colour = layout.colour(level);
        svg.add(format_args!(
            r##"<rect x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}" fill-opacity="0.07"/>"##
        ));
    }
}

/// The inner branches of a level, and the links from their parents: the nearer the parent, the
/// stronger its link.
fn branches(svg: &mut Svg, layout: &Layout, level: &TreeLevel<'_>) {
    let steps = &level.steps;
    let (top, bottom) = (layout.y(steps.start), layout.y(steps.end));
    let joint = top + layout.link_height(steps.len());
    let bend = (top + joint) / 2.0;
    let colour = layout.colour(level.index);
    let stroke = layout.branch_stroke(level.fractions.len());
    svg.add(format_args!(
        r##"<g fill="none" stroke="{colour}" stroke-width="{stroke:.2}" stroke-linecap="round">"##
    ));
    let mut trunks = String::new();
    let inner = level.inner_branches();
    let stride = inner.len().div_ceil(MOST_LINES).max(1);
    for branch in inner.step_by(stride) {
        let x = layout.x(level.fractions[branch]);
        let parents = level.parents(branch).into_iter();
        let links = parents.flat_map(|both| [(both.left, 1.0 - both.mix), (both.right, both.mix)]);
        for (parent, share) in links.filter(|&(_, share)| share > 0.0) {
            let from = layout.x(level.fractions_above()[parent]);
            let opacity = 0.1 + 0.9 * share;
            svg.add(format_args!(
                r##"<path d="M{from:.1} {top:.1}C{from:.1} {bend:.1} {x:.1} {bend:.1} {x:.1} {joint:.1}" stroke-opacity="{opacity:.2}"/>"##
            ));
        }
        // Writing to a String cannot fail.
        let _ = write!(trunks, "M{x:.1} {joint:.1}V{bottom:.1}");
    }
    if !trunks.is_empty() {
        svg.add(format_args!(r##"<path d="{trunks}"/>"##));
    }
    svg.add(format_args!("</g>"));
}

/// The keyframes' trajectories, from the first step to the last one, under their labels.
fn trajectories(svg: &mut Svg, layout: &Layout, keyframes: [&str; 2]) {
    let ends = [(0.0, "start"), (1.0, "end")];
    for ((fraction, anchor), keyframe) in ends.into_iter().zip(keyframes) {
        let (x, bottom) = (layout.x(fraction), layout.bottom());
        let (above, label) = (TOP - 16.0, label(keyframe));
        svg.add(format_args!(
            r##"<path d="M{x:.1} {TOP:.1}V{bottom:.1}" stroke="{INK}" stroke-width="4" stroke-linecap="round"/>"##
        ));
        svg.add(format_args!(
            r##"<text x="{x:.1}" y="{above:.1}" font-size="14" font-weight="600" fill="{INK}" text-anchor="{anchor}">{label}</text>"##
        ));
    }
}

/// The computed frames at the bottom: a small box for each branch of the last level.
fn computed_frames(svg: &mut Svg, layout: &Layout, frames: &[f64]) {
    let size = layout.frame_size(frames.len());
    let top = layout.bottom() + 9.0;
    let radius = size.min(6.0) / 2.0;
    let inner = layout.colour(layout.levels - 1);
    for (index, &fraction) in frames.iter().enumerate() {
        let is_keyframe = index == 0 || index == frames.len() - 1;
        let colour = if is_keyframe { INK } else { inner };
        let left = layout.x(fraction) - size / 2.0;
        svg.add(format_args!(
            r##"<rect x="{left:.1}" y="{top:.1}" width="{size:.1}" height="14" rx="{radius:.1}" fill="{colour}"/>"##
        ));
    }
}

/// The number of branches of each level, at the right of its band. Where bands are narrower than a
/// line, some levels get no label.
fn label_levels(svg: &mut Svg, layout: &Layout, profile: &BranchingProfile) {
    let last = profile.levels().len() - 1;
    let middle = |level| {
        let steps = profile.step_range(level);
        (layout.y(steps.start) + layout.y(steps.end)) / 2.0
    };
    let mut labelled = f64::NEG_INFINITY;
    for (level, at) in profile.levels().iter().enumerate() {
        let y = middle(level);
        if level != last && (y - labelled).min(middle(last) - y) < LINE_HEIGHT {
            continue;
        }
        labelled = y;
        let what = match level {
            0 if last == 0 => "keyframes alone",
            0 => "keyframes",
            _ if level == last => "computed frames",
            _ => "branches",
        };
        let (x, base, count) = (RIGHT + 24.0, y + 4.0, at.branch_count);
        // Letters are thinner than lines and must be darker.
        let colour = layout.colour(level).towards(INK, 0.35);
        svg.add(format_args!(
            r##"<text x="{x:.1}" y="{base:.1}" fill="{colour}"><tspan font-weight="700">{count}</tspan> {what}</text>"##
        ));
    }
}

/// The injection steps and the last step, at the left.
fn label_steps(svg: &mut Svg, layout: &Layout, profile: &BranchingProfile) {
    let (x, title) = (LEFT - 24.0, TOP - 16.0);
    svg.add(format_args!(
        r##"<g fill="{FAINT_INK}" text-anchor="end">"##
    ));
    svg.add(format_args!(
        r##"<text x="{x:.1}" y="{title:.1}" font-style="italic">step</text>"##
    ));
    let end = layout.bottom();
    let mut labelled = f64::NEG_INFINITY;
    for level in profile.levels() {
        let y = layout.y(level.injection_step);
        if (y - labelled).min(end - y) >= LINE_HEIGHT {
            labelled = y;
            let (base, step) = (y + 4.0, level.injection_step);
            svg.add(format_args!(
                r##"<text x="{x:.1}" y="{base:.1}">{step}</text>"##
            ));
        }
    }
    let (base, step) = (end + 4.0, profile.steps());
    svg.add(format_args!(
        r##"<text x="{x:.1}" y="{base:.1}">{step}</text></g>"##
    ));
}

/// Five marks between the keyframes, below the computed frames.
fn label_fractions(svg: &mut Svg, layout: &Layout) {
    let y = layout.bottom() + 44.0;
    svg.add(format_args!(
        r##"<g fill="{FAINT_INK}" text-anchor="middle">"##
    ));
    for (fraction, name) in [(0.0, "0"), (0.25, "¼"), (0.5, "½"), (0.75, "¾"), (1.0, "1")] {
        let x = layout.x(fraction);
        svg.add(format_args!(
            r##"<text x="{x:.1}" y="{y:.1}">{name}</text>"##
        ));
    }
    let x = RIGHT + 24.0;
    svg.add(format_args!(
        r##"<text x="{x:.1}" y="{y:.1}" text-anchor="start" font-style="italic">fraction</text></g>"##
    ));
}

/// A prompt as one line that fits over half the picture, safe inside XML.
fn label(prompt: &str) -> String {
    escape(&shorten(prompt))
}

fn shorten(prompt: &str) -> String {
    let line = prompt.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().map(columns).sum::<usize>() <= LONGEST_LABEL {
        return line;
    }
    let mut room = LONGEST_LABEL - 1;
    let fits = |character: &char| {
        let left = room.checked_sub(columns(*character));
        room = left.unwrap_or(0);
        left.is_some()
    };
    let short: String = line.chars().take_while(fits).collect();
    format!("{}…", short.trim_end())
}

/// How many columns a character takes. Scripts from the Hangul Jamo on are mostly set twice as wide as
/// Latin.
fn columns(character: char) -> usize {
    if character < '\u{1100}' { 1 } else { 2 }
}

/// Where things go on the page, in pixels, and in which colours.
struct Layout {
    step_height: f64,
    steps: usize,
    levels: usize,
}

impl Layout {
    fn new(profile: &BranchingProfile) -> Self {
        Self {
            step_height: (TREE_HEIGHT / profile.steps() as f64).min(TALLEST_STEP),
            steps: profile.steps(),
            levels: profile.levels().len(),
        }
    }

    fn bottom(&self) -> f64 {
        self.y(self.steps)
    }

    /// The height of the tree with its labels and margins.
    fn height(&self) -> f64 {
        self.bottom() + BOTTOM_MARGIN
    }

    fn x(&self, fraction: f64) -> f64 {
        LEFT + fraction * WIDTH
    }

    fn y(&self, step: usize) -> f64 {
        TOP + step as f64 * self.step_height
    }

    /// How far the links from the parents reach down into a level.
    fn link_height(&self, steps: usize) -> f64 {
        (0.8 * steps as f64 * self.step_height).min(34.0)
    }

    fn branch_stroke(&self, branch_count: usize) -> f64 {
        (0.12 * WIDTH / branch_count as f64).clamp(0.4, 3.0)
    }

    fn frame_size(&self, branch_count: usize) -> f64 {
        (0.6 * WIDTH / branch_count as f64).clamp(0.4, 14.0)
    }

    fn colour(&self, level: usize) -> Colour {
        let spans = LEVEL_COLOURS.len() - 1;
        let position = (level * spans) as f64 / self.levels.saturating_sub(1).max(1) as f64;
        let left = (position as usize).min(spans - 1);
        LEVEL_COLOURS[left].towards(LEVEL_COLOURS[left + 1], position - left as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_run_through_the_whole_palette() {
        let profile = BranchingProfile::manual(10, &[2, 3, 7, 10], &[0, 3, 6, 9]).unwrap();
        let layout = Layout::new(&profile);
        assert_eq!(layout.colour(0), LEVEL_COLOURS[0]);
        assert_eq!(layout.colour(3), LEVEL_COLOURS[4]);
        assert_ne!(layout.colour(1), layout.colour(2));
    }

    #[test]
    fn labels_are_one_line_of_text() {
        assert_eq!(
            label("<b>\n  cats & \u{7}dogs</b>"),
            "&lt;b&gt; cats &amp; \u{fffd}dogs&lt;/b&gt;"
        );
    }

    #[test]
    fn long_labels_are_shortened() {
        assert_eq!(label(&"x".repeat(34)), "x".repeat(34));
        assert_eq!(label(&"x".repeat(35)), format!("{}…", "x".repeat(33)));
        assert_eq!(label(&"梨".repeat(18)), format!("{}…", "梨".repeat(16)));
    }
}
