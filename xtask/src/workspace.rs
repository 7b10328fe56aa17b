//! Where things lie in this workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::process;

/// The workspace as `cargo metadata` describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    /// Where builds go, and what `setup` fetches.
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// A package of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as a package's manifest states it.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None`, `"dev"` or `"build"`.
    pub(crate) kind: Option<String>,
}

impl Workspace {
    /// Asks cargo about the workspace that this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let mut command = process::cargo(Path::new(env!("CARGO_MANIFEST_DIR")));
        command.args(["metadata", "--format-version=1", "--no-deps"]);
        let output = command
            .output()
            .context("cargo metadata could not be run")?;
        ensure!(
            output.status.success(),
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).context("cargo metadata is not what was expected")
    }

    /// Where `setup` puts the ONNX Runtime library; `lb` looks there.
    pub(crate) fn runtime_folder(&self) -> PathBuf {
        self.target.join("onnxruntime")
    }

    /// Where `setup --gpu` puts it; `lb` looks there first.
    pub(crate) fn gpu_runtime_folder(&self) -> PathBuf {
        self.target.join("onnxruntime-gpu")
    }

    /// The `lb` program of a build profile.
    pub(crate) fn program(&self, profile: &str) -> PathBuf {
        self.target
            .join(profile)
            .join(format!("lb{}", std::env::consts::EXE_SUFFIX))
    }

    /// An `lb` program that finds the library and this workspace's models.
    pub(crate) fn lb(&self, program: &Path, library: &Path) -> Command {
        let mut command = Command::new(program);
        self.surround(&mut command, library);
        command
    }

    /// Tells a command's `lb` where the library and this workspace's models lie: a target folder
    /// need not be below the root, where `lb` would find them by itself.
    pub(crate) fn surround(&self, command: &mut Command, library: &Path) {
        if let Ok(folders) = std::env::join_paths(self.model_folders()) {
            command.env("LB_MODELS", folders);
        }
        command.env("ORT_DYLIB_PATH", library);
    }

    /// The model directory of this name.
    pub(crate) fn model(&self, name: &str) -> Option<PathBuf> {
        self.model_folders()
            .into_iter()
            .map(|folder| folder.join(name))
            .find(|directory| directory.join("model_index.json").is_file())
    }

    /// Where models lie: the folders of `LB_MODELS` first.
    fn model_folders(&self) -> Vec<PathBuf> {
        let given = std::env::var_os("LB_MODELS").unwrap_or_default();
        std::env::split_paths(&given)
            .filter(|folder| !folder.as_os_str().is_empty())
            .chain([self.root.join("models")])
            .collect()
    }

    /// A path as the reader of a message would type it: relative to the root where possible.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

impl Package {
    /// The package's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}
