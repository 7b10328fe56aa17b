//! Reading the frames of a film.

use std::path::Path;

use crate::error::VideoError;
use crate::film_frame::{FilmFrame, Frames, ReadOptions};
use crate::format::{self, png};
use crate::picture;

/// The frames of a film, one by one in the order in which they are shown. They end after an error.
pub struct FrameReader {
    frames: Option<Frames>,
    size: Option<(usize, usize)>,
}

/// Opens a film: a folder of PNG pictures in the natural order of their names, a GIF, a WebP or an
/// MP4. The H.264 of an MP4 is taken for BT.709 in limited range, as it is written here.
///
/// The file is not trusted: a few frames are in memory at a time, none of more than 64 million
/// pixels.
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
    let frames = if path.is_dir() {
        png::read_folder(path, options)?
    } else {
        let (format, file) = format::open(path)?;
        format.read(path, file, options)?
    };
    Ok(FrameReader {
        frames: Some(frames),
        size: None,
    })
}

impl Iterator for FrameReader {
    type Item = Result<FilmFrame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.frames.as_mut()?.next()?.and_then(|frame| {
            let size = *self.size.get_or_insert(picture::size(&frame.picture));
            picture::validate_same_size(&frame.picture, size)?;
            Ok(frame)
        });
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
