//! The destination of an import: a new model directory, which appears either complete or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::CheckpointError;
use crate::weights::{WeightTransfer, link_or_copy};

/// Returns an error if something already exists at the destination, unless it is a model directory and
/// `replace` is set.
pub(super) fn validate(destination: &Path, replace: bool) -> Result<(), CheckpointError> {
    let path = destination.to_owned();
    match (is_occupied(destination), replace) {
        (false, _) => Ok(()),
        (true, false) => Err(CheckpointError::DestinationExists { path }),
        (true, true) if destination.join("model_index.json").is_file() => Ok(()),
        (true, true) => Err(CheckpointError::NotReplaceable { path }),
    }
}

/// Whether anything other than an empty folder exists at the destination.
fn is_occupied(destination: &Path) -> bool {
    match fs::read_dir(destination) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => fs::symlink_metadata(destination).is_ok(),
    }
}

/// A hidden directory next to the destination. It is removed when it is dropped, unless it has been
/// published.
#[derive(Debug)]
pub(super) struct PartialDirectory {
    partial: PathBuf,
    destination: PathBuf,
}

impl PartialDirectory {
    pub(super) fn create(destination: &Path) -> Result<Self, CheckpointError> {
        let Some(partial) = hidden_sibling(destination, "partial") else {
            return Err(CheckpointError::DestinationExists {
                path: destination.to_owned(),
            });
        };
        let parent = destination
            .parent()
            .filter(|parent| *parent != Path::new(""));
        if let Some(parent) = parent {
            fs::create_dir_all(parent).map_err(CheckpointError::io("create", parent))?;
        }
        fs::create_dir(&partial).map_err(CheckpointError::io("create", &partial))?;
        Ok(Self {
            partial,
            destination: destination.to_owned(),
        })
    }

    /// Returns the directory's temporary path.
    pub(super) fn root(&self) -> &Path {
        &self.partial
    }

    /// Returns the path that a file of the directory will have once the directory is published.
    pub(super) fn published_path(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.partial) {
            Ok(inside) => self.destination.join(inside),
            Err(_) => path.to_owned(),
        }
    }

    /// Returns the temporary path of a file of the directory.
    pub(super) fn path(&self, inside: &Path) -> PathBuf {
        self.partial.join(inside)
    }

    /// Makes the folder that will contain a file of the directory.
    pub(super) fn create_folder_of(&self, inside: &Path) -> Result<(), CheckpointError> {
        match self.path(inside).parent() {
            Some(folder) => {
                fs::create_dir_all(folder).map_err(CheckpointError::io("create", folder))
            }
            None => Ok(()),
        }
    }

    pub(super) fn write(&self, inside: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
        self.create_folder_of(inside)?;
        let path = self.path(inside);
        fs::write(&path, bytes).map_err(CheckpointError::io("write", path))
    }

    pub(super) fn link(
        &self,
        file: &Path,
        inside: &Path,
    ) -> Result<WeightTransfer, CheckpointError> {
        self.create_folder_of(inside)?;
        let path = self.path(inside);
        // In Hugging Face's cache the file is a symbolic link. The hard link must lead to its target.
        let file = fs::canonicalize(file).map_err(CheckpointError::io("read", file))?;
        link_or_copy(&file, &path).map_err(CheckpointError::io("write", path))
    }

    /// Renames the directory to its destination. A directory that it replaces is removed afterwards.
    pub(super) fn publish(self) -> Result<(), CheckpointError> {
        // The destination may be an empty folder, which not every system replaces when renaming.
        let _ = fs::remove_dir(&self.destination);
        let older = hidden_sibling(&self.destination, "replaced")
            .filter(|_| is_occupied(&self.destination));
        if let Some(older) = &older {
            fs::rename(&self.destination, older)
                .map_err(CheckpointError::io("replace", &self.destination))?;
        }
        let renamed = fs::rename(&self.partial, &self.destination);
        if let Some(older) = &older {
            // If the new model could not be renamed, the old one gets its name back.
            let _ = match renamed {
                Ok(()) => fs::remove_dir_all(older),
                Err(_) => fs::rename(older, &self.destination),
            };
        }
        renamed.map_err(CheckpointError::io("create", &self.destination))
    }
}

/// Returns a path next to the destination. Its name begins with a dot, so that it is not listed among the
/// models.
fn hidden_sibling(destination: &Path, state: &str) -> Option<PathBuf> {
    let name = destination.file_name()?.to_string_lossy();
    let process = std::process::id();
    Some(destination.with_file_name(format!(".{name}.{state}-{process}")))
}

impl Drop for PartialDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.partial);
    }
}
