//! Reading the frames of a film.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;

use crate::error::VideoError;
use crate::film_frame::{FilmFrame, Frames, ReadOptions};
use crate::flaw::within;
use crate::format::{self, png};
use crate::limits::UNCHANGED;
use crate::picture;
use crate::work::Work;

/// The frames of a film, one by one in the order in which they are shown. They end after an error.
pub struct FrameReader {
    path: PathBuf,
    frames: Option<Frames>,
    last: Option<Arc<RgbImage>>,
    /// What is left for the frames of a film that is one file. Each picture of a folder is a file of its own.
    work: Option<Work>,
}

/// Opens a film: a folder of PNG pictures in the natural order of their names, a GIF, a WebP or an
/// MP4. The H.264 of an MP4 is taken for BT.709 in limited range, as it is written here.
///
/// The file is not trusted: a few frames are in memory at a time, none larger than [`limits`](crate::limits)
/// allow, and a decoder that panics is an error of the file.
///
/// # Errors
/// [`VideoError::File`], [`VideoError::UnknownContent`], [`VideoError::Damaged`],
/// [`VideoError::NoPictures`], [`VideoError::Undecodable`]. Frames may be errors too, such as
/// [`VideoError::SizesDiffer`].
pub fn read_frames(
    path: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<FrameReader, VideoError> {
    let path = path.as_ref();
    let (frames, work) = if path.is_dir() {
        (png::read_folder(path, options)?, None)
    } else {
        let (format, file) = format::open(path)?;
        let length = file.metadata().map_err(VideoError::io("read", path))?.len();
        let frames = within(path, || format.read(path, file, options))?;
        (frames, Some(Work::of_bytes(length)))
    };
    Ok(FrameReader {
        path: path.into(),
        frames: Some(frames),
        last: None,
        work,
    })
}

/// For how many seconds each frame of a film that is one file is shown, in the order in which frames are shown.
/// Nothing is decoded.
///
/// # Errors
/// [`VideoError::File`], [`VideoError::UnknownContent`], and [`VideoError::Damaged`].
pub fn read_durations(path: impl AsRef<Path>) -> Result<Vec<f64>, VideoError> {
    let path = path.as_ref();
    let (format, file) = format::open(path)?;
    format.read_durations(path, file)
}

/// Whether a file begins as a film does, though it may be broken.
#[must_use]
pub fn is_film(path: &Path) -> bool {
    let opened = format::open(path);
    opened.is_ok_and(|(format, _)| format.ending().is_some())
}

impl FrameReader {
    /// Checks a frame that was read, and shares the picture of the frame before if it is the same.
    fn look(&mut self, mut frame: FilmFrame) -> Result<FilmFrame, VideoError> {
        let last = self.last.as_ref().unwrap_or(&frame.picture);
        let size = picture::size(last);
        picture::validate_same_size(&frame.picture, size)?;
        let mut pixels = (size.0 * size.1) as u64;
        if let Some(last) = &self.last
            && (Arc::ptr_eq(last, &frame.picture) || *last == frame.picture)
        {
            frame.picture = Arc::clone(last);
            pixels /= UNCHANGED;
        }
        if let Some(work) = &mut self.work {
            work.spend(pixels).map_err(|flaw| flaw.of(&self.path))?;
        }
        self.last = Some(Arc::clone(&frame.picture));
        Ok(frame)
    }
}

impl Iterator for FrameReader {
    type Item = Result<FilmFrame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frames = self.frames.as_mut()?;
        let frame = within(&self.path, || frames.next().transpose()).transpose()?;
        let frame = frame.and_then(|frame| self.look(frame));
        if frame.is_err() {
            self.frames = None;
        }
        Some(frame)
    }
}

impl std::fmt::Debug for FrameReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("FrameReader")
            .finish_non_exhaustive()
    }
}
