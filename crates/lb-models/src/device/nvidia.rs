//! NVIDIA's libraries: the driver's, and those of CUDA and cuDNN that `setup --gpu` puts beside
//! ONNX Runtime.
//!
//! ONNX Runtime's providers ask the system for their libraries by name, and the system hands out
//! one that is loaded already. So what lies in the folder beside the runtime wins over whatever
//! `LD_LIBRARY_PATH` names, all of it: parts of two versions of cuDNN refuse each other. Where
//! there is no folder, the system looks for them as for any other library.

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of NVIDIA's libraries, beside the library of ONNX Runtime.
const FOLDER: &str = "nvidia";

/// The libraries of the folder without their versions, each after those that it links to. What
/// cuDNN opens later is here too, or it would be looked for in `LD_LIBRARY_PATH` first.
const IN_ORDER: [&str; 14] = [
    "libcudart",
    "libnvrtc-builtins",
    "libnvrtc",
    "libcublasLt",
    "libcublas",
    "libcurand",
    "libcudnn_graph",
    "libcudnn_ops",
    "libcudnn_cnn",
    "libcudnn_adv",
    "libcudnn_heuristic",
    "libcudnn_engines_runtime_compiled",
    "libcudnn_engines_precompiled",
    "libcudnn",
];

/// The driver's library. It belongs to the kernel's module: nothing but the driver can bring it.
const DRIVER: &str = if cfg!(target_os = "windows") {
    "nvcuda.dll"
} else {
    "libcuda.so.1"
};

/// What cuDNN is called where it is not in the folder. ONNX Runtime opens it when the first
/// convolution runs, so that nobody would miss it before.
const CUDNN: [&str; 2] = ["libcudnn.so.9", "libcudnn.so.10"];

/// Loads the driver's library, or tells why that cannot be.
pub(super) fn load_driver() -> Result<(), String> {
    load(Path::new(DRIVER))
}

/// Loads the libraries of CUDA and cuDNN from the folder beside `runtime_library`, if there is one;
/// what cannot be loaded is told. They stay loaded.
pub(super) fn load_cuda(runtime_library: &Path) -> Result<(), String> {
    load_folder(&runtime_library.with_file_name(FOLDER), load)?;
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
    for name in IN_ORDER {
        let of_this_name = |file: &&PathBuf| {
            let found = file.file_name().unwrap_or_default().to_string_lossy();
            found.split(".so").next() == Some(name)
        };
        // A file that is not there is missed by who links to it, if anybody does.
        if let Some(file) = files.iter().find(of_this_name) {
            load(file)?;
        }
    }
    Ok(())
}

/// Loads a library for as long as the process lives; the system's words if it cannot.
fn load(library: &Path) -> Result<(), String> {
    ort::util::preload_dylib(library).map_err(|error| match error.source() {
        Some(words) => words.to_string(),
        None => format!("{}: {error}", library.display()),
    })
}

/// The version of the driver that runs, as the kernel tells it; `None` where it does not.
pub(super) fn driver_version() -> Option<String> {
    version_in(&fs::read_to_string("/proc/driver/nvidia/version").ok()?)
}

/// The first word that is numbers with points between them.
fn version_in(text: &str) -> Option<String> {
    let is_version =
        |word: &&str| word.contains('.') && word.split('.').all(|part| part.parse::<u32>().is_ok());
    text.split_whitespace().find(is_version).map(str::to_owned)
}

/// Whether the system shows an NVIDIA GPU. Where it cannot be told, it is not denied.
pub(super) fn sees_gpu() -> bool {
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
    fn drivers_of_both_kinds_tell_their_version() {
        let closed = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 \
                      01:15:15 UTC 2023\nGCC version:  gcc version 12.2.0";
        assert_eq!(version_in(closed).unwrap(), "535.104.05");
        let open = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release \
                    Build  (dvs-builder@U22-I3-AE18-09-6)";
        assert_eq!(version_in(open).unwrap(), "580.65.06");
        assert_eq!(version_in("NVRM version: none"), None);
    }

    #[test]
    fn a_gpu_is_told_from_the_drivers_other_files() {
        assert!(is_gpu("nvidia0") && is_gpu("nvidia12") && is_gpu("dxg"));
        assert!(!is_gpu("nvidiactl") && !is_gpu("nvidia-uvm") && !is_gpu("nvidia"));
    }
}
