//! The drawing of a tree is well-formed and complete.

use lb_drawing::{draw_tree, draw_trees};
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
fn the_trees_of_a_film_stand_below_each_other() {
    let tree = |steps| {
        let profile = BranchingProfile::doubling(steps, 5, 0.2).unwrap();
        Tree::fixed(profile, 1.0).unwrap()
    };
    let (first, second) = (tree(10), tree(12));
    let height = |svg: &str| -> usize {
        let (_, rest) = svg.split_once(r#"height=""#).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let alone = [(&first, ["apple", "pear"]), (&second, ["pear", "plum"])];
    let heights = alone.map(|(tree, ends)| height(&draw_tree(tree, ends)));
    let both = draw_trees(&alone);
    check_well_formed(&both).unwrap();
    assert_eq!(height(&both), heights.iter().sum::<usize>());
    for (label, count) in [("apple", 1), ("pear", 2), ("plum", 1)] {
        assert_eq!(
            both.matches(&format!(">{label}<")).count(),
            count,
            "{label}"
        );
    }
    let below = format!(r#"translate(0 {}.0)"#, heights[0]);
    assert!(both.contains(&below), "{below}");
    assert_eq!(both.matches(r#"height="14""#).count(), 10);
}

#[test]
fn the_largest_tree_stays_a_picture() {
    let profile = BranchingProfile::autosetup(1000, 10_000, 0.1).unwrap();
    let svg = draw_tree(&Tree::fixed(profile, 1.0).unwrap(), ["", ""]);
    assert!(svg.len() < 12_000_000, "{} bytes", svg.len());
}
