//! Where things go on the page, and in which colours.

use std::fmt;

use crate::profile::BranchingProfile;

/// Labels in a column are at least this far apart.
pub(super) const LINE_HEIGHT: f64 = 13.0;

const PAGE_WIDTH: f64 = 960.0;
const LEFT_MARGIN: f64 = 76.0;
const RIGHT_MARGIN: f64 = 176.0;
const TOP_MARGIN: f64 = 82.0;
const BOTTOM_MARGIN: f64 = 66.0;
const TREE_HEIGHT: f64 = 480.0;
const TALLEST_STEP: f64 = 44.0;

/// From the first level to the last: night, sea, leaf, sun, ember.
const LEVEL_COLORS: [Color; 5] = [
    Color([0x3d, 0x3b, 0x8e]),
    Color([0x1d, 0x7a, 0x96]),
    Color([0x4b, 0x9a, 0x5b]),
    Color([0xd9, 0x96, 0x1f]),
    Color([0xcf, 0x4d, 0x42]),
];
pub(super) const INK: Color = Color([0x2b, 0x2d, 0x42]);
pub(super) const FAINT_INK: Color = Color([0x63, 0x65, 0x78]);
pub(super) const PAPER: Color = Color([0xfc, 0xfb, 0xf8]);
pub(super) const RULE: Color = Color([0xe4, 0xe0, 0xd7]);

/// The plane of the tree on its page, in pixels.
pub(super) struct Layout {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    step_height: f64,
    steps: usize,
    levels: usize,
}

impl Layout {
    pub(super) fn new(profile: &BranchingProfile) -> Self {
        Self {
            left: LEFT_MARGIN,
            top: TOP_MARGIN,
            width: PAGE_WIDTH - LEFT_MARGIN - RIGHT_MARGIN,
            step_height: (TREE_HEIGHT / profile.steps() as f64).min(TALLEST_STEP),
            steps: profile.steps(),
            levels: profile.levels().len(),
        }
    }

    pub(super) fn page_width(&self) -> f64 {
        PAGE_WIDTH
    }

    pub(super) fn page_height(&self) -> f64 {
        self.bottom() + BOTTOM_MARGIN
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y(self.steps)
    }

    pub(super) fn x(&self, fraction: f64) -> f64 {
        self.left + fraction * self.width
    }

    pub(super) fn y(&self, step: usize) -> f64 {
        self.top + step as f64 * self.step_height
    }

    /// How far down a level the links from the parents reach.
    pub(super) fn link_height(&self, steps: usize) -> f64 {
        (0.8 * steps as f64 * self.step_height).min(34.0)
    }

    pub(super) fn branch_stroke(&self, branch_count: usize) -> f64 {
        (0.12 * self.width / branch_count as f64).clamp(0.4, 3.0)
    }

    pub(super) fn frame_size(&self, branch_count: usize) -> f64 {
        (0.6 * self.width / branch_count as f64).clamp(0.4, 14.0)
    }

    pub(super) fn color(&self, level: usize) -> Color {
        let spans = LEVEL_COLORS.len() - 1;
        let place = (level * spans) as f64 / self.levels.saturating_sub(1).max(1) as f64;
        let left = (place as usize).min(spans - 1);
        LEVEL_COLORS[left].towards(LEVEL_COLORS[left + 1], place - left as f64)
    }

    pub(super) fn last_color(&self) -> Color {
        self.color(self.levels - 1)
    }

    /// Darker than the lines: letters are thinner.
    pub(super) fn text_color(&self, level: usize) -> Color {
        self.color(level).towards(INK, 0.35)
    }
}

/// Red, green, blue.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Color([u8; 3]);

impl Color {
    fn towards(self, other: Self, share: f64) -> Self {
        let mut mixed = self.0;
        for (channel, other) in mixed.iter_mut().zip(other.0) {
            let (from, to) = (f64::from(*channel), f64::from(other));
            *channel = (from + share * (to - from)).round() as u8;
        }
        Self(mixed)
    }
}

impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_run_through_the_whole_palette() {
        let profile = BranchingProfile::manual(10, &[2, 3, 7, 10], &[0, 3, 6, 9]).unwrap();
        let layout = Layout::new(&profile);
        assert_eq!(layout.color(0), LEVEL_COLORS[0]);
        assert_eq!(layout.color(3), LEVEL_COLORS[4]);
        assert_ne!(layout.color(1), layout.color(2));
        assert_eq!(LEVEL_COLORS[0].to_string(), "#3d3b8e");
    }
}
