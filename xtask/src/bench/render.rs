//! One whole render by `lb`, beside the same job by diffusers one branch at a time.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::facts::{ReferenceFacts, RenderFacts, Tree};
use super::{Bench, median, spread};
use crate::pictures;
use crate::process;
use crate::python::Python;
use crate::workspace::Workspace;

const PROMPTS: [&str; 2] = ["a red apple", "a green pear"];
const PAIRS: usize = 5;

/// Both sides of one pair: what they tell of themselves, and the seconds of their processes.
struct Pair {
    lb: RenderFacts,
    lb_process: f64,
    reference: ReferenceFacts,
    reference_process: f64,
}

pub(super) fn run(workspace: &Workspace, bench: &Bench, python: &Python) -> Result<()> {
    println!("## One render beside sequential PyTorch\n");
    let reference_frames = bench.scratch.path().join("reference");
    let frames = bench.scratch.path().join("frames");
    for threads in [1, 2] {
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            let begun = Instant::now();
            let lb = render(workspace, bench, threads, &frames)?;
            let lb_process = begun.elapsed().as_secs_f64();
            let tree = lb
                .transitions
                .first()
                .context("lb reported no transition")?;
            let begun = Instant::now();
            let reference = sequential(workspace, bench, python, threads, tree, &reference_frames)?;
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
        "The {} computed frames of both: PSNR at least {least:.1} dB; {} of them are equal.\n",
        found.len(),
        found.iter().filter(|ratio| ratio.is_infinite()).count()
    );
    Ok(())
}

fn render(
    workspace: &Workspace,
    bench: &Bench,
    threads: usize,
    frames: &Path,
) -> Result<RenderFacts> {
    let mut command = workspace.lb(&bench.lb, &bench.library);
    command
        .arg("render")
        .args(PROMPTS)
        .arg("--model")
        .arg(&bench.model);
    command.args([
        "--seed",
        "0,1",
        "--quality",
        "medium",
        "--depth-strength",
        "0.2",
        "--json",
    ]);
    command.args([
        "--threads",
        &threads.to_string(),
        "--device",
        "cpu",
        "--force",
        "--no-cache",
    ]);
    let line = process::standard_output(command.arg("--frames-dir").arg(frames))?;
    serde_json::from_str(&line).with_context(|| format!("lb reported {line}"))
}

fn sequential(
    workspace: &Workspace,
    bench: &Bench,
    python: &Python,
    threads: usize,
    tree: &Tree,
    frames: &Path,
) -> Result<ReferenceFacts> {
    let list = |numbers: &[usize]| {
        numbers
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",")
    };
    let mut command = python.command();
    command.arg(workspace.root.join("reference/render_sequential.py"));
    command
        .args(PROMPTS)
        .arg("--model")
        .arg(&bench.model)
        .arg("--frames-dir")
        .arg(frames);
    command.args(["--seed", "0,1", "--threads", &threads.to_string()]);
    command.args([
        "--steps",
        &tree.steps.to_string(),
        "--branches",
        &list(&tree.branch_counts),
    ]);
    command.args(["--injection-steps", &list(&tree.injection_steps)]);
    let line = process::standard_output(&mut command)?;
    serde_json::from_str(&line).with_context(|| format!("the reference reported {line}"))
}

fn report(threads: usize, pairs: &[Pair]) {
    let of = |value: fn(&Pair) -> f64| pairs.iter().map(value).collect::<Vec<f64>>();
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
    println!("{threads} thread(s), medians of {PAIRS} pairs, ratios pair by pair (least–most):\n");
    println!("| | lb | sequential PyTorch | ratio |\n|---|---|---|---|");
    println!(
        "| whole process | {:.2} s | {:.2} s | {} |",
        median(&of(|pair| pair.lb_process)),
        median(&of(|pair| pair.reference_process)),
        spread(&of(|pair| pair.reference_process / pair.lb_process))
    );
    println!(
        "| without Python's imports | {:.2} s | {:.2} s | {} |",
        median(&of(|pair| pair.lb.seconds.total)),
        median(&of(own_seconds)),
        spread(&of(|pair| own_seconds(pair) / pair.lb.seconds.total))
    );
    println!(
        "| loading (imports) | {:.2} s | {:.2} s ({:.2} s) | |",
        median(&of(|pair| pair.lb.seconds.loading)),
        median(&of(|pair| pair.reference.seconds.load)),
        median(&of(|pair| pair.reference.seconds.imports))
    );
    println!(
        "| in model sessions | {:.2} s | | |",
        median(&of(|pair| pair.lb.seconds.in_model_sessions))
    );
    println!("| peak memory | {lb_memory} MB | {reference_memory} MB | |\n");
    println!(
        "Outside of model sessions and loading: {:.1} % of lb's render.\n",
        median(&of(
            |pair| 100.0 * pair.lb.seconds.outside / pair.lb.seconds.total
        ))
    );
}

fn own_seconds(pair: &Pair) -> f64 {
    pair.reference.seconds.load + pair.reference.seconds.render
}
