//! The drawing is well-formed, whole, and refuses what is no tree.

use lb_schedule::{BranchingProfile, ScheduleError, draw_tree};
use proptest::prelude::*;

/// Every element is closed by its own name, and markup occurs nowhere else.
fn check_well_formed(svg: &str) -> Result<(), TestCaseError> {
    let mut open = Vec::new();
    for part in svg.split('<').skip(1) {
        let (tag, text) = part
            .split_once('>')
            .ok_or_else(|| TestCaseError::fail("open tag"))?;
        prop_assert!(!text.contains('>'));
        let name = tag.split(' ').next().unwrap_or_default();
        if let Some(closed) = name.strip_prefix('/') {
            prop_assert_eq!(open.pop(), Some(closed));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    prop_assert!(open.is_empty());
    Ok(())
}

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
        let tree = profile.fixed_tree(1.2);
        let svg = draw_tree(&profile, &tree, [&left, &right]).unwrap();
        check_well_formed(&svg)?;
        // A prompt may say "inf"; no number may.
        let numbers = draw_tree(&profile, &tree, ["", ""]).unwrap();
        prop_assert!(!numbers.contains("NaN") && !numbers.contains("inf"));
        prop_assert_eq!(svg.matches(r#"height="14""#).count(), frames);
        prop_assert_eq!(svg, draw_tree(&profile, &tree, [&left, &right]).unwrap());
    }
}

#[test]
fn the_largest_tree_stays_a_picture() {
    let profile = BranchingProfile::autosetup(1000, 10_000, 0.1).unwrap();
    let svg = draw_tree(&profile, &profile.fixed_tree(1.0), ["", ""]).unwrap();
    assert!(svg.len() < 12_000_000, "{} bytes", svg.len());
}

#[test]
fn fractions_of_another_tree_are_refused() {
    let profile = BranchingProfile::manual(10, &[2, 3, 7], &[0, 3, 6]).unwrap();
    let mut tree = profile.fixed_tree(1.2);
    let mut draw = |change: &dyn Fn(&mut Vec<Vec<f64>>)| {
        change(&mut tree);
        draw_tree(&profile, &tree, ["a", "b"]).unwrap_err()
    };
    let nan = draw(&|tree| tree[1][1] = f64::NAN);
    assert!(matches!(nan, ScheduleError::NotALevel { index: 1, .. }));
    let count = draw(&|tree| tree[1] = vec![0.0, 1.0]);
    assert_eq!(
        count,
        ScheduleError::FractionCount {
            level: 1,
            fractions: 2,
            expected: 3
        }
    );
    let levels = draw(&|tree| tree.truncate(2));
    assert_eq!(
        levels,
        ScheduleError::LevelCount {
            levels: 2,
            expected: 3
        }
    );
}
