//! `export-onnx` and `interop`: writing ONNX graphs for other programs, and reading theirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};
use lb_export::{ExportOptions, export_directory};

use crate::pictures::{psnr, read_folder};
use crate::python;
use crate::workspace::{Profile, Workspace};
use crate::{process, setup};

const PROMPTS: [&str; 2] = ["a red apple", "a green pear"];
const STEPS: &str = "10";
const GUIDANCE_SCALE: &str = "4";
/// Floating-point arithmetic in another order may cost some accuracy, but no more than this, in dB.
const LEAST_PSNR: f64 = 45.0;

/// Writes ONNX graphs into a diffusers model directory.
pub(crate) fn export(directory: &Path) -> Result<()> {
    let begun = Instant::now();
    let graphs = export_directory(directory, &ExportOptions::default())?;
    let seconds = begun.elapsed().as_secs_f64();
    for graph in &graphs {
        let (bytes, path) = (graph.bytes_written, graph.path.display());
        println!("{bytes:>9} bytes  {path}  weights {}", graph.weights);
    }
    println!("exported in {seconds:.2} s");
    Ok(())
}

/// Lets Optimum render a model that was exported here, and `lb` one that Optimum exported, and
/// compares both pictures with that of the bundled model.
pub(crate) fn interop(workspace: &Workspace) -> Result<()> {
    let library = setup::library(workspace)?;
    let lb = workspace.build_lb(Profile::Release)?;
    let scripts = workspace.root.join("reference/interop");
    let python = python::with_packages(workspace, &scripts.join("requirements.txt"))?;
    let scratch = tempfile::tempdir_in(&workspace.target)?;
    let folder = |name: &str| scratch.path().join(name);
    let keyframe = |model: &Path, to: PathBuf| -> Result<PathBuf> {
        render_keyframe(workspace.lb(&lb, &library), model, &to)?;
        Ok(to)
    };

    let bundled = workspace.bundled_model()?;
    let (ours, theirs) = (folder("exported-here"), folder("exported-by-optimum"));
    copy_model(&bundled, &ours)?;
    export_by_optimum(&python, &ours, &theirs)?;
    export_directory(&ours, &ExportOptions::default())?;

    let wanted = keyframe(&bundled, folder("bundled"))?;
    let by_optimum = folder("optimum");
    fs::create_dir(&by_optimum)?;
    render_by_optimum(&python, &scripts, &ours, &by_optimum.join("frame_0000.png"))?;
    compare("exported here, rendered by Optimum", &wanted, &by_optimum)?;
    let by_lb = keyframe(&theirs, folder("lb"))?;
    compare("exported by Optimum, rendered by lb", &wanted, &by_lb)
}

/// Copies a model directory without the ONNX graphs that may be in it.
pub(crate) fn copy_model(from: &Path, to: &Path) -> Result<()> {
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

fn export_by_optimum(python: &Path, model: &Path, to: &Path) -> Result<()> {
    let mut command = Command::new(python);
    // This is what `optimum-cli` runs.
    command.args(["-m", "optimum.commands.optimum_cli", "export", "onnx"]);
    command.args(["--task", "text-to-image", "--model"]);
    process::standard_output(command.arg(model).arg(to).env("HF_HUB_OFFLINE", "1")).map(|_| ())
}

fn render_by_optimum(python: &Path, scripts: &Path, model: &Path, to: &Path) -> Result<()> {
    let mut command = Command::new(python);
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

/// Renders two keyframes into a folder, and keeps only the first.
fn render_keyframe(mut lb: Command, model: &Path, to: &Path) -> Result<()> {
    lb.arg("render")
        .args(PROMPTS)
        .args(["--steps", STEPS, "--frames", "2", "--seed", "0,1"])
        .args(["--guidance-scale", GUIDANCE_SCALE, "--device", "cpu"])
        .args(["--quiet", "--no-cache", "--model"])
        .arg(model)
        .arg("--frames-dir")
        .arg(to);
    process::run(&mut lb)?;
    Ok(fs::remove_file(to.join("frame_0001.png"))?)
}

fn compare(what: &str, wanted: &Path, found: &Path) -> Result<()> {
    let found = psnr(&read_folder(wanted)?, &read_folder(found)?)?[0];
    println!("{what}: {found:.1} dB");
    ensure!(
        found >= LEAST_PSNR,
        "{what}: {found:.1} dB, but at least {LEAST_PSNR} dB was expected"
    );
    Ok(())
}
