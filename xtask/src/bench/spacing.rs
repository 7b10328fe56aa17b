//! Perceptual spacing compared with fixed spacing, at equal cost.

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::{Bench, RenderFacts, facts, mean};

/// Prompts of words that the bundled model knows. They were fixed before anything was measured.
pub(super) const PROMPT_PAIRS: [[&str; 2]; 24] = [
    // Another object.
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
    // Another colour, another background.
    ["a red car", "a blue car"],
    ["a pink tulip", "a yellow tulip"],
    ["a penguin", "a penguin on a blue background"],
    [
        "a sunflower on a blue background",
        "a sunflower on a black background",
    ],
    // Another object.
    ["a panda", "a koala"],
    ["an owl", "a parrot"],
    ["a frog", "a turtle"],
    ["a castle", "a volcano"],
    // Another object on another background.
    [
        "a green star on a black background",
        "a full moon on a blue background",
    ],
    [
        "a banana on a purple background",
        "a carrot on a green background",
    ],
    [
        "a butterfly on a yellow background",
        "a snail on a green background",
    ],
    [
        "a snowman on a blue background",
        "a cactus on an orange background",
    ],
];
const DEPTH_STRENGTHS: [&str; 3] = ["0.2", "0.4", "0.5"];
/// The names and arguments of the ways that are compared.
const WAYS: [(&str, &[&str]); 3] = [
    ("fixed", &["--spacing", "fixed"]),
    ("perceptual, latents", &["--spacing", "perceptual"]),
    (
        "perceptual, pictures",
        &["--spacing", "perceptual", "--spacing-distance", "pictures"],
    ),
];

/// The line of `lb measure --json`, as far as it is needed here.
#[derive(Deserialize)]
pub(super) struct Measured {
    pub(super) overall: Statistics,
}

#[derive(Deserialize)]
pub(super) struct Statistics {
    pub(super) coefficient_of_variation: f64,
    peak_ratio: f64,
    directness: f64,
    retention: Retention,
    residual: Residual,
    background: Option<Background>,
}

#[derive(Deserialize)]
struct Retention {
    mean: f64,
    least: f64,
    most: f64,
}

#[derive(Deserialize)]
struct Residual {
    mean: f64,
}

#[derive(Deserialize)]
struct Background {
    drift: f64,
    spread: f64,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    println!("## Spacing\n");
    println!(
        "Computed frames, measured by `lb measure`: {} prompt pairs, 20 steps, 12 frames.\n",
        PROMPT_PAIRS.len()
    );
    let mut pairs = Vec::new();
    println!(
        "| depth strength | spacing | coefficient of variation, mean (largest) | peak ratio | \
         directness | retention, mean | retention, least (most) | residual | drift, mean (largest) | \
         spread, mean (largest) | model evaluations |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for depth_strength in DEPTH_STRENGTHS {
        let mut cost = None;
        for (name, arguments) in WAYS {
            let mut found = Vec::new();
            for prompts in PROMPT_PAIRS {
                let (measured, evaluations) = measure(bench, prompts, depth_strength, arguments)?;
                ensure!(
                    *cost.get_or_insert(evaluations) == evaluations,
                    "the ways differ in cost"
                );
                found.push(measured);
            }
            let over =
                |value: fn(&Statistics) -> f64| mean(&found.iter().map(value).collect::<Vec<_>>());
            let all = |value: fn(&Statistics) -> Option<f64>| {
                let values: Vec<f64> = found.iter().filter_map(value).collect();
                (mean(&values), values.iter().copied().fold(0.0, f64::max))
            };
            let (_, most_uneven) = all(|of| Some(of.coefficient_of_variation));
            let (_, most_retention) = all(|of| Some(of.retention.most));
            // Keyframes on different backgrounds have none in common.
            let (drift, most_drift) = all(|of| Some(of.background.as_ref()?.drift));
            let (spread, most_spread) = all(|of| Some(of.background.as_ref()?.spread));
            println!(
                "| {depth_strength} | {name} | {:.3} ({most_uneven:.3}) | {:.2} | {:.2} | {:.3} | \
                 {:.3} ({most_retention:.3}) | {:.3} | {drift:.1} ({most_drift:.1}) | \
                 {spread:.2} ({most_spread:.2}) | {} |",
                over(|of| of.coefficient_of_variation),
                over(|of| of.peak_ratio),
                over(|of| of.directness),
                over(|of| of.retention.mean),
                over(|of| of.retention.least),
                over(|of| of.residual.mean),
                cost.unwrap_or_default()
            );
            pairs.push((depth_strength, name, found));
        }
    }
    println!("\nCoefficient of variation and mean retention of each pair:\n");
    println!("| pair | depth strength | fixed | latents | pictures |");
    println!("|---|---|---|---|---|");
    for (index, [left, right]) in PROMPT_PAIRS.iter().enumerate() {
        for ways in pairs.chunks(WAYS.len()) {
            let cells = ways.iter().map(|(_, _, found)| {
                let of = &found[index];
                format!(
                    "{:.3}, {:.2}",
                    of.coefficient_of_variation, of.retention.mean
                )
            });
            let cells: Vec<String> = cells.collect();
            println!(
                "| {left} – {right} | {} | {} |",
                ways[0].0,
                cells.join(" | ")
            );
        }
    }
    println!();
    Ok(())
}

/// Renders frames and measures them: their statistics, and the model evaluations that they took.
fn measure(
    bench: &Bench<'_>,
    prompts: [&str; 2],
    depth_strength: &str,
    spacing: &[&str],
) -> Result<(Statistics, usize)> {
    let frames = bench.scratch.path().join("spacing");
    let mut render = bench.lb_render(prompts);
    render.args(spacing);
    render.args(["--branching", "classic", "--steps", "20", "--frames", "12"]);
    render.args(["--depth-strength", depth_strength]);
    let rendered: RenderFacts = facts(render.arg("--frames-dir").arg(&frames))?;
    let measured: Measured = facts(bench.lb("measure").arg(&frames).arg("--json"))?;
    Ok((measured.overall, rendered.model_evaluations))
}
