//! The tree maths alone: prints a branching tree, what it costs, and where its branches lie.
//!
//! `cargo run -p lb-schedule --example tree`, or with `-- high 0.6`: quality and depth strength.
#![allow(clippy::print_stdout)]

use lb_schedule::{BranchingProfile, Quality, Spacing};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let quality: Quality = arguments.next().as_deref().unwrap_or("medium").parse()?;
    let depth_strength: f64 = arguments.next().as_deref().unwrap_or("0.4").parse()?;

    let profile = BranchingProfile::preset(quality, depth_strength)?;
    let tree = profile.fixed_tree(Spacing::DEFAULT_MID_COMPRESSION);

    let mut above = [' '; 61];
    for (level, fractions) in profile.levels().iter().zip(&tree) {
        let mut row = [' '; 61];
        for fraction in fractions {
            row[(fraction * 60.0).round() as usize] = '│';
        }
        let injection = std::iter::zip(above, row).map(|columns| match columns {
            ('│', '│') => '┼',
            ('│', _) => '┴',
            (_, '│') => '┬',
            _ => '─',
        });
        println!(
            "step {:>3}  {}",
            level.injection_step,
            String::from_iter(injection)
        );
        println!(
            "          {}  {}",
            String::from_iter(row),
            level.branch_count
        );
        above = row;
    }

    let cost = profile.cost();
    let one_by_one = profile.frame_count() * profile.steps();
    println!(
        "\n{} frames for {} model evaluations",
        cost.decodes, cost.model_evaluations
    );
    println!("(one by one: {one_by_one}), at the fractions");
    let fractions = tree
        .last()
        .into_iter()
        .flatten()
        .map(|fraction| format!("{fraction:.2}"));
    println!("{}", fractions.collect::<Vec<_>>().join(" "));
    Ok(())
}
