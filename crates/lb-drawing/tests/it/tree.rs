//! The drawing of a tree is well-formed and complete.

use lb_drawing::draw_tree;
use lb_schedule::{BranchingProfile, Tree};
use proptest::prelude::*;

use crate::check_well_formed;

proptest! {
    #[test]
    fn well_formed_for_every_tree_and_prompt(
        steps in 2..150_usize,
        frames in 2..60_usize,
        depth in 0.0..=1.0,
        left in any::<String>(),
        right in "[<>&\"'a-z ]{0,60}",
    ) {
        let profile = BranchingProfile::autosetup(steps, frames, depth).unwrap();
        let tree = Tree::fixed(profile, 1.2).unwrap();
        let svg = draw_tree(&tree, [&left, &right]);
        check_well_formed(&svg)?;
        // A prompt may contain "inf", but no number may.
        let numbers = draw_tree(&tree, ["", ""]);
        prop_assert!(!numbers.contains("NaN") && !numbers.contains("inf"));
        prop_assert_eq!(svg.matches(r#"height="14""#).count(), frames);
        prop_assert_eq!(svg, draw_tree(&tree, [&left, &right]));
    }
}

#[test]
fn the_largest_tree_stays_a_picture() {
    let profile = BranchingProfile::autosetup(1000, 10_000, 0.1).unwrap();
    let svg = draw_tree(&Tree::fixed(profile, 1.0).unwrap(), ["", ""]);
    assert!(svg.len() < 12_000_000, "{} bytes", svg.len());
}
