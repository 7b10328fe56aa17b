//! What a format does with the frames of a film, and the film that it completes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;
use lb_files::{StagedFile, StagedFolder};
use lb_schedule::FrameRate;

use crate::error::VideoError;
use crate::options::FilmOptions;
use crate::picture_name;

/// A film that is about to be written. The rules for options and size that hold for all formats have
/// been checked.
pub(crate) struct NewFilm<'a> {
    pub(crate) path: &'a Path,
    /// Width and height in pixels.
    pub(crate) size: (usize, usize),
    pub(crate) frame_rate: FrameRate,
    pub(crate) options: &'a FilmOptions,
}

/// A frame for a sink.
pub(crate) struct NextFrame<'a> {
    /// Counted from 0.
    pub(crate) index: usize,
    pub(crate) picture: &'a Arc<RgbImage>,
    /// A text of its own, which only some formats can store.
    pub(crate) text: Option<&'a str>,
}

/// Takes a film's frames in order. If it is dropped before `complete`, nothing is left of the film.
pub(crate) trait Sink: Send {
    /// The name of the encoder: that of its thread, and the one in errors.
    fn name(&self) -> &'static str;

    /// The fewest frames of a film.
    fn fewest_frames(&self) -> usize {
        1
    }

    /// Takes the next frame, whose size has been checked.
    fn write(&mut self, frame: &NextFrame<'_>) -> Result<(), VideoError>;

    /// Completes the output, all but its name. It has had this many frames, at least the fewest, and
    /// they last this long.
    fn complete(self: Box<Self>, frames: usize, seconds: f64) -> Result<CompletedFilm, VideoError>;
}

/// What was written.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct FilmSummary {
    /// The film's file, or the folder of its pictures.
    pub path: PathBuf,
    /// Frames written.
    pub frames: usize,
    /// How long they last, in seconds.
    pub seconds: f64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// A film that is whole but does not have its name yet. If it is dropped, nothing is left of it.
///
/// Giving it its name needs no space on the disk. Films that belong together can therefore be completed
/// first and named afterwards, so that none appears without the others.
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
        Ok(Self {
            summary: FilmSummary {
                path: output.path().into(),
                frames,
                seconds,
                bytes: output.complete()?,
            },
            staged: Staged::File(output),
        })
    }

    /// `output` holds `frames` pictures, named as [`picture_name::file_name`] names them.
    pub(crate) fn pictures(output: StagedFolder, frames: usize, seconds: f64, bytes: u64) -> Self {
        Self {
            summary: FilmSummary {
                path: output.path().into(),
                frames,
                seconds,
                bytes,
            },
            staged: Staged::Pictures(output),
        }
    }

    /// Where the film lies until it has its name.
    pub(crate) fn temporary_path(&self) -> &Path {
        match &self.staged {
            Staged::File(output) => output.temporary_path(),
            Staged::Pictures(output) => output.temporary_path(),
        }
    }

    /// Gives the film its name.
    ///
    /// # Errors
    /// [`VideoError::File`] if something has come in the way since the film was begun, or the system
    /// refuses.
    pub fn publish(self) -> Result<FilmSummary, VideoError> {
        let frames = self.summary.frames;
        match self.staged {
            Staged::File(output) => output.publish()?,
            Staged::Pictures(output) => {
                let names: Vec<String> = (0..frames).map(picture_name::file_name).collect();
                output.publish(&names, |name| {
                    picture_name::number(name).is_some_and(|number| number >= frames)
                })?;
            }
        }
        Ok(self.summary)
    }
}
