//! Job files: reading a job in TOML from a file or a film, and writing it.
//!
//! `docs/job-file.md` lists every key with its range and default. The text that a film carries is a
//! job file like any other.

mod error;
mod json;
mod keys;
mod read;
mod write;

pub use error::{JobFileError, Location};

use std::path::Path;

use crate::{Job, JobError, JobSettings};

/// The largest job file that is read or written, in bytes.
pub const LARGEST_JOB_FILE: usize = 1 << 20;

impl JobSettings {
    /// Reads a job file, and the files that it includes.
    ///
    /// Paths in a file are relative to the file's own folder, and so is a model that is named with a
    /// slash.
    ///
    /// # Errors
    /// A [`JobFileError`] that names file and line. A file that is larger than [`LARGEST_JOB_FILE`]
    /// is not read.
    pub fn read(path: &Path) -> Result<Self, JobFileError> {
        read::file(path)
    }

    /// Reads the text of a job file that comes from `origin`, which can be a film, for example. Relative
    /// paths are relative to the folder of `origin`.
    ///
    /// # Errors
    /// A [`JobFileError`] that names `origin` and the line.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, JobFileError> {
        read::text(text, origin)
    }

    /// Reads settings from JSON. The keys are those of a job file, with `keyframe` as a list;
    /// `include` is not allowed. Paths are not changed.
    ///
    /// # Errors
    /// [`JobFileError::Json`] for text that is not JSON or has values of a wrong type, and
    /// [`JobFileError::UnknownJsonKey`].
    pub fn from_json(text: &str) -> Result<Self, JobFileError> {
        json::read(text)
    }

    /// Whether an argument names a job file, a file that may carry a job, or a folder, rather than being
    /// a prompt. For a file, its ending decides.
    #[must_use]
    pub fn is_source(path: &Path) -> bool {
        let is_job_file = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
        is_job_file || lb_video::metadata::may_carry_text(path) || path.is_dir()
    }

    /// Reads the job of a job file, or the one that a film, a picture or a folder of frames carries.
    ///
    /// # Errors
    /// A [`JobFileError`], and those of [`embedded_job`].
    pub fn find(path: &Path) -> Result<Self, JobError> {
        let ending = path.extension();
        if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
            return Ok(Self::read(path)?);
        }
        let text = embedded_job(path)?;
        Ok(Self::parse(&text, path)?)
    }
}

/// The text of the job that a film, a picture or a folder of frames carries, exactly as it carries
/// it. [`JobSettings::parse`] finds out whether the text is a job.
///
/// # Errors
/// [`JobError::Video`] for a file that cannot be read, [`JobError::NoJob`] for one that carries no
/// text.
pub fn embedded_job(path: &Path) -> Result<String, JobError> {
    lb_video::metadata::read(path)?.ok_or_else(|| JobError::NoJob { path: path.into() })
}

impl Job {
    /// The job as a job file in which every value is explicit.
    ///
    /// Values that all keyframes or all transitions have in common are written once, in `[defaults]`.
    /// Reading the text gives an equal job.
    ///
    /// # Errors
    /// [`JobFileError::NotUnicode`] for a path that TOML cannot hold, and [`JobFileError::Oversized`]
    /// for a text that is too long to be read again.
    pub fn to_toml(&self) -> Result<String, JobFileError> {
        let text = write::text(self)?;
        if text.len() > LARGEST_JOB_FILE {
            return Err(JobFileError::Oversized { bytes: text.len() });
        }
        Ok(text)
    }

    /// The text that the outputs of this job carry: the job with nothing left open and with absolute
    /// paths. `model` is the folder of the model and `size` the film's width and height, for a job
    /// that leaves them open.
    ///
    /// # Errors
    /// As [`Job::to_toml`].
    pub fn description(&self, model: &Path, size: (usize, usize)) -> Result<String, JobError> {
        let mut job = self.clone();
        job.size = Some(size);
        if job.model.is_none() {
            job.model = model.to_str().map(str::to_owned);
        }
        job.make_paths_absolute();
        Ok(job.to_toml()?)
    }

    /// Makes every path absolute, so that the job means the same in any folder. Models that are
    /// named without a slash stay as they are.
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

/// Whether the name of a model is a path.
fn is_model_path(model: &str) -> bool {
    model.contains(['/', std::path::MAIN_SEPARATOR])
}

#[cfg(test)]
mod tests;
