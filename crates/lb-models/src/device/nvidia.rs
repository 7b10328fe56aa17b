//! NVIDIA's libraries: the driver's, and those of CUDA and cuDNN that `setup --gpu` puts beside
//! ONNX Runtime.
//!
//! ONNX Runtime's providers ask the system for their libraries by name, and the system hands out
//! one that is loaded already. So the libraries in the folder beside the runtime are all loaded
//! first, and take precedence over those that `LD_LIBRARY_PATH` names: parts of two versions of cuDNN
//! refuse each other. Without that folder, those of NVIDIA's packages are taken if pip has installed them beside
//! the runtime, and without these the system looks for them as for any other library.

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::Device;
use super::problem::{DeviceProblem, own_words};
use crate::runtime::Runtime;

/// The folder of NVIDIA's libraries, beside the library of ONNX Runtime.
const FOLDER: &str = "nvidia";

/// The libraries of that folder, as `cargo xtask setup --gpu` also reads them: one path in NVIDIA's
/// wheels a line, each after the libraries that it links to. Lines with `#` are comments.
const LIBRARIES: &str = include_str!("nvidia_libraries.txt");

/// The driver's library. It belongs to the kernel's module: only the driver's installation has it.
const DRIVER: &str = if cfg!(target_os = "windows") {
    "nvcuda.dll"
} else {
    "libcuda.so.1"
};

/// The names of cuDNN if it is not in the folder. ONNX Runtime opens it only when the first
/// convolution runs.
const CUDNN: [&str; 2] = ["libcudnn.so.9", "libcudnn.so.10"];

/// Looks for everything that a provider for NVIDIA's GPUs needs, and loads NVIDIA's libraries on the
/// way, but none of CUDA's gigabyte if there is no driver to run it.
///
/// # Errors
/// The first thing that is missing.
pub(super) fn look_for(
    runtime: Runtime,
    device: Device,
    is_built_in: ort::Result<bool>,
    provider: &str,
) -> Result<(), DeviceProblem> {
    let library = runtime.library();
    if !matches!(is_built_in, Ok(true)) {
        return Err(DeviceProblem::NotBuiltIn {
            library: library.into(),
            device,
        });
    }
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let provider = library.with_file_name(format!("{prefix}{provider}{suffix}"));
    if !provider.is_file() {
        return Err(DeviceProblem::NoProvider { library: provider });
    }
    look_for_driver()?;
    load_cuda(library).map_err(|reason| DeviceProblem::NoCuda { reason })
}

/// Loads the driver's library.
///
/// # Errors
/// [`DeviceProblem::NoDriver`] if there is none.
pub(super) fn look_for_driver() -> Result<(), DeviceProblem> {
    load(Path::new(DRIVER)).map_err(|reason| DeviceProblem::NoDriver { reason })
}

/// What ONNX Runtime's message about a provider that does not work means.
pub(super) fn explain(device: Device, refusal: &str) -> DeviceProblem {
    let reason = own_words(refusal);
    let has_any = |signs: &[&str]| signs.iter().any(|sign| reason.contains(sign));
    if has_any(&["libnvinfer", "libnvonnxparser"]) {
        DeviceProblem::NoTensorRt { reason }
    } else if has_any(&["cannot open shared object file", "library was not found"]) {
        DeviceProblem::NoCuda { reason }
    } else {
        let reason = with_surroundings(reason, sees_gpu(), driver_version());
        DeviceProblem::Refused { device, reason }
    }
}

/// Adds to the reason of a refusal what else is known about the GPU.
fn with_surroundings(mut reason: String, sees_gpu: bool, driver: Option<String>) -> String {
    if let Some(version) = driver {
        reason.push_str(&format!("; the driver is {version}"));
    }
    if !sees_gpu {
        reason.push_str("; no NVIDIA GPU is visible in /dev");
    }
    reason
}

/// Loads the libraries of CUDA and cuDNN from the folder beside `runtime_library`, if there is one, or else
/// from NVIDIA's packages beside that of the runtime. They stay loaded. The error is the system's message
/// about the first that cannot be loaded.
fn load_cuda(runtime_library: &Path) -> Result<(), String> {
    let folder = runtime_library.with_file_name(FOLDER);
    match folder.is_dir() {
        true => load_folder(&folder, load)?,
        false => load_packages(runtime_library, load)?,
    }
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let [usual, newer] = CUDNN.map(|name| load(Path::new(name)));
    usual.or_else(|reason| newer.map_err(|_| reason))
}

fn load_folder(
    folder: &Path,
    mut load: impl FnMut(&Path) -> Result<(), String>,
) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    let files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    for name in names_in_order() {
        let of_this_name = |file: &&PathBuf| {
            let found = file.file_name().unwrap_or_default().to_string_lossy();
            found.split(".so").next() == Some(name)
        };
        // Where a file is missing, the library that links to it cannot be loaded and says so.
        if let Some(file) = files.iter().find(of_this_name) {
            load(file)?;
        }
    }
    Ok(())
}

/// Loads the libraries that pip has installed from NVIDIA's packages, if it has installed the runtime as well. Its
/// library is then `PACKAGES/onnxruntime/capi/NAME`.
fn load_packages(
    runtime_library: &Path,
    mut load: impl FnMut(&Path) -> Result<(), String>,
) -> Result<(), String> {
    let Some(packages) = runtime_library.ancestors().nth(3) else {
        return Ok(());
    };
    let paths = LIBRARIES.lines().filter(|line| !line.starts_with('#'));
    let mut files = paths.map(|path| packages.join(path));
    files.try_for_each(|file| match file.is_file() {
        true => load(&file),
        false => Ok(()),
    })
}

/// The names of the folder's libraries without their versions, such as `libcudart`.
fn names_in_order() -> impl Iterator<Item = &'static str> {
    let paths = LIBRARIES.lines().filter(|line| !line.starts_with('#'));
    paths.filter_map(|path| path.rsplit('/').next()?.split(".so").next())
}

/// Loads a library for as long as the process lives; the error is the system's message.
pub(super) fn load(library: &Path) -> Result<(), String> {
    ort::util::preload_dylib(library).map_err(|error| match error.source() {
        Some(words) => words.to_string(),
        None => format!("{}: {error}", library.display()),
    })
}

/// The version of the driver that runs, if the kernel reports it.
fn driver_version() -> Option<String> {
    version_in(&lb_files::read_text(Path::new("/proc/driver/nvidia/version"), 1 << 16).ok()?)
}

/// The first word that consists of numbers with points between them.
fn version_in(text: &str) -> Option<String> {
    let is_version =
        |word: &&str| word.contains('.') && word.split('.').all(|part| part.parse::<u32>().is_ok());
    text.split_whitespace().find(is_version).map(str::to_owned)
}

/// Whether the system shows an NVIDIA GPU; `true` if that cannot be found out.
fn sees_gpu() -> bool {
    match fs::read_dir("/dev") {
        Ok(entries) if cfg!(target_os = "linux") => entries
            .flatten()
            .any(|entry| is_gpu(&entry.file_name().to_string_lossy())),
        _ => true,
    }
}

/// Whether a device file is a GPU's: `nvidia0` and on, or `dxg` under Windows' Linux.
fn is_gpu(name: &str) -> bool {
    let number = name.strip_prefix("nvidia");
    name == "dxg" || number.is_some_and(|number| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_reported_without_source_files() {
        let message = "/onnxruntime_src/core/provider_bridge_ort.cc:2043 onnxruntime::Provider& \
                       Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library a.so with \
                       error: libcudart.so.13: cannot open shared object file\n";
        assert_eq!(
            explain(Device::Cuda, message).to_string(),
            "CUDA or cuDNN is missing: Failed to load library a.so with error: libcudart.so.13: \
             cannot open shared object file"
        );
    }

    #[test]
    fn tensorrts_libraries_are_not_cudas() {
        let words = "Failed to load library libonnxruntime_providers_tensorrt.so with error: \
                     libnvinfer.so.10: cannot open shared object file: No such file or directory";
        let problem = explain(Device::Cuda, words);
        assert!(
            matches!(problem, DeviceProblem::NoTensorRt { .. }),
            "{problem}"
        );
    }

    #[test]
    fn a_refusal_names_the_driver_and_says_whether_a_gpu_is_visible() {
        let words = "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version";
        assert_eq!(with_surroundings(words.into(), true, None), words);
        assert_eq!(
            with_surroundings(words.into(), false, Some("535.104.05".into())),
            format!("{words}; the driver is 535.104.05; no NVIDIA GPU is visible in /dev")
        );
        let DeviceProblem::Refused { reason, .. } = explain(Device::Cuda, words) else {
            panic!("nothing is missing");
        };
        assert!(reason.starts_with(words), "{reason}");
    }

    #[test]
    fn libraries_are_loaded_after_those_that_they_link_to_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            "libcudnn.so.9",
            "libcudnn_graph.so.9",
            "libcublas.so.13",
            "libcublasLt.so.13",
            "libcudart.so.13",
            "libnvrtc.so.13",
            "libnvrtc-builtins.so.13.0",
            "libnvblas.so.13",
            "nvidia-cublas.txt",
        ];
        for file in files {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let mut loaded = Vec::new();
        load_folder(folder.path(), |file| {
            loaded.push(file.file_name().unwrap().to_string_lossy().into_owned());
            Ok(())
        })
        .unwrap();
        let expected = [
            "libcudart.so.13",
            "libnvrtc-builtins.so.13.0",
            "libnvrtc.so.13",
            "libcublasLt.so.13",
            "libcublas.so.13",
            "libcudnn_graph.so.9",
            "libcudnn.so.9",
        ];
        assert_eq!(loaded, expected);
    }

    #[test]
    fn packages_beside_that_of_the_runtime_are_loaded_in_order() {
        let packages = tempfile::tempdir().unwrap();
        let libraries = packages.path().join("nvidia/cu13/lib");
        fs::create_dir_all(&libraries).unwrap();
        let names = ["libcublas.so.13", "libcudart.so.13", "libcublasLt.so.13"];
        for name in names {
            fs::write(libraries.join(name), "").unwrap();
        }
        let runtime = packages
            .path()
            .join("onnxruntime/capi/libonnxruntime.so.1.31.1");
        let mut loaded = Vec::new();
        load_packages(&runtime, |file| {
            loaded.push(file.file_name().unwrap().to_owned());
            Ok(())
        })
        .unwrap();
        assert_eq!(loaded, [names[1], names[2], names[0]]);
    }

    #[test]
    fn no_folder_loads_nothing_and_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join(FOLDER);
        load_folder(&nowhere, |file| Err(file.display().to_string())).unwrap();
    }

    #[test]
    fn a_file_that_is_no_library_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = folder.path().join("libonnxruntime.so");
        fs::create_dir(folder.path().join(FOLDER)).unwrap();
        let broken = folder.path().join(FOLDER).join("libcudart.so.13");
        fs::write(&broken, "not a library").unwrap();
        let reason = load_cuda(&runtime).unwrap_err();
        assert!(reason.contains(&*broken.to_string_lossy()), "{reason}");
    }

    #[test]
    fn the_versions_of_both_kinds_of_driver_are_read() {
        let closed = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 \
                      01:15:15 UTC 2023\nGCC version:  gcc version 12.2.0";
        assert_eq!(version_in(closed).unwrap(), "535.104.05");
        let open = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release \
                    Build  (dvs-builder@U22-I3-AE18-09-6)";
        assert_eq!(version_in(open).unwrap(), "580.65.06");
        assert_eq!(version_in("NVRM version: none"), None);
    }

    #[test]
    fn a_gpu_is_distinguished_from_the_drivers_other_files() {
        assert!(is_gpu("nvidia0") && is_gpu("nvidia12") && is_gpu("dxg"));
        assert!(!is_gpu("nvidiactl") && !is_gpu("nvidia-uvm") && !is_gpu("nvidia"));
    }
}
