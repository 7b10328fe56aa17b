//! Finding and loading the ONNX Runtime library.
//!
//! A process has one runtime. It is loaded once, from one file, before any other function of it is
//! called, so that a missing or an old library is an error and never a panic.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::error::ModelError;

/// Oldest ONNX Runtime that works, as (major, minor).
///
/// The `ort` crate is built against this version's interface (its feature `api-24`).
pub const OLDEST_RUNTIME: (u32, u32) = (1, 24);

struct Loaded {
    environment: ort::environment::Environment,
    library: PathBuf,
}

static LOADED: OnceLock<Loaded> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// A loaded ONNX Runtime; cheap to copy, since a process has only one.
#[derive(Clone, Copy)]
pub struct Runtime {
    loaded: &'static Loaded,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Runtime")
            .field("library", &self.loaded.library)
            .finish()
    }
}

impl Runtime {
    /// Loads ONNX Runtime from `library`, or returns the one already loaded from there.
    ///
    /// The official builds for Linux since 1.29 record and send what a process does with them, unless the
    /// environment variable `ORT_DISABLE_TELEMETRY` is set before this call. A library cannot safely set a
    /// variable of the process, so it is for the program to do; `lb` does.
    ///
    /// # Errors
    /// [`ModelError::RuntimeMissing`] if the file does not exist, [`ModelError::RuntimeUnusable`] if
    /// it is no ONNX Runtime of version [`OLDEST_RUNTIME`] or newer, and
    /// [`ModelError::RuntimeAlreadyLoaded`] if this process has already loaded another one.
    pub fn load(library: &Path) -> Result<Self, ModelError> {
        let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = LOADED.get() {
            if loaded.library != library {
                return Err(ModelError::RuntimeAlreadyLoaded {
                    loaded: loaded.library.clone(),
                    asked: library.to_path_buf(),
                });
            }
            return Ok(Self { loaded });
        }
        if !library.is_file() {
            let searched = vec![library.to_path_buf()];
            return Err(ModelError::RuntimeMissing { searched });
        }
        let library =
            std::path::absolute(library).map_err(|error| ModelError::unreadable(library, error))?;
        let unusable = |reason: String| ModelError::RuntimeUnusable {
            path: library.clone(),
            reason,
        };
        let environment = ort::init_from(&library)
            .map_err(|error| unusable(error.to_string()))?
            .with_name("lb")
            .with_telemetry(false)
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            loaded: LOADED.get_or_init(|| Loaded {
                environment,
                library,
            }),
        })
    }

    /// The file that the runtime was loaded from.
    #[must_use]
    pub fn library(&self) -> &'static Path {
        &self.loaded.library
    }

    /// The library's own description of its version and of how it was built.
    #[must_use]
    pub fn build_information(&self) -> String {
        ort::info().to_string()
    }

    pub(crate) fn environment(&self) -> &'static ort::environment::Environment {
        &self.loaded.environment
    }
}

/// Looks for the library: the file `explicit` if given, else the newest one in the first of `folders`
/// that has any, else in the system's usual folders.
///
/// # Errors
/// [`ModelError::RuntimeMissing`], naming every path that was tried.
pub fn locate_library(explicit: Option<&Path>, folders: &[PathBuf]) -> Result<PathBuf, ModelError> {
    if let Some(library) = explicit {
        let searched = vec![library.to_path_buf()];
        let found = library.is_file().then(|| library.to_path_buf());
        return found.ok_or(ModelError::RuntimeMissing { searched });
    }
    let system = system_folders(std::env::consts::OS)
        .iter()
        .map(PathBuf::from);
    let searched: Vec<PathBuf> = folders.iter().cloned().chain(system).collect();
    let found = searched.iter().find_map(|folder| newest_library(folder));
    found.ok_or(ModelError::RuntimeMissing { searched })
}

/// The folders in which a system has libraries for all programs. That of Windows contains an old ONNX Runtime, which
/// belongs to Windows itself.
fn system_folders(system: &str) -> &'static [&'static str] {
    match system {
        "windows" => &[],
        "macos" => &["/opt/homebrew/lib", "/usr/local/lib"],
        _ => &[
            "/usr/local/lib",
            "/usr/lib",
            "/usr/lib64",
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
            "/opt/onnxruntime/lib",
        ],
    }
}

fn newest_library(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?.flatten();
    let libraries = files.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let (version, path) = (library_version(&name)?, entry.path());
        path.is_file().then_some((version, path))
    });
    libraries.max().map(|(_, path)| path)
}

/// The version in the file name of an ONNX Runtime library. It is empty if the name has none; other
/// files give `None`.
fn library_version(name: &str) -> Option<Vec<u32>> {
    let digits = if name == "onnxruntime.dll" {
        ""
    } else if let Some(rest) = name.strip_prefix("libonnxruntime.so") {
        rest
    } else {
        name.strip_prefix("libonnxruntime")?
            .strip_suffix(".dylib")?
    };
    if digits.is_empty() {
        return Some(Vec::new());
    }
    let parts = digits.strip_prefix('.')?.split('.');
    parts.map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_file_names_and_other_files_do_not_match() {
        assert_eq!(library_version("libonnxruntime.so"), Some(vec![]));
        assert_eq!(
            library_version("libonnxruntime.so.1.31.1"),
            Some(vec![1, 31, 1])
        );
        assert_eq!(
            library_version("libonnxruntime.1.31.1.dylib"),
            Some(vec![1, 31, 1])
        );
        assert_eq!(library_version("onnxruntime.dll"), Some(vec![]));
        assert_eq!(library_version("libonnxruntime_providers_cuda.so"), None);
        assert_eq!(library_version("libonnxruntime.so.bak"), None);
    }

    #[test]
    fn the_newest_library_of_the_first_folder_that_has_one_is_taken() {
        let empty = tempfile::tempdir().unwrap();
        let full = tempfile::tempdir().unwrap();
        for name in ["libonnxruntime.so.1.9.0", "libonnxruntime.so.1.31.1"] {
            std::fs::write(full.path().join(name), b"").unwrap();
        }
        let folders = [empty.path().to_path_buf(), full.path().to_path_buf()];
        let found = locate_library(None, &folders).unwrap();
        assert_eq!(found, full.path().join("libonnxruntime.so.1.31.1"));
    }

    #[test]
    fn an_explicit_path_that_is_not_there_is_not_replaced_by_another() {
        let full = tempfile::tempdir().unwrap();
        std::fs::write(full.path().join("libonnxruntime.so"), b"").unwrap();
        let missing = full.path().join("nowhere.so");
        let error = locate_library(Some(&missing), &[full.path().to_path_buf()]).unwrap_err();
        assert!(error.to_string().contains("nowhere.so"), "{error}");
    }
}
