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
use crate::flaw::within;
use crate::format::{self, FilmFormat, png};
use crate::picture_name;

pub use crate::limits::MAX_DESCRIPTION;

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
        return read(path.join(picture_name::file_name(0)));
    }
    let (format, file) = format::open(path)?;
    within(path, || {
        format.read_text(file).map_err(|flaw| flaw.of(path))
    })
}

/// The text that [`FilmWriter::write_with_text`](crate::FilmWriter::write_with_text) gave to one
/// picture of a folder, `None` if it carries none or is no PNG picture.
///
/// # Errors
/// As [`read`].
pub fn read_frame_text(picture: impl AsRef<Path>) -> Result<Option<String>, VideoError> {
    let path = picture.as_ref();
    let (format, file) = format::open(path)?;
    match format {
        FilmFormat::PngSequence => within(path, || {
            png::read_frame_text(file).map_err(|flaw| flaw.of(path))
        }),
        _ => Ok(None),
    }
}

/// Whether a path has the ending of a file in which [`read`] may find a text: that of a film, or of
/// a folder's picture.
#[must_use]
pub fn may_carry_text(path: &Path) -> bool {
    format::is_read_by_ending(path)
}
