//! `golden`: writes the tests' fixtures anew with the scripts beside them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::workspace::Workspace;
use crate::{process, python};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let scripts = scripts(workspace)?;
    let requirements = workspace.root.join("reference/requirements.txt");
    let python = python::with_packages(workspace, &requirements)?;
    for script in &scripts {
        println!("{}", workspace.shown(script));
        let folder = script.parent().context("a script has a folder")?;
        process::run(python.command().arg(script).current_dir(folder))?;
    }
    let mut status = std::process::Command::new("git");
    status.current_dir(&workspace.root).args([
        "status",
        "--porcelain",
        "--",
        "crates/*/tests/golden/*",
    ]);
    let changed = process::standard_output(&mut status)?;
    if changed.is_empty() {
        println!("{} scripts, no fixture changed", scripts.len());
    } else {
        println!("changed:\n{changed}");
    }
    Ok(())
}

fn scripts(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    for package in &workspace.packages {
        let Ok(entries) = fs::read_dir(package.folder().join("tests/golden")) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "py") {
                scripts.push(path);
            }
        }
    }
    scripts.sort();
    Ok(scripts)
}
