//! Where things are in this workspace, and how its `lb` program is built and called.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::process;

/// The workspace as `cargo metadata` describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    /// The folder for everything that is built or that `setup` fetches.
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) description: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) readme: Option<PathBuf>,
    pub(crate) keywords: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) targets: Vec<Target>,
    /// The table `package.metadata`.
    pub(crate) metadata: serde_json::Value,
}

/// A library, program, example or test of a package.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// Such as `["lib"]` or `["example"]`.
    pub(crate) kind: Vec<String>,
}

/// A dependency as the manifest of a package states it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None`, `"dev"` or `"build"`.
    pub(crate) kind: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Profile {
    Debug,
    Release,
}

impl Profile {
    pub(crate) fn of(debug: bool) -> Self {
        if debug { Self::Debug } else { Self::Release }
    }
}

impl Workspace {
    /// Asks cargo about the workspace from which this program was built.
    pub(crate) fn find() -> Result<Self> {
        let mut command = process::cargo(Path::new(env!("CARGO_MANIFEST_DIR")));
        command.args(["metadata", "--format-version=1", "--no-deps"]);
        serde_json::from_str(&process::standard_output(&mut command)?)
            .context("cargo metadata is not what was expected")
    }

    /// The version of the program, which all packages have.
    pub(crate) fn version(&self) -> Result<&str> {
        let mut packages = self.packages.iter();
        let program = packages.find(|package| package.name == "lb-cli");
        Ok(&program.context("there is no package lb-cli")?.version)
    }

    /// The folder where `setup` puts the ONNX Runtime library, and where `lb` looks for it.
    pub(crate) fn runtime_folder(&self) -> PathBuf {
        self.target.join("onnxruntime")
    }

    /// The folder where `setup --gpu` puts it, and where `lb` looks first.
    pub(crate) fn gpu_runtime_folder(&self) -> PathBuf {
        self.target.join("onnxruntime-gpu")
    }

    /// The folder where `setup --device NAME` puts a plugin, and where `lb` looks for it.
    pub(crate) fn plugin_folder(&self, device: &str) -> PathBuf {
        self.target.join(format!("onnxruntime-{device}"))
    }

    /// Builds the `lb` program and returns its path.
    pub(crate) fn build_lb(&self, profile: Profile) -> Result<PathBuf> {
        let mut build = process::cargo(&self.root);
        build.args(["build", "-p", "lb-cli"]);
        let folder = match profile {
            Profile::Debug => "debug",
            Profile::Release => {
                build.arg("--release");
                "release"
            }
        };
        process::run(&mut build)?;
        let name = format!("lb{}", std::env::consts::EXE_SUFFIX);
        Ok(self.target.join(folder).join(name))
    }

    /// Builds an example of the benches and returns its path.
    pub(crate) fn build_bench_example(&self, example: &str) -> Result<PathBuf> {
        let mut build = process::cargo(&self.root);
        build.args(["build", "--release", "-p", "lb-benches"]);
        process::run(build.args(["--example", example]))?;
        let name = format!("{example}{}", std::env::consts::EXE_SUFFIX);
        Ok(self.target.join("release/examples").join(name))
    }

    /// A call of an `lb` program, which will find the library and the models of this workspace.
    pub(crate) fn lb(&self, program: &Path, library: &Path) -> Command {
        let mut command = Command::new(program);
        self.prepare(&mut command, library);
        command
    }

    /// Sets the environment of a command so that the `lb` in it finds the library and the models of
    /// this workspace. `lb` cannot find them by itself if the target folder is outside the root.
    pub(crate) fn prepare(&self, command: &mut Command, library: &Path) {
        if let Ok(folders) = std::env::join_paths(self.model_folders()) {
            command.env("LB_MODELS", folders);
        }
        command.env("ORT_DYLIB_PATH", library);
    }

    /// The directory of the bundled model `pocket`, or of another model of this name.
    pub(crate) fn bundled_model(&self) -> Result<PathBuf> {
        self.model_folders()
            .into_iter()
            .map(|folder| folder.join("pocket"))
            .find(|directory| directory.join("model_index.json").is_file())
            .context("there is no model directory `pocket`")
    }

    /// The folders that contain models, those of `LB_MODELS` first.
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
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

/// The paths in a folder that have this extension.
pub(crate) fn entries_in(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    Ok(paths)
}
