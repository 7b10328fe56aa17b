//! Films back to pictures, for whoever measures them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use image::RgbImage;

use crate::error::VideoError;
use crate::format::Container;
use crate::metadata::Flaw;
use crate::picture::{self, MAX_SIDE};

mod animation;
mod ffmpeg;
mod mp4;
mod pictures;

/// Most pixels of a frame: twice those of 8K television.
const MAX_PIXELS: usize = 1 << 26;

/// How a film is read.
#[derive(Clone, PartialEq, Debug)]
pub struct ReadOptions {
    /// Frames a second of a folder of pictures; other films tell their own times.
    pub frames_per_second: f64,
    /// The program for what is no 8-bit H.264 in 4:2:0, by its path or its name on the search path;
    /// `None` refuses it.
    pub ffmpeg: Option<PathBuf>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            frames_per_second: 30.0,
            ffmpeg: Some("ffmpeg".into()),
        }
    }
}

/// A frame of a film that is read.
#[derive(Clone, PartialEq, Debug)]
pub struct FilmFrame {
    /// The picture.
    pub picture: RgbImage,
    /// When it is shown, in seconds from the first.
    pub begins: f64,
    /// For how long, in seconds.
    pub lasts: f64,
}

type Frames = Box<dyn Iterator<Item = Result<FilmFrame, VideoError>>>;

/// The frames of a film, one by one in the order in which they are shown; after an error, none.
pub struct FrameReader {
    frames: Option<Frames>,
    size: Option<(usize, usize)>,
}

/// Opens a film: a folder of PNG pictures, a GIF, a WebP or an MP4. What an MP4 has in H.264 is
/// taken for BT.709 in limited range, as it is written here.
///
/// The file is not trusted: a few frames are in memory at a time, none of more than 64 million
/// pixels.
///
/// # Errors
/// [`VideoError::Io`], [`VideoError::UnknownContent`], [`VideoError::Damaged`],
/// [`VideoError::NoPictures`], [`VideoError::Undecodable`]. Frames may be errors too, such as
/// [`VideoError::SizesDiffer`].
pub fn read_frames(
    path: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<FrameReader, VideoError> {
    let path = path.as_ref();
    let frames: Frames = if path.is_dir() {
        Box::new(pictures::PictureReader::open(path, options)?)
    } else {
        let (container, file) = open(path)?;
        match container {
            Container::Gif => Box::new(animation::AnimationReader::gif(path, file)?),
            Container::Webp => Box::new(animation::AnimationReader::webp(path, file)?),
            Container::Mp4 => mp4::open(path, file, options)?,
            Container::Png => {
                return Err(VideoError::UnknownContent {
                    path: path.to_path_buf(),
                });
            }
        }
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
            let picture = &frame.picture;
            let size = *self.size.get_or_insert(picture::size(picture));
            picture::validate_same_size(picture, size)?;
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

/// Opens a file to read and tells what it is by its first bytes.
pub(crate) fn open(path: &Path) -> Result<(Container, File), VideoError> {
    let failed = || VideoError::io("read", path);
    let mut file = File::open(path).map_err(failed())?;
    if !file.metadata().map_err(failed())?.is_file() {
        // A pipe would wait for ever.
        return Err(VideoError::WrongKind {
            path: path.to_path_buf(),
            found: "no file",
            wanted: "a film or picture",
        });
    }
    let mut start = Vec::new();
    let begin = file.by_ref().take(12).read_to_end(&mut start);
    begin.map_err(failed())?;
    file.seek(SeekFrom::Start(0)).map_err(failed())?;
    match Container::from_start(&start) {
        Some(container) => Ok((container, file)),
        None => Err(VideoError::UnknownContent {
            path: path.to_path_buf(),
        }),
    }
}

fn checked_size(width: usize, height: usize) -> Result<(), Flaw> {
    let sides = 1..=MAX_SIDE;
    if sides.contains(&width) && sides.contains(&height) && width * height <= MAX_PIXELS {
        return Ok(());
    }
    Err(Flaw::damaged(format!(
        "a frame of {width}x{height} pixels: it may have {MAX_SIDE} on a side and {MAX_PIXELS} in all"
    )))
}

fn image_flaw(error: image::ImageError) -> Flaw {
    match error {
        image::ImageError::IoError(error) => error.into(),
        other => Flaw::damaged(other.to_string()),
    }
}
