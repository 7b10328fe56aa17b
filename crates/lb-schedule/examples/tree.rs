//! Prints a branching tree, what it costs, and where its branches lie, with nothing but the maths.
//!
//! Run `cargo run -p lb-schedule --example tree`, and add `-- high 0.6` for another quality and depth
//! strength.
#![allow(clippy::print_stdout)]

use lb_schedule::{BranchingProfile, Quality, Spacing, Tree};

/// Columns from the left keyframe to the right one.
const LAST_COLUMN: f64 = 60.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let quality: Quality = arguments.next().as_deref().unwrap_or("medium").parse()?;
    let depth_strength: f64 = arguments.next().as_deref().unwrap_or("0.4").parse()?;

    let profile = BranchingProfile::preset(quality, depth_strength)?;
    let tree = Tree::fixed(profile, Spacing::DEFAULT_MID_COMPRESSION)?;

    for level in tree.levels() {
        let (above, row) = (columns(level.fractions_above()), columns(level.fractions));
        let injection = std::iter::zip(above, row).map(|columns| match columns {
            (true, true) => '┼',
            (true, false) => '┴',
            (false, true) => '┬',
            (false, false) => '─',
        });
        let branches = row.map(|branch| if branch { '│' } else { ' ' });
        let step = level.steps.start;
        println!("step {step:>3}  {}", String::from_iter(injection));
        println!(
            "          {}  {}",
            String::from_iter(branches),
            level.fractions.len()
        );
    }

    let profile = tree.profile();
    let cost = profile.cost();
    let one_by_one = profile.frame_count() * profile.steps();
    println!(
        "\n{} frames for {} model evaluations",
        cost.decodes, cost.model_evaluations
    );
    println!("(one by one: {one_by_one})\n");
    print!("{tree}");
    Ok(())
}

/// Which columns of a row have a branch.
fn columns(fractions: &[f64]) -> [bool; LAST_COLUMN as usize + 1] {
    let mut row = [false; LAST_COLUMN as usize + 1];
    for fraction in fractions {
        row[(fraction * LAST_COLUMN).round() as usize] = true;
    }
    row
}
