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

use crate::{Job, JobError, JobSettings, NamedPaths};

/// The picture of a folder of frames whose text is that of the folder.
pub(crate) const FIRST_FRAME: &str = "frame_0000.png";

impl JobSettings {
    /// Whether an argument names a job file, a file that may carry a job, or a folder, rather than being
    /// a prompt. For a file, its ending decides.
    #[must_use]
    pub fn is_source(path: &Path) -> bool {
        is_job_file(path) || lb_video::metadata::may_carry_text(path) || path.is_dir()
    }

    /// Reads the job of a job file, or the one that a film, a picture or a folder of frames carries,
    /// without the models, LoRAs, embeddings, pictures and VAE decoder that `upper` replaces, which is to be laid over it.
    ///
    /// `named` says which models and included files the job may name. Pictures are checked where they are
    /// looked for ([`Self::find_pictures`]).
    ///
    /// # Errors
    /// [`JobError::PathsOutside`], a [`JobFileError`], and those of [`embedded_job`].
    pub fn find(path: &Path, upper: &Self, named: NamedPaths) -> Result<Self, JobError> {
        let mut found = Self::find_anything(path, named)?;
        found.vae.take_if(|_| upper.vae.is_some());
        if upper.defaults.shared.loras.is_some() {
            found.forget_loras();
        }
        let (embeddings, replaced) = (&mut found.prompts.embeddings, &upper.prompts.embeddings);
        embeddings.take_if(|_| replaced.is_some());
        found.model.take_if(|_| upper.model.is_some());
        let second = &upper.upscale.model;
        found.upscale.model.take_if(|_| second.is_some());
        let (inpaint, depth) = (&mut found.inpaint, &mut found.depth);
        for (path, hash, replaced) in [
            (
                &mut inpaint.image,
                &mut inpaint.image_sha256,
                &upper.inpaint.image,
            ),
            (
                &mut inpaint.mask,
                &mut inpaint.mask_sha256,
                &upper.inpaint.mask,
            ),
            (
                &mut depth.image,
                &mut depth.image_sha256,
                &upper.depth.image,
            ),
        ] {
            if replaced.is_some() {
                (*path, *hash) = (None, None);
            }
        }
        if named == NamedPaths::InFolder {
            found.validate_models(path)?;
        }
        Ok(found)
    }

    /// As [`Self::find`], for those who open neither the pictures nor the models that the job names: [pictures
    /// are forgotten](Self::forget_pictures_outside) if they lie outside of the job's own folder.
    ///
    /// # Errors
    /// A [`JobFileError`], and those of [`embedded_job`].
    pub fn find_alone(path: &Path) -> Result<Self, JobError> {
        let mut found = Self::find_anything(path, NamedPaths::InFolder)?;
        found.forget_pictures_outside(path);
        Ok(found)
    }

    fn find_anything(path: &Path, named: NamedPaths) -> Result<Self, JobError> {
        if is_job_file(path) {
            return Ok(Self::read_from(path, named)?);
        }
        let text = embedded_job(path)?;
        if path.is_dir() {
            // The text is that of a picture in the folder, and its paths are relative to that picture.
            let picture = path.join(FIRST_FRAME);
            return Ok(Self::parse_from(&text, &picture, named)?);
        }
        Ok(Self::parse_from(&text, path, named)?)
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
    /// The text that an output of this job in `folder` carries: the job with nothing left open, and with
    /// the hash of each picture's content. What lies in the folder, in the one above it, or anywhere below
    /// these is named by its path from there, and everything else by its last name alone, so that the
    /// text does not tell how the disk is organised. `model` is the folder of the model and `size` the
    /// film's width and height, for a job that leaves them open.
    ///
    /// # Errors
    /// As [`Job::to_toml`].
    pub fn description(
        &self,
        folder: &Path,
        model: &Path,
        size: (usize, usize),
    ) -> Result<String, JobFileError> {
        let mut job = self.clone();
        job.size = Some(size);
        if job.model.is_none() {
            job.model = model.to_str().map(str::to_owned);
        }
        let mut hashed = job.settings();
        hashed.add_hashes();
        job.shorten_paths(folder);
        job.to_toml_with_hashes(&hashed)
    }
}

fn is_job_file(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
}

#[cfg(test)]
mod tests;
