//! Python, for the few tasks that need it: fetching wheels, writing fixtures, training.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;
use crate::workspace::{Workspace, entries_in};

/// The Python 3 that the machine has.
pub(crate) fn interpreter() -> Result<PathBuf> {
    let is_new_enough = |name: &&str| {
        let mut probe = Command::new(name);
        probe.args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]);
        process::standard_output(&mut probe).is_ok()
    };
    let found = ["python3", "python"].into_iter().find(is_new_enough);
    found
        .map(PathBuf::from)
        .context("no Python 3.9 or newer was found")
}

/// The Python that `LB_PYTHON` names. If that is not set, an environment under the target folder with
/// exactly the packages of a requirements file.
pub(crate) fn with_packages(workspace: &Workspace, requirements: &Path) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("LB_PYTHON").filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let wanted = fs::read_to_string(requirements)
        .with_context(|| format!("{} cannot be read", requirements.display()))?;
    let owner = requirements.parent().and_then(Path::file_name);
    let folder = workspace
        .target
        .join("python")
        .join(owner.unwrap_or_default());
    let binaries = if cfg!(windows) { "Scripts" } else { "bin" };
    let python = folder.join(binaries).join("python");
    let stamp = folder.join("installed-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    println!(
        "making a Python environment in {}",
        workspace.shown(&folder)
    );
    let mut make = Command::new(interpreter()?);
    process::run(make.args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(&python);
    install.args("-m pip install --quiet -r".split(' '));
    process::run(install.arg(requirements))?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

/// Runs the script that trains a bundled model, with `arguments` handed on to it. All of them are trained
/// with the same packages.
pub(crate) fn train(workspace: &Workspace, model: &str, arguments: &[String]) -> Result<()> {
    let models = workspace.root.join("models");
    let python = with_packages(workspace, &models.join("pocket/train/requirements.txt"))?;
    let mut train = Command::new(python);
    process::run(
        train
            .arg(models.join(model).join("train/train.py"))
            .args(arguments),
    )
}

/// Writes the fixtures of the tests with the scripts beside them, and lists those that changed.
pub(crate) fn golden(workspace: &Workspace) -> Result<()> {
    let scripts = golden_scripts(workspace)?;
    let requirements = workspace.root.join("reference/requirements.txt");
    let python = with_packages(workspace, &requirements)?;
    for script in &scripts {
        println!("{}", workspace.shown(script));
        let folder = script.parent().context("a script has a folder")?;
        process::run(Command::new(&python).arg(script).current_dir(folder))?;
    }
    let mut status = Command::new("git");
    status.current_dir(&workspace.root);
    status.args(["status", "--porcelain", "--", "crates/*/tests/golden/*"]);
    let changed = process::standard_output(&mut status)?;
    if changed.is_empty() {
        println!("{} scripts, no fixture changed", scripts.len());
    } else {
        println!("changed:\n{changed}");
    }
    Ok(())
}

fn golden_scripts(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    for package in &workspace.packages {
        let folder = package.folder().join("tests/golden");
        if folder.is_dir() {
            scripts.extend(entries_in(&folder, "py")?);
        }
    }
    scripts.sort();
    Ok(scripts)
}
