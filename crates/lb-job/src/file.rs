//! Job files: a job as TOML, read from disk or out of a film, and written.
//!
//! Every key, its range and its default: `docs/job-file.md`. The text that a film carries is a job
//! file like any other.

mod document;
mod error;
mod keyframe;
mod location;
mod read;
mod table;
mod write;

pub use document::LARGEST_JOB_FILE;
pub use error::JobFileError;
pub use location::Location;

use std::path::Path;

use crate::{Job, JobSettings};
use document::Document;

impl JobSettings {
    /// Reads a job file, and those that it includes.
    ///
    /// Paths in a file are relative to the file's own folder; so is a model that is named with a
    /// slash.
    ///
    /// # Errors
    /// A [`JobFileError`] that names file and line. Nothing is read of a file that is larger than
    /// [`LARGEST_JOB_FILE`].
    pub fn read(path: &Path) -> Result<Self, JobFileError> {
        read::file(path)
    }

    /// Reads the text of a job file that was found elsewhere: in `origin`, a film say. Relative
    /// paths are relative to the folder that `origin` lies in.
    ///
    /// # Errors
    /// A [`JobFileError`] that names `origin` and the line.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, JobFileError> {
        read::document(&Document::new(origin, text)?)
    }
}

impl Job {
    /// The job as a job file with everything explicit.
    ///
    /// What all keyframes or all transitions have alike stands once, in `[defaults]`. Reading the
    /// text gives an equal job again.
    ///
    /// # Errors
    /// [`JobFileError::NotUnicode`] for a path that TOML cannot hold, [`JobFileError::Oversized`]
    /// for more text than is read again.
    pub fn to_toml(&self) -> Result<String, JobFileError> {
        let text = write::text(self)?;
        if text.len() > LARGEST_JOB_FILE {
            return Err(JobFileError::Oversized { bytes: text.len() });
        }
        Ok(text)
    }

    /// Makes every path absolute, so that the job means the same wherever it is written to. Models
    /// that are named without a slash are left alone.
    pub fn make_paths_absolute(&mut self) {
        let absolute = |path: &Path| std::path::absolute(path).ok();
        for path in self.paths_mut() {
            if let Some(made) = absolute(path) {
                *path = made;
            }
        }
        let second = self.upscale.iter_mut().map(|upscale| &mut upscale.model);
        for model in self.model.iter_mut().chain(second) {
            let made = absolute(Path::new(model.as_str()));
            if is_model_path(model)
                && let Some(made) = made.as_deref().and_then(Path::to_str)
            {
                *model = made.into();
            }
        }
    }
}

/// Whether a model is named by where it lies.
pub(crate) fn is_model_path(model: &str) -> bool {
    model.contains(['/', std::path::MAIN_SEPARATOR])
}

#[cfg(test)]
mod tests;
