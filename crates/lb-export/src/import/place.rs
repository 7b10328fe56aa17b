//! The new model directory, which appears whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::ExportError;
use crate::write::{WeightPlacement, link_or_copy};

/// Refuses a target where something is already, unless it is a model directory to be replaced.
pub(super) fn refuse_taken(target: &Path, replace: bool) -> Result<(), ExportError> {
    let path = target.to_owned();
    match (is_taken(target), replace) {
        (false, _) => Ok(()),
        (true, false) => Err(ExportError::TargetTaken { path }),
        (true, true) if target.join("model_index.json").is_file() => Ok(()),
        (true, true) => Err(ExportError::NotReplaceable { path }),
    }
}

fn is_taken(target: &Path) -> bool {
    match fs::read_dir(target) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => fs::symlink_metadata(target).is_ok(),
    }
}

/// A directory beside its later place; removed again if it is not finished.
pub(super) struct PartialDirectory {
    partial: PathBuf,
    target: PathBuf,
}

impl PartialDirectory {
    pub(super) fn create(target: &Path) -> Result<Self, ExportError> {
        let Some(partial) = hidden_beside(target, "partial") else {
            return Err(ExportError::TargetTaken {
                path: target.to_owned(),
            });
        };
        let parent = target.parent().filter(|parent| *parent != Path::new(""));
        if let Some(parent) = parent {
            fs::create_dir_all(parent).map_err(ExportError::io("create", parent))?;
        }
        fs::create_dir(&partial).map_err(ExportError::io("create", &partial))?;
        Ok(Self {
            partial,
            target: target.to_owned(),
        })
    }

    /// Where the directory lies now.
    pub(super) fn root(&self) -> &Path {
        &self.partial
    }

    /// Where a file that lies in the directory now will lie.
    pub(super) fn later(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.partial) {
            Ok(inside) => self.target.join(inside),
            Err(_) => path.to_owned(),
        }
    }

    /// Where a file of the directory lies now.
    pub(super) fn path(&self, inside: &Path) -> PathBuf {
        self.partial.join(inside)
    }

    /// Makes the folder that a file of the directory will lie in.
    pub(super) fn create_folder_of(&self, inside: &Path) -> Result<(), ExportError> {
        match self.path(inside).parent() {
            Some(folder) => fs::create_dir_all(folder).map_err(ExportError::io("create", folder)),
            None => Ok(()),
        }
    }

    pub(super) fn write(&self, inside: &Path, bytes: &[u8]) -> Result<(), ExportError> {
        self.create_folder_of(inside)?;
        let path = self.path(inside);
        fs::write(&path, bytes).map_err(ExportError::io("write", path))
    }

    pub(super) fn link(&self, file: &Path, inside: &Path) -> Result<WeightPlacement, ExportError> {
        self.create_folder_of(inside)?;
        let path = self.path(inside);
        // The file may be a symbolic link (as in the Hugging Face cache): link to its target.
        let file = fs::canonicalize(file).map_err(ExportError::io("read", file))?;
        link_or_copy(&file, &path).map_err(ExportError::io("write", path))
    }

    /// Gives the directory its name; what has that name goes, once the new one is there.
    pub(super) fn finish(self) -> Result<(), ExportError> {
        // An empty folder may be there; not every system renames onto one.
        let _ = fs::remove_dir(&self.target);
        let older = hidden_beside(&self.target, "replaced").filter(|_| is_taken(&self.target));
        if let Some(older) = &older {
            fs::rename(&self.target, older).map_err(ExportError::io("replace", &self.target))?;
        }
        let finished = fs::rename(&self.partial, &self.target);
        if let Some(older) = &older {
            // An older model is worth more than no model.
            let _ = match finished {
                Ok(()) => fs::remove_dir_all(older),
                Err(_) => fs::rename(older, &self.target),
            };
        }
        finished.map_err(ExportError::io("create", &self.target))
    }
}

/// A name beside the target that listings of models pass over.
fn hidden_beside(target: &Path, state: &str) -> Option<PathBuf> {
    let name = target.file_name()?.to_string_lossy();
    let process = std::process::id();
    Some(target.with_file_name(format!(".{name}.{state}-{process}")))
}

impl Drop for PartialDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.partial);
    }
}
