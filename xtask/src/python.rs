//! Python, for the few tasks that need one: fetching wheels, the test oracle, training.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::process;
use crate::workspace::Workspace;

/// A Python interpreter.
#[derive(Clone, Debug)]
pub(crate) struct Python {
    pub(crate) path: PathBuf,
}

impl Python {
    pub(crate) fn command(&self) -> Command {
        Command::new(&self.path)
    }
}

/// The machine's Python 3.
pub(crate) fn interpreter() -> Result<Python> {
    ["python3", "python"]
        .into_iter()
        .find(|name| {
            Command::new(name)
                .args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
        .map(|name| Python { path: name.into() })
        .context("no Python 3.9 or newer was found")
}

/// The Python that `LB_PYTHON` names, else an environment of its own under the target folder,
/// with exactly the packages of a requirements file.
pub(crate) fn with_packages(workspace: &Workspace, requirements: &Path) -> Result<Python> {
    if let Some(path) = std::env::var_os("LB_PYTHON").filter(|path| !path.is_empty()) {
        return Ok(Python { path: path.into() });
    }
    let wanted = fs::read_to_string(requirements)
        .with_context(|| format!("{} cannot be read", requirements.display()))?;
    let owner = requirements
        .parent()
        .and_then(Path::file_name)
        .unwrap_or_default();
    let folder = workspace.target.join("python").join(owner);
    let binaries = if cfg!(windows) { "Scripts" } else { "bin" };
    let python = Python {
        path: folder.join(binaries).join("python"),
    };
    let stamp = folder.join("installed-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    println!(
        "making a Python environment in {}",
        workspace.shown(&folder)
    );
    process::run(
        interpreter()?
            .command()
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    let mut install = python.command();
    process::run(
        install
            .args(["-m", "pip", "install", "--quiet", "-r"])
            .arg(requirements),
    )?;
    fs::write(stamp, wanted)?;
    Ok(python)
}
