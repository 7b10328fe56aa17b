//! What is distributed together with the program, in the Python package and in archives.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::workspace::{Profile, Workspace};
use crate::{process, setup};

/// The models. The others take parts from the first.
const MODELS: [&str; 4] = ["pocket", "pocket-turbo", "pocket-inpaint", "pocket-depth"];
/// The licences, of which the user chooses one.
const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];
/// The folder of a model that only serves to train it again.
const RECIPE: &str = "train";

/// The program, and what belongs to it.
pub(crate) struct Distribution<'a> {
    workspace: &'a Workspace,
    pub(crate) program: PathBuf,
    library: PathBuf,
}

impl<'a> Distribution<'a> {
    pub(crate) fn build(workspace: &'a Workspace, profile: Profile) -> Result<Self> {
        Ok(Self {
            workspace,
            program: workspace.build_lb(profile)?,
            library: setup::library(workspace)?,
        })
    }

    /// Copies the bundled models into a folder.
    pub(crate) fn put_models(&self, folder: &Path) -> Result<()> {
        for model in MODELS {
            let source = self.workspace.root.join("models").join(model);
            copy_model(&source, &folder.join(model))?;
        }
        Ok(())
    }

    /// Copies the licences into a folder.
    pub(crate) fn put_licences(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        for licence in LICENCES {
            fs::copy(self.workspace.root.join(licence), folder.join(licence))?;
        }
        Ok(())
    }

    /// Writes the man pages into a folder.
    pub(crate) fn put_manual(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let mut man = self.workspace.lb(&self.program, &self.library);
        process::standard_output(man.arg("man").arg(folder))?;
        Ok(())
    }

    /// Writes the completions for a shell to a file.
    pub(crate) fn put_completions(&self, shell: &str, path: &Path) -> Result<()> {
        let mut complete = self.workspace.lb(&self.program, &self.library);
        let text = process::standard_output(complete.args(["completions", shell]))?;
        fs::create_dir_all(path.parent().context("completions are in a folder")?)?;
        fs::write(path, text)?;
        Ok(())
    }
}

/// Copies a model directory without the recipe by which it was trained.
fn copy_model(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            if entry.file_name() != RECIPE {
                copy_model(&source, &copy)?;
            }
        // `export-onnx` may have written graphs there.
        } else if source
            .extension()
            .is_none_or(|extension| extension != "onnx")
        {
            fs::copy(&source, &copy)?;
        }
    }
    Ok(())
}
