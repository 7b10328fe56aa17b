//! `test-cuda`: what ONNX Runtime's CUDA provider does with our graphs and our calls, on a machine
//! without a GPU.
//!
//! The provider is the real one; NVIDIA's libraries below it are the stand-in of
//! `tests/cuda-stand-in`, whose README says what can be tested so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::workspace::Workspace;
use crate::{process, setup};

/// NVIDIA's libraries without their versions, and what they are built from here.
const LIBRARIES: &[(&str, &[&str])] = &[
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

/// Runs the tests, with `arguments` handed on to them.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the stand-in for CUDA is for Linux on x86-64"
    );
    let folder = workspace.target.join("cuda-stand-in");
    let library = setup::gpu_library(workspace, &folder.join("onnxruntime"))?;
    let libraries = build(
        &workspace.root.join("tests/cuda-stand-in"),
        &folder.join("libraries"),
    )?;
    process::run(process::cargo(&workspace.root).args(["build", "-p", "lb-cli"]))?;
    let mut test = process::cargo(&workspace.root);
    workspace.surround(&mut test, &library);
    test.env("LB_BINARY", workspace.program("debug"))
        .env("LB_CUDA_STAND_IN", &libraries);
    test.args(["test", "-p", "lb-tests", "--test", "it", "cuda::", "--"])
        .arg("--ignored");
    process::run(test.args(arguments))
}

/// Compiles the stand-in with the C compiler (`CC`, else `cc`).
fn build(sources: &Path, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let mut libraries = vec![DRIVER];
    for &(library, files) in LIBRARIES {
        libraries.push((setup::nvidia_file_name(library)?, files));
    }
    for (library, files) in libraries {
        // The provider asks for symbols of a version that is called like their library.
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
