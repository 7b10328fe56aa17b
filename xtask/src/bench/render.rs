//! One whole render by `lb`, compared with the same job by diffusers, one branch at a time.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::{Bench, RenderFacts, Tree, facts, median, spread};
use crate::pictures;

const PROMPTS: [&str; 2] = ["a red apple", "a green pear"];
const PAIRS: usize = 5;

/// The line of `reference/render_sequential.py`.
#[derive(Clone, Copy, Debug, Deserialize)]
struct ReferenceFacts {
    seconds: ReferenceSeconds,
    peak_memory: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct ReferenceSeconds {
    imports: f64,
    load: f64,
    render: f64,
}

/// Two runs that followed each other: what they report, and how many seconds their processes took.
struct Pair {
    lb: RenderFacts,
    lb_process: f64,
    reference: ReferenceFacts,
    reference_process: f64,
}

pub(super) fn run(bench: &Bench<'_>, python: &Path) -> Result<()> {
    println!("## One render beside sequential PyTorch\n");
    let reference_frames = bench.scratch.path().join("reference");
    let frames = bench.scratch.path().join("frames");
    for threads in [1, 2] {
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            let begun = Instant::now();
            let lb = render(bench, threads, &frames)?;
            let lb_process = begun.elapsed().as_secs_f64();
            let tree = lb
                .transitions
                .first()
                .context("lb reported no transition")?;
            let begun = Instant::now();
            let reference = sequential(bench, python, threads, tree, &reference_frames)?;
            let reference_process = begun.elapsed().as_secs_f64();
            pairs.push(Pair {
                lb,
                lb_process,
                reference,
                reference_process,
            });
        }
        report(threads, &pairs);
    }
    let found = pictures::psnr(
        &pictures::read_folder(&frames)?,
        &pictures::read_folder(&reference_frames)?,
    )?;
    let least = found.iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "The {} computed frames of both programs agree to at least {least:.1} dB (PSNR); {} of them \
         are equal.\n",
        found.len(),
        found.iter().filter(|ratio| ratio.is_infinite()).count()
    );
    Ok(())
}

fn render(bench: &Bench<'_>, threads: usize, frames: &Path) -> Result<RenderFacts> {
    let mut render = bench.lb_render(PROMPTS);
    render.args([
        "--seed",
        "0,1",
        "--branching",
        "classic",
        "--between",
        "pictures",
    ]);
    render.args(["--depth-strength", "0.2", "--threads"]);
    render.arg(threads.to_string());
    facts(render.arg("--frames-dir").arg(frames))
}

fn sequential(
    bench: &Bench<'_>,
    python: &Path,
    threads: usize,
    tree: &Tree,
    frames: &Path,
) -> Result<ReferenceFacts> {
    let list = |numbers: &[usize]| {
        let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        numbers.join(",")
    };
    let script = bench.workspace.root.join("reference/render_sequential.py");
    let mut reference = Command::new(python);
    reference.arg(script).args(PROMPTS);
    reference.arg("--model").arg(&bench.model);
    reference.arg("--frames-dir").arg(frames);
    reference.args(["--seed", "0,1", "--threads", &threads.to_string()]);
    reference.args(["--steps", &tree.steps.to_string()]);
    reference.args(["--branches", &list(&tree.branch_counts)]);
    reference.args(["--injection-steps", &list(&tree.injection_steps)]);
    facts(&mut reference)
}

fn report(threads: usize, pairs: &[Pair]) {
    let all = |value: fn(&Pair) -> f64| pairs.iter().map(value).collect::<Vec<f64>>();
    let memory = |bytes: Vec<u64>| bytes.into_iter().max().unwrap_or(0) / 1_000_000;
    let lb_memory = memory(
        pairs
            .iter()
            .filter_map(|pair| pair.lb.peak_memory)
            .collect(),
    );
    let reference_memory = memory(
        pairs
            .iter()
            .map(|pair| pair.reference.peak_memory)
            .collect(),
    );
    let threads = match threads {
        1 => "one thread".to_owned(),
        _ => format!("{threads} threads"),
    };
    println!(
        "With {threads} (medians of {PAIRS} pairs; ratios pair by pair, with the least and the \
         largest):\n"
    );
    println!("| | lb | sequential PyTorch | ratio |\n|---|---|---|---|");
    println!(
        "| whole process | {:.2} s | {:.2} s | {} |",
        median(&all(|pair| pair.lb_process)),
        median(&all(|pair| pair.reference_process)),
        spread(&all(|pair| pair.reference_process / pair.lb_process))
    );
    println!(
        "| without Python's imports | {:.2} s | {:.2} s | {} |",
        median(&all(|pair| pair.lb.seconds.total)),
        median(&all(own_seconds)),
        spread(&all(|pair| own_seconds(pair) / pair.lb.seconds.total))
    );
    println!(
        "| loading (imports) | {:.2} s | {:.2} s ({:.2} s) | |",
        median(&all(|pair| pair.lb.seconds.loading)),
        median(&all(|pair| pair.reference.seconds.load)),
        median(&all(|pair| pair.reference.seconds.imports))
    );
    println!(
        "| in model sessions | {:.2} s | | |",
        median(&all(|pair| pair.lb.seconds.in_model_sessions))
    );
    println!("| peak memory | {lb_memory} MB | {reference_memory} MB | |\n");
    println!(
        "Outside of model sessions and loading, lb spends {:.1} % of its time.\n",
        median(&all(
            |pair| 100.0 * pair.lb.seconds.outside / pair.lb.seconds.total
        ))
    );
}

fn own_seconds(pair: &Pair) -> f64 {
    pair.reference.seconds.load + pair.reference.seconds.render
}
