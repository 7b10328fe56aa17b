//! Perceptual spacing beside fixed spacing, at equal cost.

use anyhow::{Context as _, Result, ensure};

use super::Bench;
use super::facts::RenderFacts;
use crate::pictures::{self, mean};
use crate::process;
use crate::workspace::Workspace;

/// Fixed before anything was measured; words that the bundled model knows.
const PROMPT_PAIRS: [[&str; 2]; 12] = [
    ["a red apple", "a green pear"],
    ["a yellow lemon", "an orange"],
    ["a strawberry", "a tomato"],
    ["a sunflower", "a red rose"],
    ["a pine tree", "a palm tree"],
    ["a mushroom", "a cupcake"],
    ["a hamburger", "a doughnut"],
    ["a cat face", "a dog face"],
    ["a fish", "a bird"],
    ["a red heart", "a blue heart"],
    ["a star", "a full moon"],
    ["a car", "a house"],
];
const DEPTH_STRENGTHS: [&str; 3] = ["0.2", "0.4", "0.5"];
/// Name and arguments of what is compared; the first is what the others are compared with.
const WAYS: [(&str, &[&str]); 3] = [
    ("fixed", &["--spacing", "fixed"]),
    ("perceptual, latents", &["--spacing", "perceptual"]),
    (
        "perceptual, pictures",
        &["--spacing", "perceptual", "--spacing-distance", "pictures"],
    ),
];

pub(super) fn run(workspace: &Workspace, bench: &Bench) -> Result<()> {
    println!("## Spacing\n");
    println!(
        "Coefficient of variation of the distances between neighbouring computed frames (RGB, \
         Euclidean); {} prompt pairs, 20 steps, 12 frames.\n",
        PROMPT_PAIRS.len()
    );
    println!("| depth strength | spacing | mean | mean ratio to fixed | model evaluations |");
    println!("|---|---|---|---|---|");
    for depth_strength in DEPTH_STRENGTHS {
        let mut fixed: Vec<f64> = Vec::new();
        let mut cost = None;
        for (name, arguments) in WAYS {
            let mut found = Vec::new();
            for prompts in PROMPT_PAIRS {
                let (unevenness, evaluations) =
                    measure(workspace, bench, prompts, depth_strength, arguments)?;
                ensure!(
                    *cost.get_or_insert(evaluations) == evaluations,
                    "the costs differ"
                );
                found.push(unevenness);
            }
            if fixed.is_empty() {
                fixed.clone_from(&found);
            }
            let ratios: Vec<f64> = found
                .iter()
                .zip(&fixed)
                .map(|(own, other)| own / other)
                .collect();
            println!(
                "| {depth_strength} | {name} | {:.3} | {:.2} | {} |",
                mean(&found),
                mean(&ratios),
                cost.unwrap_or_default()
            );
        }
    }
    println!();
    Ok(())
}

fn measure(
    workspace: &Workspace,
    bench: &Bench,
    prompts: [&str; 2],
    depth_strength: &str,
    spacing: &[&str],
) -> Result<(f64, usize)> {
    let frames = bench.scratch.path().join("spacing");
    let mut command = workspace.lb(&bench.lb, &bench.library);
    command
        .arg("render")
        .args(prompts)
        .arg("--model")
        .arg(&bench.model)
        .args(spacing);
    command.args([
        "--steps",
        "20",
        "--frames",
        "12",
        "--depth-strength",
        depth_strength,
    ]);
    command
        .args(["--device", "cpu", "--json", "--force", "--no-cache"])
        .arg("--frames-dir")
        .arg(&frames);
    let line = process::standard_output(&mut command)?;
    let facts: RenderFacts =
        serde_json::from_str(&line).with_context(|| format!("lb reported {line}"))?;
    Ok((
        pictures::unevenness(&pictures::read_folder(&frames)?),
        facts.model_evaluations,
    ))
}
