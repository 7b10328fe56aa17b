//! `test` and `test-cuda`: all tests and examples, and the tests on a stand-in for CUDA.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::workspace::{Profile, Target, Workspace};
use crate::{onnx, process, setup};

/// Runs all tests of the workspace, with `arguments` handed on to `cargo test`. Without arguments, runs
/// all examples as well.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let library = setup::library(workspace)?;
    let program = workspace.build_lb(Profile::Debug)?;
    let mut test = process::cargo(&workspace.root);
    workspace.prepare(&mut test, &library);
    test.env("LB_BINARY", program);
    process::run(test.args(["test", "--workspace"]).args(arguments))?;
    match arguments {
        [] => run_examples(workspace, &library),
        _ => Ok(()),
    }
}

/// Runs every example of the workspace, as its documentation says. `cargo test` has built them: with
/// `cargo run`, each package would have its dependencies compiled again, with other features.
fn run_examples(workspace: &Workspace, library: &Path) -> Result<()> {
    let built = workspace.target.join("debug/examples");
    let scratch = tempfile::tempdir_in(&workspace.target)?;
    let model = workspace.bundled_model()?;
    for package in &workspace.packages {
        let is_example = |target: &&Target| target.kind.iter().any(|kind| kind == "example");
        for example in package.targets.iter().filter(is_example) {
            let folder = scratch.path().join(&example.name);
            let mut run = Command::new(built.join(&example.name));
            run.current_dir(&workspace.root);
            match (package.name.as_str(), example.name.as_str()) {
                ("lb-schedule", _) | ("lb-blend", _) => {}
                ("lb-studio", "openapi") => {
                    run.stdout(Stdio::null());
                }
                ("lb-checkpoint", "import") => {
                    run.arg(&model).arg(&folder);
                }
                ("lb-export", "export") => {
                    onnx::copy_model(&model, &folder)?;
                    run.arg(&folder);
                }
                ("lb-video", _) => {
                    fs::create_dir(&folder)?;
                    run.arg(&folder);
                }
                ("lb-render", "twenty_films") => {
                    run.arg(&model).arg(library);
                }
                ("lb-benches", "lora_cost") => {
                    let lora = workspace.root.join("models/pocket-loras/neon.safetensors");
                    let rows = "1";
                    run.arg(&model).arg(library).arg(lora).arg(rows);
                }
                ("lb-benches", "unet_calls") => {
                    run.arg(&model).arg(library).args(["cpu", "fp32", "1"]);
                    run.stdin(Stdio::null());
                }
                _ => {
                    run.arg(&model).arg(library).arg(&folder);
                }
            }
            println!("example {} of {}", example.name, package.name);
            process::run(&mut run)?;
        }
    }
    Ok(())
}

/// NVIDIA's libraries without their versions, and the sources of the stand-in from which each is built.
const STAND_IN: &[(&str, &[&str])] = &[
    (
        "libcudart",
        &["device.c", "kernels.c", "memory.c", "streams.c"],
    ),
    ("libcublas", &["blas.c"]),
    ("libcublasLt", &["blas_lt.c"]),
    ("libcudnn", &["dnn.c"]),
    ("libcurand", &["random.c"]),
];

/// The driver's library, which no setup fetches.
const DRIVER: (&str, &[&str]) = ("libcuda.so.1", &["driver.c"]);

/// Runs the tests that need CUDA, with `arguments` handed on to them, on a machine without a GPU.
///
/// ONNX Runtime's CUDA provider is the real one. NVIDIA's libraries below it are replaced by the
/// stand-in in `tests/cuda-stand-in`, whose README says what can be tested with it.
pub(crate) fn run_cuda(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the stand-in for CUDA works only on Linux on x86-64"
    );
    let folder = workspace.target.join("cuda-stand-in");
    let library = setup::gpu_library(workspace, &folder.join("onnxruntime"))?;
    let libraries = build_stand_in(
        &workspace.root.join("tests/cuda-stand-in"),
        &folder.join("libraries"),
    )?;
    let program = workspace.build_lb(Profile::Debug)?;
    let mut test = process::cargo(&workspace.root);
    workspace.prepare(&mut test, &library);
    test.env("LB_BINARY", program)
        .env("LB_CUDA_STAND_IN", &libraries);
    // With `-p lb-tests`, dependencies would be compiled again, with other features. No other crate has such tests.
    test.args(["test", "--workspace", "--test", "it", "cuda::"]);
    // Beside other tests, components that are loaded at the same time would meet in another order, and the
    // memory that is left for them would be another.
    test.args(["--", "--ignored", "--test-threads=1"]);
    process::run(test.args(arguments))
}

/// Compiles the stand-in with the C compiler (`CC`, or `cc` if that is not set).
fn build_stand_in(sources: &Path, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let mut libraries = vec![DRIVER];
    for &(library, files) in STAND_IN {
        libraries.push((setup::nvidia_file_name(library)?, files));
    }
    for (library, files) in libraries {
        // The provider asks for symbols of a version that has the name of the library.
        let versions = folder.join(format!("{library}.versions"));
        fs::write(&versions, format!("{library} {{ global: *; }};\n"))?;
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut compile = Command::new(compiler);
        compile
            .args(["-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Werror"])
            .args(["-shared", "-fPIC", "-pthread"])
            .arg(format!("-Wl,-soname,{library}"))
            .arg(format!("-Wl,--version-script={}", versions.display()))
            .args(files.iter().map(|file| sources.join(file)))
            .arg("-o")
            .arg(folder.join(library));
        process::run(&mut compile).context("the stand-in for CUDA could not be built")?;
    }
    Ok(folder.to_path_buf())
}
