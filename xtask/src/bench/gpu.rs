//! `lb` on an NVIDIA GPU beside PyTorch, by `reference/bench_gpu.py`, which does not need this program.

use std::process::Command;

use anyhow::Result;

use crate::workspace::{Profile, Workspace};
use crate::{process, python, setup};

pub(super) fn run(workspace: &Workspace) -> Result<()> {
    let library = match std::env::var_os("ORT_DYLIB_PATH") {
        Some(_) => setup::library(workspace)?,
        None => setup::gpu_library(workspace, &workspace.gpu_runtime_folder())?,
    };
    let program = workspace.build_lb(Profile::Release)?;
    let model_times = workspace.build_bench_example("model_times")?;
    let reference = workspace.root.join("reference");
    let python = python::with_packages(workspace, &reference.join("requirements.txt"))?;
    let mut bench = Command::new(python);
    bench.arg(reference.join("bench_gpu.py"));
    bench.arg("--lb").arg(program);
    bench.arg("--model-times").arg(model_times);
    bench.arg("--runtime").arg(library);
    bench.arg("--pocket").arg(workspace.bundled_model()?);
    bench.arg("--work").arg(workspace.target.join("bench-gpu"));
    process::run(&mut bench)
}
