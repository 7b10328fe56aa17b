//! The text that a film or picture carries, whatever its format.
//!
//! | file | where the text is |
//! |---|---|
//! | MP4 | the comment of its metadata list, `moov/udta/meta/ilst/©cmt`, which players show |
//! | GIF | a comment extension before the first picture |
//! | WebP | the `ImageDescription` of its Exif |
//! | PNG | an `iTXt` chunk `Description` |
//! | folder of PNG pictures | in each of them |
//!
//! A folder's pictures may each carry a text of their own besides, in an `iTXt` chunk `lb-frame`.

use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use crate::error::VideoError;
use crate::format::Container;
use crate::reader;
use crate::sink::png;

pub(crate) mod exif;
mod gif;
pub(crate) mod mp4;
mod webp;

/// Longest text, in bytes.
pub const MAX_DESCRIPTION: usize = 1 << 20;

/// Keyword of the PNG chunk: one of those that the PNG specification (11.3.3.2) registers.
pub(crate) const PNG_KEYWORD: &str = "Description";

/// Keyword of the PNG chunk for what is one picture's alone: one that no other program writes.
pub(crate) const PNG_FRAME_KEYWORD: &str = "lb-frame";

/// The text that a film or picture carries, `None` if it carries none. Of a folder of pictures as
/// they are written here, that of the first.
///
/// The file is not trusted: no more than the text and a small buffer are read into memory.
///
/// # Errors
/// [`VideoError::Io`] if the file cannot be read, [`VideoError::UnknownContent`] if it is none of
/// the formats that are written here, [`VideoError::Damaged`] if it breaks its format's rules, ends
/// too early, or holds a longer text than [`MAX_DESCRIPTION`].
pub fn read(path: impl AsRef<Path>) -> Result<Option<String>, VideoError> {
    let path = path.as_ref();
    if path.is_dir() {
        return read(path.join(png::file_name(0)));
    }
    let (container, file) = reader::open(path)?;
    let file = BufReader::new(file);
    let text = match container {
        Container::Png => read_png(file, PNG_KEYWORD),
        Container::Gif => gif::read(file),
        Container::Webp => webp::read(file),
        Container::Mp4 => mp4::read(file),
    };
    text.map_err(|flaw| flaw.of(path))
}

/// The text that [`FilmWriter::write_with_text`](crate::FilmWriter::write_with_text) gave to one
/// picture of a folder, `None` if it carries none or is no PNG picture.
///
/// # Errors
/// As [`read`].
pub fn read_frame_text(picture: impl AsRef<Path>) -> Result<Option<String>, VideoError> {
    let path = picture.as_ref();
    let (container, file) = reader::open(path)?;
    if container != Container::Png {
        return Ok(None);
    }
    read_png(BufReader::new(file), PNG_FRAME_KEYWORD).map_err(|flaw| flaw.of(path))
}

/// Checks a text before the work begins.
pub(crate) fn check(text: &str) -> Result<(), VideoError> {
    if text.len() > MAX_DESCRIPTION {
        return Err(VideoError::DescriptionTooLong {
            bytes: text.len(),
            max: MAX_DESCRIPTION,
        });
    }
    match text.find('\0') {
        Some(at) => Err(VideoError::DescriptionNul { at }),
        None => Ok(()),
    }
}

/// Why a file could not be read; which one is added by whoever knows.
#[derive(Debug)]
pub(crate) enum Flaw {
    Io(io::Error),
    Damaged(String),
}

impl Flaw {
    pub(crate) fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged(reason.into())
    }

    pub(crate) fn too_long(bytes: u64) -> Self {
        Self::Damaged(format!(
            "it holds a text of {bytes} bytes, more than {MAX_DESCRIPTION}"
        ))
    }

    pub(crate) fn of(self, path: &Path) -> VideoError {
        match self {
            Self::Io(source) => VideoError::io("read", path)(source),
            Self::Damaged(reason) => VideoError::Damaged {
                path: path.to_path_buf(),
                reason,
            },
        }
    }
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::damaged("it ends too early")
        } else {
            Self::Io(error)
        }
    }
}

/// `length` bytes as text, read only if they are not too many.
pub(crate) fn read_text(file: &mut impl Read, length: u64) -> Result<String, Flaw> {
    if length > MAX_DESCRIPTION as u64 {
        return Err(Flaw::too_long(length));
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes)?;
    as_text(bytes)
}

pub(crate) fn as_text(bytes: Vec<u8>) -> Result<String, Flaw> {
    String::from_utf8(bytes).map_err(|_| Flaw::damaged("its text is not UTF-8"))
}

/// What the chunks before the pixels may take in memory: the text, its chunk, and others.
const PNG_LIMIT: usize = 8 * MAX_DESCRIPTION;

fn read_png(file: impl io::BufRead + Seek, keyword: &str) -> Result<Option<String>, Flaw> {
    let mut options = ::png::DecodeOptions::default();
    options.set_ignore_iccp_chunk(true);
    // A damaged text is not taken for none.
    options.set_skip_ancillary_crc_failures(false);
    let mut decoder = ::png::Decoder::new_with_options(file, options);
    decoder.set_limits(::png::Limits { bytes: PNG_LIMIT });
    let reader = decoder.read_info().map_err(png_flaw)?;
    let mut texts = reader.info().utf8_text.iter();
    let Some(chunk) = texts.find(|chunk| chunk.keyword == keyword) else {
        return Ok(None);
    };
    let mut chunk = chunk.clone();
    chunk
        .decompress_text_with_limit(MAX_DESCRIPTION)
        .and_then(|()| chunk.get_text())
        .map_err(png_flaw)
        .map(Some)
}

fn png_flaw(error: ::png::DecodingError) -> Flaw {
    match error {
        ::png::DecodingError::IoError(error) => error.into(),
        other => Flaw::damaged(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_be_as_long_as_the_limit() {
        let longest = "a".repeat(MAX_DESCRIPTION);
        assert!(check(&longest).is_ok());
        let length = longest.len() as u64;
        assert_eq!(read_text(&mut longest.as_bytes(), length).unwrap(), longest);
        let longer = longest.clone() + "a";
        assert!(check(&longer).is_err());
        assert!(read_text(&mut longer.as_bytes(), length + 1).is_err());
    }
}
