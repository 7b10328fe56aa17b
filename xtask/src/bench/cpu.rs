//! `lb` on a processor, with ONNX Runtime's own provider and with OpenVINO, beside PyTorch, by
//! `reference/bench_cpu.py`.

use std::process::Command;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{process, python, setup};

/// `full_size` takes a model of Stable Diffusion 2.1's size with random weights instead of the bundled one.
pub(super) fn run(workspace: &Workspace, full_size: bool) -> Result<()> {
    let library = setup::library(workspace)?;
    let calls = workspace.build_bench_example("unet_calls")?;
    let reference = workspace.root.join("reference");
    let python = python::with_packages(workspace, &reference.join("requirements.txt"))?;
    let work = workspace.target.join("bench-cpu");
    let mut bench = Command::new(&python);
    bench.arg(reference.join("bench_cpu.py"));
    if full_size {
        let model = work.join("sd21-full-size");
        if !model.join("model_index.json").is_file() {
            let mut make = Command::new(&python);
            make.arg(reference.join("make_full_size.py")).arg(&model);
            let tokenizer = workspace.bundled_model()?.join("tokenizer");
            make.arg("--tokenizer").arg(tokenizer);
            process::run(make.args(["--dtype", "float16"]))?;
        }
        bench.arg("--model").arg(model);
        bench.args(["--rows", "2", "--rounds", "3"]);
    } else {
        bench.arg("--model").arg(workspace.bundled_model()?);
    }
    bench.arg("--unet-calls").arg(calls);
    bench.arg("--runtime").arg(library);
    let compiled = tempfile::tempdir_in(&workspace.target)?;
    bench.arg("--compiled").arg(compiled.path());
    println!("Machine: {}\n", super::machine());
    process::run(&mut bench)
}
