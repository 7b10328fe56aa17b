//! The formats of films, in one table that everything asks: writing, reading, texts, messages, and
//! which options belong to which format.
//!
//! A new format is one module beside these, one variant of [`FilmFormat`] and one row of [`FORMATS`].

mod animation;
mod gif;
mod mp4;
pub(crate) mod png;
mod webp;

use std::ffi::OsStr;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

pub use self::mp4::ffmpeg::{ffmpeg_available, ffmpeg_version};
pub(crate) use self::mp4::validate_encoder;
use crate::error::VideoError;
use crate::flaw::Flaw;
use crate::frame_rate::FrameRate;
use crate::options::FilmOptions;
use crate::reader::{Frames, ReadOptions};
use crate::sink::Sink;

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

/// What the crate knows of a format.
struct Format {
    format: FilmFormat,
    /// The ending of its files, or of the files in its folder.
    ending: &'static str,
    /// Whether a film is a folder of files rather than a file.
    is_folder: bool,
    /// Whether a file is of this format, by its first [`SIGNATURE`] bytes.
    has_signature: fn(&[u8]) -> bool,
    options: &'static [FormatOption],
    /// Begins a film.
    create: fn(&NewFilm<'_>) -> Result<Box<dyn Sink>, VideoError>,
    /// Opens a file of this format as a film.
    read: fn(&Path, File, &ReadOptions) -> Result<Frames, VideoError>,
    /// Finds the text that a file carries.
    read_text: fn(BufReader<File>) -> Result<Option<String>, Flaw>,
}

static FORMATS: [Format; 4] = [
    Format {
        format: FilmFormat::Mp4,
        ending: "mp4",
        is_folder: false,
        has_signature: |start| start.get(4..8) == Some(b"ftyp"),
        options: &[FormatOption::Encoder, FormatOption::Audio],
        create: mp4::create,
        read: mp4::read,
        read_text: mp4::read_text,
    },
    Format {
        format: FilmFormat::Gif,
        ending: "gif",
        is_folder: false,
        has_signature: |start| start.starts_with(b"GIF8"),
        options: &[FormatOption::Repeats],
        create: gif::create,
        read: gif::read,
        read_text: gif::read_text,
    },
    Format {
        format: FilmFormat::Webp,
        ending: "webp",
        is_folder: false,
        has_signature: |start| start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP"),
        options: &[FormatOption::Repeats, FormatOption::WebpCompression],
        create: webp::create,
        read: webp::read,
        read_text: webp::read_text,
    },
    Format {
        format: FilmFormat::PngSequence,
        ending: "png",
        is_folder: true,
        has_signature: |start| start.starts_with(b"\x89PNG"),
        options: &[],
        create: png::create,
        read: png::read_single,
        read_text: png::read_text,
    },
];

/// Bytes at the beginning of a file that tell all formats apart.
const SIGNATURE: usize = 12;

/// A film that is about to be written. Its options and its size have been checked, as far as they
/// hold for all formats.
pub(crate) struct NewFilm<'a> {
    pub(crate) path: &'a Path,
    /// Width and height in pixels.
    pub(crate) size: (usize, usize),
    pub(crate) frame_rate: FrameRate,
    pub(crate) options: &'a FilmOptions,
}

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
        let mut files = FORMATS.iter().filter(|row| !row.is_folder);
        match files.find(|row| row.is_ending(ending)) {
            Some(row) => Ok(row.format),
            None if path.is_dir() => Ok(Self::PngSequence),
            None => Err(VideoError::UnknownFormat {
                path: path.to_path_buf(),
            }),
        }
    }

    /// The ending of a film's file, without the dot; `None` for a format that is a folder.
    #[must_use]
    pub fn ending(self) -> Option<&'static str> {
        let row = self.row();
        (!row.is_folder).then_some(row.ending)
    }

    /// Whether an option has a meaning for this format.
    #[must_use]
    pub fn takes(self, option: FormatOption) -> bool {
        self.row().options.contains(&option)
    }

    /// Begins a film of this format.
    pub(crate) fn create(self, film: &NewFilm<'_>) -> Result<Box<dyn Sink>, VideoError> {
        (self.row().create)(film)
    }

    /// Opens a file of this format as a film.
    pub(crate) fn read(
        self,
        path: &Path,
        file: File,
        options: &ReadOptions,
    ) -> Result<Frames, VideoError> {
        (self.row().read)(path, file, options)
    }

    /// Finds the text that a file of this format carries.
    pub(crate) fn read_text(self, file: File) -> Result<Option<String>, Flaw> {
        (self.row().read_text)(BufReader::new(file))
    }

    /// The format of a file that begins with these bytes; [`SIGNATURE`] of them suffice.
    fn from_start(start: &[u8]) -> Option<Self> {
        let mut rows = FORMATS.iter();
        let row = rows.find(|row| (row.has_signature)(start))?;
        Some(row.format)
    }

    fn row(self) -> &'static Format {
        let row = FORMATS.iter().find(|row| row.format == self);
        row.expect("the table has a row for every format")
    }
}

impl FormatOption {
    /// The endings of the formats that take this option, as in ".gif or .webp".
    #[must_use]
    pub fn endings(self) -> String {
        listed(
            FilmFormat::ALL
                .into_iter()
                .filter(|format| format.takes(self)),
        )
    }
}

impl Format {
    fn is_ending(&self, ending: &OsStr) -> bool {
        ending.eq_ignore_ascii_case(self.ending)
    }
}

/// The endings of all films that are files, as in ".mp4, .gif or .webp".
pub(crate) fn endings() -> String {
    listed(FilmFormat::ALL.into_iter())
}

fn listed(formats: impl Iterator<Item = FilmFormat>) -> String {
    let endings: Vec<String> = formats
        .filter_map(FilmFormat::ending)
        .map(|ending| format!(".{ending}"))
        .collect();
    match endings.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Whether a path has the ending of a file that is read here: a film, or a picture of a folder.
pub(crate) fn is_read_by_ending(path: &Path) -> bool {
    let ending = path.extension();
    ending.is_some_and(|ending| FORMATS.iter().any(|row| row.is_ending(ending)))
}

/// Opens a file for reading, and finds out its format from its first bytes.
pub(crate) fn open(path: &Path) -> Result<(FilmFormat, File), VideoError> {
    use std::io::{Read as _, Seek as _, SeekFrom};

    let mut file = lb_files::open(path)?;
    let mut start = Vec::new();
    file.by_ref()
        .take(SIGNATURE as u64)
        .read_to_end(&mut start)
        .map_err(VideoError::io("read", path))?;
    file.seek(SeekFrom::Start(0))
        .map_err(VideoError::io("read", path))?;
    match FilmFormat::from_start(&start) {
        Some(format) => Ok((format, file)),
        None => Err(VideoError::UnknownContent {
            path: path.to_path_buf(),
        }),
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
    fn the_table_has_a_row_for_every_format() {
        for format in FilmFormat::ALL {
            assert_eq!(format.row().format, format);
        }
        assert_eq!(FormatOption::Repeats.endings(), ".gif or .webp");
        assert_eq!(FormatOption::WebpCompression.endings(), ".webp");
        assert_eq!(FormatOption::Audio.endings(), ".mp4");
    }
}
