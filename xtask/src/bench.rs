//! `bench`: measures `lb` on the bundled model and prints Markdown (`docs/benchmarks.md`).

mod facts;
mod render;
mod spacing;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;
use crate::{process, python, setup};

/// What the parts of the benchmark run.
struct Bench {
    lb: PathBuf,
    library: PathBuf,
    model: PathBuf,
    /// For what the runs write.
    scratch: tempfile::TempDir,
}

pub(crate) fn run(workspace: &Workspace, parts: &[String]) -> Result<()> {
    if let Some(unknown) = parts
        .iter()
        .find(|part| !["render", "spacing"].contains(&part.as_str()))
    {
        bail!("there is no part `{unknown}`; the parts are render and spacing");
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|given| given == part);
    let library = setup::library(workspace)?;
    process::run(process::cargo(&workspace.root).args(["build", "--release", "-p", "lb-cli"]))?;
    let bench = Bench {
        lb: workspace.program("release"),
        library,
        model: workspace
            .model("pocket")
            .context("there is no model directory `pocket`")?,
        scratch: tempfile::tempdir_in(&workspace.target)?,
    };
    println!("Machine: {}\n", machine());
    if wanted("render") {
        let requirements = workspace.root.join("reference/requirements.txt");
        let python = python::with_packages(workspace, &requirements)?;
        render::run(workspace, &bench, &python)?;
    }
    if wanted("spacing") {
        spacing::run(workspace, &bench)?;
    }
    Ok(())
}

/// Processor, cores and system, as far as they can be told.
fn machine() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{name}, {cores} cores, {}", std::env::consts::OS)
}

/// The middle of some numbers; of the two middle ones, their mean.
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

/// A median with its spread: `1.93 (1.88–2.01)`.
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
    fn a_spread_names_its_ends() {
        assert_eq!(spread(&[2.0, 1.5, 1.75]), "1.75 (1.50–2.00)");
    }
}
