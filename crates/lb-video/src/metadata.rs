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
//! In addition, each picture of a folder may carry a text of its own, in an `iTXt` chunk `lb-frame`.

use std::path::Path;

use crate::error::VideoError;
use crate::format::{self, png};

/// The most bytes that a text may have.
pub const MAX_DESCRIPTION: usize = 1 << 20;

/// The text that a film or picture carries, `None` if it carries none. For a folder of pictures it is
/// the text of `frame_0000.png`.
///
/// The file is not trusted: no more than the text and a small buffer are read into memory.
///
/// # Errors
/// [`VideoError::File`] if the file cannot be read, [`VideoError::UnknownContent`] if it has none of
/// the formats that are written here, [`VideoError::Damaged`] if it breaks its format's rules, ends
/// too early, or holds a longer text than [`MAX_DESCRIPTION`].
pub fn read(path: impl AsRef<Path>) -> Result<Option<String>, VideoError> {
    let path = path.as_ref();
    if path.is_dir() {
        return read(path.join(png::file_name(0)));
    }
    let (format, file) = format::open(path)?;
    format.read_text(file).map_err(|flaw| flaw.of(path))
}

/// The text that [`FilmWriter::write_with_text`](crate::FilmWriter::write_with_text) gave to one
/// picture of a folder, `None` if it carries none or is no PNG picture.
///
/// # Errors
/// As [`read`].
pub fn read_frame_text(picture: impl AsRef<Path>) -> Result<Option<String>, VideoError> {
    let path = picture.as_ref();
    let (format, file) = format::open(path)?;
    png::read_frame_text(format, file).map_err(|flaw| flaw.of(path))
}

/// Whether a path has the ending of a file in which [`read`] may find a text: that of a film, or of
/// a folder's picture.
#[must_use]
pub fn may_carry_text(path: &Path) -> bool {
    format::is_read_by_ending(path)
}

/// Checks a text before the work begins.
pub(crate) fn validate(text: &str) -> Result<(), VideoError> {
    if text.len() > MAX_DESCRIPTION {
        let bytes = text.len();
        return Err(VideoError::DescriptionTooLong { bytes });
    }
    match text.find('\0') {
        Some(at) => Err(VideoError::DescriptionNul { at }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_be_as_long_as_the_limit() {
        let longest = "a".repeat(MAX_DESCRIPTION);
        assert!(validate(&longest).is_ok());
        assert!(validate(&(longest + "a")).is_err());
    }
}
