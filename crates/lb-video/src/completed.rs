//! Films that are whole and wait for their names.

use std::path::{Path, PathBuf};

use crate::error::VideoError;
use crate::sink::png;
use crate::staging::{StagedFile, StagedFolder};

/// What was written.
#[derive(Clone, PartialEq, Debug)]
pub struct FilmSummary {
    /// The film's file, or the folder of its pictures.
    pub path: PathBuf,
    /// Frames written.
    pub frames: usize,
    /// How long they last.
    pub seconds: f64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// A film that is whole but not under its name yet. Dropped, nothing is left of it.
///
/// Between completing and naming lies no work that could fail for lack of space: so several films
/// that belong together are completed first and named then, and none appears without the others.
#[derive(Debug)]
pub struct CompletedFilm {
    staged: Staged,
    summary: FilmSummary,
}

#[derive(Debug)]
enum Staged {
    File(StagedFile),
    Pictures(StagedFolder),
}

impl CompletedFilm {
    pub(crate) fn file(
        output: StagedFile,
        frames: usize,
        seconds: f64,
    ) -> Result<Self, VideoError> {
        let summary = FilmSummary {
            path: output.path().to_path_buf(),
            frames,
            seconds,
            bytes: output.complete()?,
        };
        Ok(Self {
            staged: Staged::File(output),
            summary,
        })
    }

    /// `output` holds `frames` pictures, named as [`png::file_name`] names them.
    pub(crate) fn pictures(output: StagedFolder, frames: usize, seconds: f64, bytes: u64) -> Self {
        let summary = FilmSummary {
            path: output.path().to_path_buf(),
            frames,
            seconds,
            bytes,
        };
        Self {
            staged: Staged::Pictures(output),
            summary,
        }
    }

    pub(crate) fn summary(&self) -> &FilmSummary {
        &self.summary
    }

    /// Where it lies until it has its name.
    pub(crate) fn temporary_path(&self) -> &Path {
        match &self.staged {
            Staged::File(output) => output.temporary_path(),
            Staged::Pictures(output) => output.temporary_path(),
        }
    }

    /// Gives the film its name.
    ///
    /// # Errors
    /// If something has come in the way since the film was begun, or the system refuses.
    pub fn publish(self) -> Result<FilmSummary, VideoError> {
        let frames = self.summary.frames;
        match self.staged {
            Staged::File(output) => output.publish()?,
            Staged::Pictures(output) => {
                let names: Vec<String> = (0..frames).map(png::file_name).collect();
                output.publish(&names, |name| {
                    png::number(name).is_some_and(|number| number >= frames)
                })?;
            }
        }
        Ok(self.summary)
    }
}
