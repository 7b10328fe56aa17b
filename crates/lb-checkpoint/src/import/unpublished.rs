//! A new model directory, which appears at its destination either complete or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use super::report::ImportReport;
use crate::error::CheckpointError;
use crate::weights::{WeightTransfer, link_or_copy};

/// Returns an error if something already exists at the destination, unless it is a model directory and
/// `replace` is set.
pub(super) fn validate_destination(
    destination: &Path,
    replace: bool,
) -> Result<(), CheckpointError> {
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

/// A complete model directory that still has a hidden name next to its destination. It is removed
/// if it is dropped without being published.
#[derive(Debug)]
pub struct UnpublishedModel {
    partial: PathBuf,
    pub(super) report: ImportReport,
}

impl UnpublishedModel {
    /// Makes the hidden directory, in which all files are still missing.
    pub(super) fn create(report: ImportReport) -> Result<Self, CheckpointError> {
        let destination = &report.directory;
        let Some(partial) = hidden_sibling(destination, "partial") else {
            return Err(CheckpointError::DestinationExists {
                path: destination.clone(),
            });
        };
        let parent = destination.parent();
        if let Some(parent) = parent.filter(|parent| *parent != Path::new("")) {
            fs::create_dir_all(parent).map_err(CheckpointError::io("create", parent))?;
        }
        fs::create_dir(&partial).map_err(CheckpointError::io("create", &partial))?;
        Ok(Self { partial, report })
    }

    /// Returns the directory's temporary path. The caller can add files to it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.partial
    }

    /// Returns the path that a file of the directory will have once the directory is published.
    #[must_use]
    pub fn published_path(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.partial) {
            Ok(inside) => self.report.directory.join(inside),
            Err(_) => path.to_owned(),
        }
    }

    /// Returns the temporary path of a file, whose folder is made if necessary.
    pub(super) fn path_of(&self, inside: &Path) -> Result<PathBuf, CheckpointError> {
        let path = self.partial.join(inside);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(CheckpointError::io("create", folder))?;
        }
        Ok(path)
    }

    /// Makes a hard link to a file, or a copy.
    pub(super) fn link(
        &self,
        file: &Path,
        inside: &Path,
    ) -> Result<WeightTransfer, CheckpointError> {
        let path = self.path_of(inside)?;
        // In Hugging Face's cache the file is a symbolic link. The hard link must lead to its target.
        let file = fs::canonicalize(file).map_err(CheckpointError::io("read", file))?;
        link_or_copy(&file, &path).map_err(CheckpointError::io("write", path))
    }

    /// Renames the directory to its destination in one step. A model that it replaces is removed
    /// afterwards.
    ///
    /// # Errors
    /// [`CheckpointError::Io`] if the file system refuses. A model that was to be replaced is then kept.
    pub fn publish(self) -> Result<ImportReport, CheckpointError> {
        let destination = &self.report.directory;
        // The destination may be an empty folder, which not every system replaces when renaming.
        let _ = fs::remove_dir(destination);
        let older = hidden_sibling(destination, "replaced").filter(|_| is_occupied(destination));
        if let Some(older) = &older {
            fs::rename(destination, older).map_err(CheckpointError::io("replace", destination))?;
        }
        let renamed = fs::rename(&self.partial, destination);
        if let Some(older) = &older {
            // If the new model could not be renamed, the old one gets its name back.
            let _ = match renamed {
                Ok(()) => fs::remove_dir_all(older),
                Err(_) => fs::rename(older, destination),
            };
        }
        renamed.map_err(CheckpointError::io("create", destination))?;
        Ok(self.report.clone())
    }
}

/// Returns a path next to the destination. Its name begins with a dot, so that it is not listed among the
/// models.
fn hidden_sibling(destination: &Path, state: &str) -> Option<PathBuf> {
    let name = destination.file_name()?.to_string_lossy();
    let process = std::process::id();
    Some(destination.with_file_name(format!(".{name}.{state}-{process}")))
}

impl Drop for UnpublishedModel {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.partial);
    }
}
