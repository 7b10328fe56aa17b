//! The new model directory, which appears whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::ExportError;
use crate::write::{WeightPlacement, link_or_copy};

/// Refuses a target where something is already.
pub(super) fn refuse_taken(target: &Path) -> Result<(), ExportError> {
    let taken = match fs::read_dir(target) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => fs::symlink_metadata(target).is_ok(),
    };
    if taken {
        return Err(ExportError::TargetTaken {
            path: target.to_owned(),
        });
    }
    Ok(())
}

/// A directory beside its later place; removed again if it is not finished.
pub(super) struct PartialDirectory {
    partial: PathBuf,
    target: PathBuf,
}

impl PartialDirectory {
    pub(super) fn create(target: &Path) -> Result<Self, ExportError> {
        let Some(name) = target.file_name() else {
            return Err(ExportError::TargetTaken {
                path: target.to_owned(),
            });
        };
        let mut partial_name = name.to_owned();
        partial_name.push(format!(".partial-{}", std::process::id()));
        let partial = target.with_file_name(partial_name);
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

    /// Where a file of the directory lies now.
    pub(super) fn path(&self, inside: &Path) -> PathBuf {
        self.partial.join(inside)
    }

    pub(super) fn write(&self, inside: &Path, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.path(inside);
        create_folder_of(&path)?;
        fs::write(&path, bytes).map_err(ExportError::io("write", path))
    }

    pub(super) fn link(&self, file: &Path, inside: &Path) -> Result<WeightPlacement, ExportError> {
        let path = self.path(inside);
        create_folder_of(&path)?;
        // The file may be a symbolic link (as in the Hugging Face cache): link to its target.
        let file = fs::canonicalize(file).map_err(ExportError::io("read", file))?;
        link_or_copy(&file, &path).map_err(ExportError::io("write", path))
    }

    /// Gives the directory its name.
    pub(super) fn finish(self) -> Result<(), ExportError> {
        // An empty folder may be there; not every system renames onto one.
        let _ = fs::remove_dir(&self.target);
        fs::rename(&self.partial, &self.target).map_err(ExportError::io("create", &self.target))
    }
}

impl Drop for PartialDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.partial);
    }
}

fn create_folder_of(path: &Path) -> Result<(), ExportError> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(ExportError::io("create", folder)),
        None => Ok(()),
    }
}
