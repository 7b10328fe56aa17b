//! `interop`: Optimum renders what is exported here, and `lb` renders what Optimum exports.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use lb_export::{ExportOptions, export_directory};

use crate::pictures::{psnr, read_folder};
use crate::python::{self, Python};
use crate::workspace::Workspace;
use crate::{process, setup};

const PROMPTS: [&str; 2] = ["a red apple", "a green pear"];
const STEPS: &str = "10";
const GUIDANCE_SCALE: &str = "4";
/// What float arithmetic in another order may cost.
const LEAST_PSNR: f64 = 45.0;

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let library = setup::library(workspace)?;
    process::run(process::cargo(&workspace.root).args(["build", "--release", "-p", "lb-cli"]))?;
    let scripts = workspace.root.join("reference/interop");
    let python = python::with_packages(workspace, &scripts.join("requirements.txt"))?;
    let scratch = tempfile::tempdir_in(&workspace.target)?;
    let place = |name: &str| scratch.path().join(name);

    let bundled = workspace
        .model("pocket")
        .context("there is no model directory `pocket`")?;
    let (ours, theirs) = (place("exported-here"), place("exported-by-optimum"));
    copy_model(&bundled, &ours)?;
    export_by_optimum(&python, &ours, &theirs)?;
    export_directory(&ours, &ExportOptions::default())?;

    let wanted = keyframe(workspace, &library, &bundled, &place("bundled"))?;
    let by_optimum = place("optimum");
    fs::create_dir(&by_optimum)?;
    render_by_optimum(&python, &scripts, &ours, &by_optimum.join("frame_0000.png"))?;
    compare("exported here, rendered by Optimum", &wanted, &by_optimum)?;
    let by_lb = keyframe(workspace, &library, &theirs, &place("lb"))?;
    compare("exported by Optimum, rendered by lb", &wanted, &by_lb)
}

/// A model directory without the ONNX graphs that may lie in it.
fn copy_model(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let source = entry?.path();
        let Some(name) = source.file_name() else {
            continue;
        };
        let is_graph = source.extension().is_some_and(|kind| kind == "onnx");
        if source.is_dir() {
            copy_model(&source, &to.join(name))?;
        } else if !is_graph {
            // Not `fs::copy`: the source may be read-only, the copy must not be.
            fs::write(to.join(name), fs::read(&source)?)?;
        }
    }
    Ok(())
}

fn export_by_optimum(python: &Python, model: &Path, to: &Path) -> Result<()> {
    let mut command = python.command();
    // What `optimum-cli` runs.
    command.args(["-m", "optimum.commands.optimum_cli", "export", "onnx"]);
    command.args(["--task", "text-to-image", "--model"]);
    process::standard_output(command.arg(model).arg(to).env("HF_HUB_OFFLINE", "1")).map(|_| ())
}

fn render_by_optimum(python: &Python, scripts: &Path, model: &Path, to: &Path) -> Result<()> {
    let mut command = python.command();
    command
        .arg(scripts.join("render_optimum.py"))
        .args([PROMPTS[0], "--steps", STEPS, "--seed", "0"])
        .args(["--guidance-scale", GUIDANCE_SCALE, "--model"])
        .arg(model)
        .arg("--output")
        .arg(to)
        .env("HF_HUB_OFFLINE", "1");
    process::standard_output(&mut command).map(|_| ())
}

/// A folder with the first keyframe alone.
fn keyframe(workspace: &Workspace, library: &Path, model: &Path, to: &Path) -> Result<PathBuf> {
    let mut command = workspace.lb(&workspace.program("release"), library);
    command
        .arg("render")
        .args(PROMPTS)
        .args(["--steps", STEPS, "--frames", "2", "--seed", "0,1"])
        .args(["--guidance-scale", GUIDANCE_SCALE, "--device", "cpu"])
        .args(["--quiet", "--no-cache", "--model"])
        .arg(model)
        .arg("--frames-dir")
        .arg(to);
    process::run(&mut command)?;
    fs::remove_file(to.join("frame_0001.png"))?;
    Ok(to.to_path_buf())
}

fn compare(what: &str, wanted: &Path, found: &Path) -> Result<()> {
    let found = psnr(&read_folder(wanted)?, &read_folder(found)?)?[0];
    println!("{what}: {found:.1} dB");
    ensure!(
        found >= LEAST_PSNR,
        "{what}: {found:.1} dB, at least {LEAST_PSNR} wanted"
    );
    Ok(())
}
