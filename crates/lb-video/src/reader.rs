//! Reading the frames of a film.

use std::path::{Path, PathBuf};

use image::RgbImage;
use lb_schedule::FrameRate;

use crate::error::VideoError;
use crate::format::{self, png};
use crate::picture;

/// How a film is read.
#[derive(Clone, PartialEq, Debug)]
pub struct ReadOptions {
    /// Frames a second of a folder of pictures. Films in files have times of their own.
    pub frame_rate: FrameRate,
    /// The program for an MP4 that is not in 8-bit H.264 with 4:2:0, by its path or its name on the
    /// search path; `None` refuses such films.
    pub ffmpeg: Option<PathBuf>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            frame_rate: FrameRate::default(),
            ffmpeg: Some("ffmpeg".into()),
        }
    }
}

/// A frame of a film that is read.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct FilmFrame {
    /// The picture.
    pub picture: RgbImage,
    /// When it is shown, in seconds from the first frame on.
    pub begins: f64,
    /// For how long it is shown, in seconds.
    pub lasts: f64,
}

/// What a format gives to be read.
pub(crate) type Frames = Box<dyn Iterator<Item = Result<FilmFrame, VideoError>>>;

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
