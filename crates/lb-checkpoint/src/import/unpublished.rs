//! A new model directory, which appears at its destination either complete or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use lb_files::{FileError, TemporaryFolder};

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
        (true, true) if is_model(destination) => Ok(()),
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

fn is_model(folder: &Path) -> bool {
    folder.join("model_index.json").is_file()
}

/// A complete model directory that still has a hidden name next to its destination. It is removed
/// if it is dropped without being published, and by the next import if the program is killed.
#[derive(Debug)]
pub struct UnpublishedModel {
    partial: TemporaryFolder,
    /// Where the report's directory leads if it is a link.
    destination: PathBuf,
    replace: bool,
    pub(super) report: ImportReport,
}

impl UnpublishedModel {
    /// Makes the hidden directory, in which all files are still missing.
    pub(super) fn create(report: ImportReport, replace: bool) -> Result<Self, CheckpointError> {
        let directory = &report.directory;
        let parent = directory.parent().filter(|at| !at.as_os_str().is_empty());
        if let Some(parent) = parent {
            fs::create_dir_all(parent).map_err(CheckpointError::io("create", parent))?;
        }
        let destination = lb_files::resolve_destination(directory);
        let destination = destination.map_err(CheckpointError::file("create", directory))?;
        let beside = match destination.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let partial = TemporaryFolder::new_in(beside);
        Ok(Self {
            partial: partial.map_err(CheckpointError::io("create", directory))?,
            destination,
            replace,
            report,
        })
    }

    /// Returns the directory's temporary path. The caller can add files to it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.partial.path()
    }

    /// Returns the path that a file of the directory will have once the directory is published.
    #[must_use]
    pub fn published_path(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(self.directory()) {
            Ok(inside) => self.report.directory.join(inside),
            Err(_) => path.to_owned(),
        }
    }

    /// Makes an error name the file's published path instead of its temporary one, which nobody finds
    /// afterwards.
    #[must_use]
    pub fn published_error(&self, error: CheckpointError) -> CheckpointError {
        match error {
            CheckpointError::Io {
                action,
                path,
                source,
            } => CheckpointError::Io {
                action,
                path: self.published_path(&path),
                source,
            },
            other => other,
        }
    }

    /// Returns the temporary path of a file, whose folder is made if necessary.
    pub(super) fn path_of(&self, inside: &Path) -> Result<PathBuf, CheckpointError> {
        let path = self.directory().join(inside);
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

    /// Renames the directory to its destination in one step. If a model is to be replaced, it is removed
    /// afterwards.
    ///
    /// # Errors
    /// [`CheckpointError::DestinationExists`] or [`CheckpointError::NotReplaceable`] if something has got
    /// the name since the import began, such as the model of another import, and [`CheckpointError::Io`] if
    /// the file system refuses. Whatever has the name keeps it.
    pub fn publish(self) -> Result<ImportReport, CheckpointError> {
        let Self {
            partial,
            destination,
            replace,
            report,
        } = self;
        let published = match replace {
            true => partial.publish_over(&destination, is_model),
            false => partial.publish(&destination),
        };
        published.map_err(|error| {
            let path = report.directory.clone();
            match error {
                FileError::Exists { .. } if replace => CheckpointError::NotReplaceable { path },
                FileError::Exists { .. } => CheckpointError::DestinationExists { path },
                error => CheckpointError::file("create", path)(error),
            }
        })?;
        Ok(report)
    }
}
