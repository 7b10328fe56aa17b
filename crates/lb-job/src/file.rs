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
    /// Whether an argument names a job file, a file that may carry a job, or a folder, rather than being
    /// a prompt. For a file, its ending decides.
    #[must_use]
    pub fn is_source(path: &Path) -> bool {
        is_job_file(path) || lb_video::metadata::may_carry_text(path) || path.is_dir()
    }

    /// Reads the job of a job file, or the one that a film, a picture or a folder of frames carries.
    ///
    /// # Errors
    /// A [`JobFileError`], and those of [`embedded_job`].
    pub fn find(path: &Path) -> Result<Self, JobError> {
        if is_job_file(path) {
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

fn is_job_file(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
}

/// Whether the name of a model is a path.
fn is_model_path(model: &str) -> bool {
    model.contains(['/', std::path::MAIN_SEPARATOR])
}

#[cfg(test)]
mod tests;
