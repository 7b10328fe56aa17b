//! `setup`: fetches the ONNX Runtime library that `lb` loads when it starts.
//!
//! The libraries come from wheels, which pip downloads and checks by the hashes in
//! `xtask/requirements/`. Nothing is installed, and Python is not needed afterwards. The library for GPUs
//! has a folder of its own, next to the folder that all other tasks use.

mod nvidia;
mod plugins;
mod wheels;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

pub(crate) use self::plugins::PluginDevice;
use self::wheels::{Staging, Wheels};
use crate::workspace::Workspace;

/// The version in `xtask/requirements/`.
const VERSION: &str = "1.31.1";

/// A build of the library.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Build {
    Cpu,
    Gpu,
}

/// The files that must be next to the library for NVIDIA GPUs.
const PROVIDERS: [&str; 3] = [
    "libonnxruntime_providers_shared.so",
    "libonnxruntime_providers_cuda.so",
    "libonnxruntime_providers_tensorrt.so",
];

/// The library of a platform.
struct Library {
    wheels: Wheels,
    name: String,
    /// The files that must be next to the library.
    providers: &'static [&'static str],
}

/// Fetches the library for CPUs, or the one for NVIDIA GPUs (`gpu`): with CUDA 13 and cuDNN 9, or for a
/// machine that has them already (`system_cuda`). A `device` whose provider is a plugin gets this plugin as well.
pub(crate) fn run(
    workspace: &Workspace,
    gpu: bool,
    system_cuda: bool,
    device: Option<PluginDevice>,
) -> Result<()> {
    let build = if gpu { Build::Gpu } else { Build::Cpu };
    let folder = folder(workspace, build);
    let library = fetch(workspace, build, &folder)?;
    match build {
        Build::Cpu => {}
        Build::Gpu if system_cuda => nvidia::remove(workspace, &folder)?,
        Build::Gpu => nvidia::fetch(workspace, &folder)?,
    }
    println!("ONNX Runtime {VERSION}: {}", workspace.shown(&library));
    if let Some(device) = device {
        let plugin = plugins::fetch(workspace, device)?;
        println!("Its plugin: {}", workspace.shown(&plugin));
    }
    if gpu || device.is_some() {
        println!("`lb doctor` reports whether the device can be used, and what to do if not.");
    }
    Ok(())
}

/// The library to use: the one that `ORT_DYLIB_PATH` names, or the fetched one if that is not set.
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
        None => fetch(workspace, Build::Cpu, &folder(workspace, Build::Cpu)),
    }
}

/// The file name, with its version, of NVIDIA's library of this name, such as `libcudart`.
pub(crate) fn nvidia_file_name(library: &str) -> Result<&'static str> {
    let found = nvidia::file_names().find(|name| name.split(".so").next() == Some(library));
    found.with_context(|| format!("{library} is not among the libraries of the setup"))
}

/// Fetches the library for NVIDIA GPUs into a folder where nothing else will look for it.
pub(crate) fn gpu_library(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    fetch(workspace, Build::Gpu, folder)
}

fn folder(workspace: &Workspace, build: Build) -> PathBuf {
    match build {
        Build::Cpu => workspace.runtime_folder(),
        Build::Gpu => workspace.gpu_runtime_folder(),
    }
}

fn fetch(workspace: &Workspace, build: Build, folder: &Path) -> Result<PathBuf> {
    let library = library_of(build, std::env::consts::OS, std::env::consts::ARCH)?;
    let path = folder.join(&library.name);
    let is_complete = || {
        let is_there = |name: &&str| folder.join(name).is_file();
        path.is_file() && library.providers.iter().all(is_there)
    };
    if is_complete() {
        return Ok(path);
    }
    let staging = Staging::take(&workspace.target)?;
    if is_complete() {
        return Ok(path);
    }
    let (what, megabytes) = (&library.wheels.what, library.wheels.megabytes);
    println!("fetching {what} with pip: {megabytes} MB");
    library.wheels.unpack(workspace, staging.path())?;
    let unpacked = staging.path().join("onnxruntime/capi");
    put(&unpacked, folder, &library.name, library.providers)?;
    Ok(path)
}

/// Moves the library and its providers to their folder. Providers have no version in their names, so
/// an earlier library is removed first and the new one is moved last: if it is there, all are there.
fn put(unpacked: &Path, folder: &Path, library: &str, providers: &[&str]) -> Result<()> {
    let names: Vec<&str> = providers.iter().copied().chain([library]).collect();
    if let Some(name) = names.iter().find(|name| !unpacked.join(name).is_file()) {
        bail!("the wheel does not contain {name}");
    }
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("libonnxruntime.") {
            fs::remove_file(&path)?;
        }
    }
    for name in names {
        fs::rename(unpacked.join(name), folder.join(name))?;
    }
    Ok(())
}

fn library_of(build: Build, system: &str, processor: &str) -> Result<Library> {
    let shared = format!("libonnxruntime.so.{VERSION}");
    let (name, platform) = match (build, system, processor) {
        (_, "linux", "x86_64") => (shared, "manylinux_2_28_x86_64"),
        (Build::Cpu, "linux", "aarch64") => (shared, "manylinux_2_28_aarch64"),
        (Build::Cpu, "macos", "aarch64") => {
            let shared = format!("libonnxruntime.{VERSION}.dylib");
            (shared, "macosx_14_0_arm64")
        }
        (Build::Cpu, "windows", "x86_64") => ("onnxruntime.dll".into(), "win_amd64"),
        _ => bail!(
            "no ONNX Runtime is pinned for {system} on {processor} ({build:?}); \
             set ORT_DYLIB_PATH to a library (1.24 or newer)"
        ),
    };
    let (what, megabytes, requirements, providers): (_, _, _, &[&str]) = match build {
        Build::Cpu => ("", 24, "onnxruntime.txt", &[]),
        Build::Gpu => (" for GPUs", 256, "onnxruntime-gpu.txt", &PROVIDERS),
    };
    Ok(Library {
        wheels: Wheels {
            what: format!("ONNX Runtime {VERSION}{what}"),
            megabytes,
            requirements,
            platforms: vec![platform],
            otherwise: "set ORT_DYLIB_PATH to an ONNX Runtime library (1.24 or newer) instead",
        },
        name,
        providers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_named_as_its_platform_names_it() {
        let name = |system, processor| library_of(Build::Cpu, system, processor).map(|l| l.name);
        assert_eq!(name("linux", "x86_64").unwrap(), "libonnxruntime.so.1.31.1");
        assert_eq!(
            name("macos", "aarch64").unwrap(),
            "libonnxruntime.1.31.1.dylib"
        );
        assert_eq!(name("windows", "x86_64").unwrap(), "onnxruntime.dll");
    }

    #[test]
    fn an_unknown_platform_gets_the_alternative() {
        let Err(error) = library_of(Build::Cpu, "plan9", "mips") else {
            panic!("accepted")
        };
        assert!(error.to_string().contains("ORT_DYLIB_PATH"), "{error}");
    }

    #[test]
    fn a_new_library_replaces_the_earlier_one_only_together_with_its_providers() {
        let scratch = tempfile::tempdir().unwrap();
        let (unpacked, folder) = (scratch.path().join("wheel"), scratch.path().join("runtime"));
        for folder in [&unpacked, &folder] {
            fs::create_dir(folder).unwrap();
        }
        let (old, new) = ("libonnxruntime.so.1.30.0", "libonnxruntime.so.1.31.1");
        fs::write(folder.join(old), "old").unwrap();
        fs::write(unpacked.join(new), "new").unwrap();
        let put = || put(&unpacked, &folder, new, &["provider.so"]);
        let error = put().unwrap_err().to_string();
        assert!(error.contains("provider.so"), "{error}");
        assert!(folder.join(old).is_file());

        fs::write(unpacked.join("provider.so"), "new").unwrap();
        put().unwrap();
        assert!(folder.join(new).is_file() && folder.join("provider.so").is_file());
        assert!(!folder.join(old).exists());
    }

    #[test]
    fn requirements_pin_every_wheel_by_hash() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements");
        let files = [
            ("onnxruntime.txt", VERSION),
            ("onnxruntime-gpu.txt", VERSION),
            ("nvidia.txt", "13.0.96"),
            ("openvino.txt", "1.8.1"),
            ("webgpu.txt", "0.4.0"),
            ("mlx.txt", "0.31.0"),
            ("tensorrt-rtx.txt", "0.5.0"),
        ];
        for (file, version) in files {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            let pins: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
            let text = pins.join("\n");
            assert!(text.contains(&format!("=={version} ")), "{file}");
            for pin in text.split("==").skip(1) {
                assert!(pin.contains("--hash=sha256:"), "{file}: {pin}");
            }
        }
    }
}
