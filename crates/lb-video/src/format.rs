//! The formats of films: how each is written and read, where it keeps its text, and which options it
//! has.
//!
//! A new format is one module below this one and one variant of [`FilmFormat`]; the compiler then
//! names every function here that must know it.

mod animation;
mod gif;
mod mp4;
pub(crate) mod png;
pub(crate) mod webp;

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _};
use std::path::Path;

pub use self::mp4::ffmpeg::{ffmpeg_available, ffmpeg_version};
use crate::error::VideoError;
use crate::film_frame::{Frames, ReadOptions};
use crate::flaw::Flaw;
#[cfg(doc)]
use crate::options::FilmOptions;
use crate::sink::{NewFilm, Sink};

/// What a film is written as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FilmFormat {
    /// H.264 in an MP4 file.
    Mp4,
    /// An animated GIF.
    Gif,
    /// An animated WebP.
    Webp,
    /// A folder of `frame_0000.png`, `frame_0001.png`, …
    PngSequence,
}

/// A part of [`FilmOptions`] that only some formats have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FormatOption {
    /// The choice of an encoder, with its quality.
    Encoder,
    /// A sound track.
    Audio,
    /// Whether the film plays again from its beginning when it has ended.
    Repeats,
    /// How the pictures of a WebP are compressed.
    WebpCompression,
}

/// Bytes at the beginning of a file that tell all formats apart.
const SIGNATURE: u64 = 12;

impl FilmFormat {
    /// All formats, in the order in which messages list them.
    pub const ALL: [Self; 4] = [Self::Mp4, Self::Gif, Self::Webp, Self::PngSequence];

    /// The format that an output's name asks for: by its ending, `.mp4`, `.gif` or `.webp` in any
    /// case. A folder of PNG pictures is meant by a name without an ending, by one that ends in a
    /// slash, and by that of a folder which exists.
    ///
    /// # Errors
    /// [`VideoError::UnknownFormat`] for any other ending.
    pub fn from_path(path: &Path) -> Result<Self, VideoError> {
        let Some(ending) = path.extension() else {
            return Ok(Self::PngSequence);
        };
        if path.to_string_lossy().ends_with(std::path::is_separator) {
            return Ok(Self::PngSequence);
        }
        let is_ending = |known| ending.eq_ignore_ascii_case(known);
        let mut formats = Self::ALL.into_iter();
        match formats.find(|format| format.ending().is_some_and(is_ending)) {
            Some(format) => Ok(format),
            None if path.is_dir() => Ok(Self::PngSequence),
            None => Err(VideoError::UnknownFormat {
                path: path.into(),
                endings: endings(),
            }),
        }
    }

    /// The ending of a film's file, without the dot; `None` for a format that is a folder.
    #[must_use]
    pub fn ending(self) -> Option<&'static str> {
        match self {
            Self::Mp4 => Some("mp4"),
            Self::Gif => Some("gif"),
            Self::Webp => Some("webp"),
            Self::PngSequence => None,
        }
    }

    /// Whether an option has a meaning for this format.
    #[must_use]
    pub fn takes(self, option: FormatOption) -> bool {
        match option {
            FormatOption::Encoder | FormatOption::Audio => self == Self::Mp4,
            FormatOption::Repeats => matches!(self, Self::Gif | Self::Webp),
            FormatOption::WebpCompression => self == Self::Webp,
        }
    }

    pub(crate) fn create(self, film: &NewFilm<'_>) -> Result<Box<dyn Sink>, VideoError> {
        Ok(match self {
            Self::Mp4 => mp4::create(film)?,
            Self::Gif => Box::new(gif::GifSink::new(film)?),
            Self::Webp => Box::new(webp::WebpSink::new(film)?),
            Self::PngSequence => Box::new(png::PngSink::new(film)?),
        })
    }

    pub(crate) fn read(
        self,
        path: &Path,
        file: File,
        options: &ReadOptions,
    ) -> Result<Frames, VideoError> {
        let frames = match self {
            Self::Mp4 => return mp4::read(path, file, options),
            Self::Gif => gif::read(path, file),
            Self::Webp => webp::read(path, file),
            // A single picture is no film.
            Self::PngSequence => return Err(VideoError::UnknownContent { path: path.into() }),
        };
        frames.map_err(|flaw| flaw.of(path))
    }

    /// For how many seconds each frame of a film in a file is shown; nothing is decoded.
    pub(crate) fn read_durations(self, path: &Path, file: File) -> Result<Vec<f64>, VideoError> {
        let durations = match self {
            Self::Mp4 => mp4::read_durations(file),
            Self::Gif => gif::read_durations(file),
            Self::Webp => webp::read_durations(file),
            Self::PngSequence => return Err(VideoError::UnknownContent { path: path.into() }),
        };
        durations.map_err(|flaw| flaw.of(path))
    }

    pub(crate) fn read_text(self, file: File) -> Result<Option<String>, Flaw> {
        let file = BufReader::new(file);
        match self {
            Self::Mp4 => mp4::read_text(file),
            Self::Gif => gif::read_text(file),
            Self::Webp => webp::read_text(file),
            Self::PngSequence => png::read_text(file),
        }
    }

    /// The format of a file that begins with these bytes; [`SIGNATURE`] of them suffice.
    fn from_start(start: &[u8]) -> Option<Self> {
        match start {
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Self::Mp4),
            [b'G', b'I', b'F', b'8', ..] => Some(Self::Gif),
            _ if start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP") => {
                Some(Self::Webp)
            }
            [0x89, b'P', b'N', b'G', ..] => Some(Self::PngSequence),
            _ => None,
        }
    }
}

impl FormatOption {
    /// The endings of the formats that take this option, as in ".gif or .webp".
    #[must_use]
    pub fn endings(self) -> String {
        endings_of(|format| format.takes(self))
    }
}

/// The endings of all films that are files, as in ".mp4, .gif or .webp".
pub(crate) fn endings() -> String {
    endings_of(|_| true)
}

fn endings_of(is_listed: impl Fn(FilmFormat) -> bool) -> String {
    let formats = FilmFormat::ALL
        .into_iter()
        .filter(|&format| is_listed(format));
    let endings: Vec<&str> = formats.filter_map(FilmFormat::ending).collect();
    match endings.split_last() {
        Some((last, [])) => format!(".{last}"),
        Some((last, others)) => format!(".{} or .{last}", others.join(", .")),
        None => String::new(),
    }
}

/// Whether a path has the ending of a file that is read here: a film, or a picture of a folder.
pub(crate) fn is_read_by_ending(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        let mut known = FilmFormat::ALL
            .iter()
            .map(|format| format.ending().unwrap_or("png"));
        known.any(|known| ending.eq_ignore_ascii_case(known))
    })
}

/// Opens a file for reading, and finds out its format from its first bytes.
pub(crate) fn open(path: &Path) -> Result<(FilmFormat, File), VideoError> {
    let mut file = lb_files::open(path)?;
    let mut start = Vec::new();
    let read = file.by_ref().take(SIGNATURE).read_to_end(&mut start);
    read.and_then(|_| file.rewind())
        .map_err(VideoError::io("read", path))?;
    match FilmFormat::from_start(&start) {
        Some(format) => Ok((format, file)),
        None => Err(VideoError::UnknownContent { path: path.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_names_the_format() {
        let format = |path: &str| FilmFormat::from_path(Path::new(path));
        assert_eq!(format("a/film.mp4").unwrap(), FilmFormat::Mp4);
        assert_eq!(format("FILM.MP4").unwrap(), FilmFormat::Mp4);
        assert_eq!(format("film.gif").unwrap(), FilmFormat::Gif);
        assert_eq!(format("film.WebP").unwrap(), FilmFormat::Webp);
        assert_eq!(format("a.b/frames").unwrap(), FilmFormat::PngSequence);
        assert_eq!(format("frames.v2/").unwrap(), FilmFormat::PngSequence);
        for other in ["film.avi", "film.png"] {
            let message = format(other).unwrap_err().to_string();
            assert_eq!(
                message,
                format!(
                    "{other}: films are written as .mp4, .gif or .webp, or as PNG pictures into a \
                     folder"
                )
            );
        }
    }

    #[test]
    fn options_name_the_formats_that_take_them() {
        assert_eq!(FormatOption::Repeats.endings(), ".gif or .webp");
        assert_eq!(FormatOption::WebpCompression.endings(), ".webp");
        assert_eq!(FormatOption::Audio.endings(), ".mp4");
    }
}
