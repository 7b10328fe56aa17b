//! `bench`: measures `lb` with the bundled models and prints Markdown for `docs/benchmarks.md`.

mod cpu;
mod few_steps;
mod gpu;
mod guidance;
mod render;
mod spacing;
mod studio;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::workspace::{Profile, Workspace};
use crate::{process, python, setup};

/// What all parts of the benchmark need.
struct Bench<'a> {
    workspace: &'a Workspace,
    program: PathBuf,
    library: PathBuf,
    model: PathBuf,
    /// A folder for what the runs write.
    scratch: tempfile::TempDir,
}

/// The line of `lb render --json`, as far as it is needed here.
#[derive(Clone, Debug, Deserialize)]
struct RenderFacts {
    model_evaluations: usize,
    predicted_rows: usize,
    seconds: RenderSeconds,
    peak_memory: Option<u64>,
    transitions: Vec<Tree>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct RenderSeconds {
    total: f64,
    in_model_sessions: f64,
    loading: f64,
    outside: f64,
}

#[derive(Clone, Debug, Deserialize)]
struct Tree {
    steps: usize,
    injection_steps: Vec<usize>,
    branch_counts: Vec<usize>,
}

impl Bench<'_> {
    /// A call of `lb`.
    fn lb(&self, command: &str) -> Command {
        let mut lb = self.workspace.lb(&self.program, &self.library);
        lb.arg(command);
        lb
    }

    /// A call of `lb render` on the CPU, without the cache, that prints its facts.
    fn lb_render(&self, prompts: [&str; 2]) -> Command {
        let mut render = self.lb("render");
        render.args(prompts).arg("--model").arg(&self.model);
        render.args(["--device", "cpu", "--json", "--force", "--no-cache"]);
        render
    }
}

/// Runs a command that prints one line of JSON.
fn facts<T: DeserializeOwned>(command: &mut Command) -> Result<T> {
    let line = process::standard_output(command)?;
    serde_json::from_str(&line).with_context(|| format!("unexpected facts: {line}"))
}

pub(crate) fn run(workspace: &Workspace, parts: &[String]) -> Result<()> {
    let known = [
        "render",
        "few-steps",
        "spacing",
        "guidance",
        "studio",
        "gpu",
        "cpu",
        "cpu-full",
    ];
    let is_known = |part: &&String| known.contains(&part.as_str());
    if let Some(unknown) = parts.iter().find(|part| !is_known(part)) {
        bail!(
            "there is no part `{unknown}`; the parts are {}",
            known.join(", ")
        );
    }
    if parts.iter().any(|part| part == "gpu") {
        gpu::run(workspace)?;
    }
    for (part, full_size) in [("cpu", false), ("cpu-full", true)] {
        if parts.iter().any(|given| given == part) {
            cpu::run(workspace, full_size)?;
        }
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|given| given == part);
    if !["render", "few-steps", "spacing", "guidance", "studio"]
        .into_iter()
        .any(wanted)
    {
        return Ok(());
    }
    let library = setup::library(workspace)?;
    let bench = Bench {
        workspace,
        program: match std::env::var_os("LB_BINARY") {
            Some(program) => program.into(),
            None => workspace.build_lb(Profile::Release)?,
        },
        library,
        model: workspace.bundled_model()?,
        scratch: tempfile::tempdir_in(&workspace.target)?,
    };
    println!("Machine: {}\n", machine());
    if wanted("render") {
        let requirements = workspace.root.join("reference/requirements.txt");
        let python = python::with_packages(workspace, &requirements)?;
        render::run(&bench, &python)?;
    }
    if wanted("render") || wanted("few-steps") {
        few_steps::run(&bench)?;
    }
    if wanted("spacing") {
        spacing::run(&bench)?;
    }
    // It takes an hour on two cores.
    if parts.iter().any(|part| part == "guidance") {
        guidance::run(&bench)?;
    }
    // It is not one of the numbers of a whole run, because it needs Linux.
    if parts.iter().any(|part| part == "studio") {
        studio::run(&bench)?;
    }
    Ok(())
}

/// Processor, cores and operating system, as far as they are known.
pub(crate) fn machine() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{name}, {cores} cores, {}", std::env::consts::OS)
}

/// The mean of some numbers; not a number if there are none.
fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// The median of some numbers; not a number if there are none.
fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else if middle > 0 {
        sorted[middle - 1].midpoint(sorted[middle])
    } else {
        f64::NAN
    }
}

/// The median of some numbers with the least and the largest: `1.93 (1.88–2.01)`.
fn spread(numbers: &[f64]) -> String {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.2} ({least:.2}–{most:.2})", median(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_spread_shows_least_and_largest() {
        assert_eq!(spread(&[2.0, 1.5, 1.75]), "1.75 (1.50–2.00)");
    }
}
