//! The job that a film or picture carries.

use std::path::Path;

use crate::{Job, JobError, JobSettings};

/// The text of the job that a film, a picture or a folder of frames carries, as it stands there.
///
/// # Errors
/// [`JobError::Video`] for a file that cannot be read, [`JobError::NoJob`] where there is no
/// text. Whether the text is a job, [`JobSettings::parse`] tells.
pub fn embedded_job(path: &Path) -> Result<String, JobError> {
    lb_video::metadata::read(path)?.ok_or_else(|| JobError::NoJob { path: path.into() })
}

impl JobSettings {
    /// Whether an argument names a job file or something that may carry a job, rather than being
    /// a prompt: by its ending, or because it is a folder.
    #[must_use]
    pub fn is_source(path: &Path) -> bool {
        let is_job_file = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
        is_job_file || lb_video::metadata::may_carry_text(path) || path.is_dir()
    }

    /// The job of a job file, or the one that a film, a picture or a folder of frames carries.
    ///
    /// # Errors
    /// A [`JobFileError`](super::JobFileError), and those of [`embedded_job`].
    pub fn find(path: &Path) -> Result<Self, JobError> {
        let ending = path.extension();
        if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
            return Ok(Self::read(path)?);
        }
        let text = embedded_job(path)?;
        Ok(Self::parse(&text, path)?)
    }
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
}
