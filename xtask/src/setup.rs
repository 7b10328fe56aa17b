//! `setup`: fetches the ONNX Runtime library that `lb` loads when it starts.
//!
//! The library comes out of a wheel, which pip downloads and checks against the hashes in
//! `xtask/requirements/`. Nothing is installed, and no Python is needed afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::workspace::Workspace;
use crate::{process, python};

/// The version in `xtask/requirements/`.
const VERSION: &str = "1.31.1";

/// Which build of the library.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Build {
    /// For CPUs.
    Cpu,
    /// For NVIDIA GPUs too: wants CUDA 13 and cuDNN 9 on the machine.
    Gpu,
}

/// A platform's wheel and the library in it.
struct Wheel {
    requirements: &'static str,
    /// pip's name of the platform.
    platform: &'static str,
    library: String,
    /// What must lie beside the library.
    providers: &'static [&'static str],
}

pub(crate) fn run(workspace: &Workspace, build: Build) -> Result<()> {
    let library = fetch(workspace, build)?;
    println!("ONNX Runtime {VERSION}: {}", workspace.shown(&library));
    if build == Build::Gpu {
        println!("Its CUDA provider needs CUDA 13 and cuDNN 9; `lb doctor` tells what it finds.");
    }
    Ok(())
}

/// The library to run with: the one that `ORT_DYLIB_PATH` names, else the fetched one.
pub(crate) fn library(workspace: &Workspace) -> Result<PathBuf> {
    match std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
        Some(path) => {
            let path = std::path::absolute(path)?;
            ensure!(
                path.is_file(),
                "ORT_DYLIB_PATH: there is no file {}",
                path.display()
            );
            Ok(path)
        }
        None => fetch(workspace, Build::Cpu),
    }
}

/// The fetched library for NVIDIA GPUs.
pub(crate) fn gpu_library(workspace: &Workspace) -> Result<PathBuf> {
    fetch(workspace, Build::Gpu)
}

fn fetch(workspace: &Workspace, build: Build) -> Result<PathBuf> {
    let wheel = wheel(build, std::env::consts::OS, std::env::consts::ARCH)?;
    let folder = workspace.runtime_folder();
    let library = folder.join(&wheel.library);
    let complete = library.is_file()
        && wheel
            .providers
            .iter()
            .all(|name| folder.join(name).is_file());
    if complete {
        return Ok(library);
    }
    println!("fetching ONNX Runtime {VERSION} with pip");
    fs::create_dir_all(&workspace.target)?;
    // On the target's own file system, so that the renames below are atomic.
    let staging = tempfile::tempdir_in(&workspace.target)?;
    download(
        &workspace
            .root
            .join("xtask/requirements")
            .join(wheel.requirements),
        &wheel,
        staging.path(),
    )?;
    fs::create_dir_all(&folder)?;
    // The library last: where it is, everything is.
    for name in wheel
        .providers
        .iter()
        .copied()
        .chain([wheel.library.as_str()])
    {
        let unpacked = staging.path().join("onnxruntime/capi").join(name);
        fs::rename(&unpacked, folder.join(name))
            .with_context(|| format!("the wheel has no {name}"))?;
    }
    Ok(library)
}

fn download(requirements: &Path, wheel: &Wheel, folder: &Path) -> Result<()> {
    let by_hand = "set ORT_DYLIB_PATH to an ONNX Runtime library (1.24 or newer) instead";
    let python = python::interpreter()
        .with_context(|| format!("ONNX Runtime is fetched with Python's pip; {by_hand}"))?;
    let mut probe = python.command();
    if process::standard_output(probe.args(["-m", "pip", "--version"])).is_err() {
        bail!(
            "{} has no pip, which fetches ONNX Runtime; {by_hand}",
            python.path.display()
        );
    }
    let mut pip = python.command();
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--require-hashes",
        "--no-deps",
    ])
    .args(["--only-binary=:all:", "--implementation=cp", "--abi=cp313"])
    .args(["--python-version=3.13", "--platform", wheel.platform])
    .arg("--dest")
    .arg(folder)
    .arg("-r")
    .arg(requirements);
    process::run(&mut pip)
        .with_context(|| format!("ONNX Runtime could not be fetched; try again, or {by_hand}"))?;
    let archive = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip downloaded no wheel")?;
    let mut unzip = python.command();
    process::run(
        unzip
            .args(["-m", "zipfile", "-e"])
            .arg(&archive)
            .arg(folder),
    )
}

fn wheel(build: Build, system: &str, processor: &str) -> Result<Wheel> {
    let shared = format!("libonnxruntime.so.{VERSION}");
    let cpu = |platform, library| Wheel {
        requirements: "onnxruntime.txt",
        platform,
        library,
        providers: &[],
    };
    match (build, system, processor) {
        (Build::Cpu, "linux", "x86_64") => Ok(cpu("manylinux_2_28_x86_64", shared)),
        (Build::Cpu, "linux", "aarch64") => Ok(cpu("manylinux_2_28_aarch64", shared)),
        (Build::Cpu, "macos", "aarch64") => Ok(cpu(
            "macosx_14_0_arm64",
            format!("libonnxruntime.{VERSION}.dylib"),
        )),
        (Build::Gpu, "linux", "x86_64") => Ok(Wheel {
            requirements: "onnxruntime-gpu.txt",
            platform: "manylinux_2_28_x86_64",
            library: shared,
            providers: &[
                "libonnxruntime_providers_shared.so",
                "libonnxruntime_providers_cuda.so",
                "libonnxruntime_providers_tensorrt.so",
            ],
        }),
        _ => bail!(
            "no ONNX Runtime is pinned for {system} on {processor} ({build:?}); \
             set ORT_DYLIB_PATH to a library (1.24 or newer)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_named_as_its_platform_names_it() {
        let name = |system, processor| wheel(Build::Cpu, system, processor).map(|w| w.library);
        assert_eq!(name("linux", "x86_64").unwrap(), "libonnxruntime.so.1.31.1");
        assert_eq!(
            name("macos", "aarch64").unwrap(),
            "libonnxruntime.1.31.1.dylib"
        );
    }

    #[test]
    fn an_unknown_platform_is_told_the_way_out() {
        let Err(error) = wheel(Build::Cpu, "plan9", "mips") else {
            panic!("accepted")
        };
        assert!(error.to_string().contains("ORT_DYLIB_PATH"), "{error}");
    }

    #[test]
    fn requirements_pin_this_version_by_hash() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements");
        for file in ["onnxruntime.txt", "onnxruntime-gpu.txt"] {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            assert!(text.contains(&format!("=={VERSION} ")), "{file}");
            assert!(text.contains("--hash=sha256:"), "{file}");
        }
    }
}
