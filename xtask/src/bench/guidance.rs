//! Guidance at every Nth step compared with fewer steps: rows, distance from a film of many steps, and evenness.

use std::path::Path;

use anyhow::Result;

use super::spacing::{Measured, PROMPT_PAIRS};
use super::{Bench, RenderFacts, facts, mean};
use crate::pictures;

/// The sampler, the steps, and at every how many of them guidance is computed.
type Way = (&'static str, usize, usize);

/// The film from which the distances are measured.
const FINE: Way = ("ddim", 100, 1);
const WAYS: [Way; 9] = [
    ("ddim", 12, 1),
    ("ddim", 12, 2),
    ("ddim", 16, 1),
    ("ddim", 16, 2),
    ("ddim", 20, 1),
    ("ddim", 20, 2),
    ("dpmpp-2m", 12, 1),
    ("dpmpp-2m", 16, 1),
    ("dpmpp-2m", 16, 2),
];

/// What one film of a pair took, and how it turned out.
struct Made {
    rows: usize,
    /// Decibels between all of its frames and those of the fine film.
    frames: f64,
    /// The same for the two keyframes alone.
    keyframes: f64,
    unevenness: f64,
}

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    println!("## Guidance at every Nth step\n");
    println!(
        "Computed frames of {} prompt pairs, 12 for each, compared with those of {} steps by DDIM.\n",
        PROMPT_PAIRS.len(),
        FINE.1
    );
    let mut found: Vec<Vec<Made>> = WAYS.iter().map(|_| Vec::new()).collect();
    for prompts in PROMPT_PAIRS {
        let folder = bench.scratch.path().join("guidance");
        let fine_folder = folder.join("fine");
        render(bench, prompts, FINE, &fine_folder)?;
        let fine = pictures::read_folder(&fine_folder)?;
        for (way, found) in WAYS.into_iter().zip(&mut found) {
            let frames = folder.join("frames");
            let rendered = render(bench, prompts, way, &frames)?;
            let measured: Measured = facts(bench.lb("measure").arg(&frames).arg("--json"))?;
            let distances = pictures::psnr(&pictures::read_folder(&frames)?, &fine)?;
            let ends = [distances[0], distances[distances.len() - 1]];
            found.push(Made {
                rows: rendered.predicted_rows,
                frames: pooled(&distances),
                keyframes: pooled(&ends),
                unevenness: measured.overall.coefficient_of_variation,
            });
        }
    }
    println!(
        "| sampler | steps | guidance at every | rows | dB, all frames | dB, keyframes | coefficient of variation, mean (largest) |"
    );
    println!("|---|---|---|---|---|---|---|");
    for ((sampler, steps, every), found) in WAYS.into_iter().zip(&found) {
        let over = |value: fn(&Made) -> f64| mean(&found.iter().map(value).collect::<Vec<_>>());
        let most_uneven = found.iter().map(|at| at.unevenness).fold(0.0, f64::max);
        println!(
            "| {sampler} | {steps} | {every} | {} | {:.1} | {:.1} | {:.3} ({most_uneven:.3}) |",
            found[0].rows,
            over(|at| at.frames),
            over(|at| at.keyframes),
            over(|at| at.unevenness),
        );
    }
    println!();
    Ok(())
}

fn render(
    bench: &Bench<'_>,
    prompts: [&str; 2],
    (sampler, steps, every): Way,
    frames: &Path,
) -> Result<RenderFacts> {
    let mut render = bench.lb_render(prompts);
    render.args(["--frames", "12", "--sampler", sampler]);
    render.args(["--steps", &steps.to_string()]);
    render.args(["--guidance-every", &every.to_string()]);
    facts(render.arg("--frames-dir").arg(frames))
}

/// The peak signal-to-noise ratio of several pictures together, in dB: that of their mean square difference.
fn pooled(psnr: &[f64]) -> f64 {
    let squares: Vec<f64> = psnr.iter().map(|at| 10_f64.powf(-at / 10.0)).collect();
    -10.0 * mean(&squares).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_pooled_by_their_squares() {
        assert!((pooled(&[30.0, 30.0]) - 30.0).abs() < 1e-9);
        // An equal picture halves the mean square.
        assert!((pooled(&[30.0, f64::INFINITY]) - 33.0103).abs() < 1e-4);
    }
}
