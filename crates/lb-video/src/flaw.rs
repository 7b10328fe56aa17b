//! Errors of reading a file, as functions report them that do not know its path.

use std::io::{self, Read};
use std::path::Path;

use lb_files::contained;

use crate::error::VideoError;
use crate::limits::{MAX_DESCRIPTION, MAX_SIDE, MOST_FRAME_PIXELS};

/// Why a file could not be read. A caller adds the path by [`Flaw::of`].
#[derive(Debug)]
pub(crate) enum Flaw {
    Io(io::Error),
    EndsEarly,
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

    /// The error of a file with this flaw.
    pub(crate) fn of(self, path: &Path) -> VideoError {
        match self {
            Self::Io(source) => VideoError::io("read", path)(source),
            Self::EndsEarly => Self::damaged("it ends too early").of(path),
            Self::Damaged(reason) => VideoError::Damaged {
                path: path.into(),
                reason,
            },
        }
    }
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::EndsEarly
        } else {
            Self::Io(error)
        }
    }
}

impl From<image::ImageError> for Flaw {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::IoError(error) => error.into(),
            other => Self::damaged(other.to_string()),
        }
    }
}

/// Runs a decoder, whose panics are errors of the file.
pub(crate) fn within<T>(
    path: &Path,
    decode: impl FnOnce() -> Result<T, VideoError>,
) -> Result<T, VideoError> {
    contained(decode).unwrap_or_else(|reason| Err(Flaw::Damaged(reason).of(path)))
}

/// Checks the declared size of a frame before anything is allocated for it.
pub(crate) fn validate_declared_size(width: usize, height: usize) -> Result<(), Flaw> {
    let sides = 1..=MAX_SIDE;
    if sides.contains(&width) && sides.contains(&height) && width * height <= MOST_FRAME_PIXELS {
        return Ok(());
    }
    Err(Flaw::damaged(format!(
        "a frame of {width}x{height} pixels: it may have {MAX_SIDE} on a side, and as many in all as \
         4096x2160"
    )))
}

/// Reads `length` bytes as text, if that is no more than a description may have.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_up_to_the_limit() {
        let longest = "a".repeat(MAX_DESCRIPTION);
        let length = longest.len() as u64;
        assert_eq!(read_text(&mut longest.as_bytes(), length).unwrap(), longest);
        let longer = longest + "a";
        assert!(read_text(&mut longer.as_bytes(), length + 1).is_err());
    }
}
