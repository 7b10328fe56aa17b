//! What can be wrong with a picture's file, one variant a rule.

use std::io;
use std::path::PathBuf;

use super::{LARGEST_INPUT_FILE, LARGEST_INPUT_SIDE, MOST_INPUT_PIXELS};

/// Why a picture could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// There is nothing under this name.
    #[error("there is no picture {}", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// Something that is not read: it may be endless.
    #[error("{} is {found}; a picture must be a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What is there: a folder, a pipe, a device or a socket.
        found: &'static str,
    },
    /// The system does not hand out the file.
    #[error("cannot read the picture {}: {source}", path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is larger than a picture's may be.
    #[error(
        "the picture {} has {} MiB; at most {} are allowed",
        path.display(), bytes.div_ceil(1 << 20), LARGEST_INPUT_FILE >> 20
    )]
    FileTooLarge {
        /// The path.
        path: PathBuf,
        /// Bytes of the file, as far as they were counted.
        bytes: u64,
    },
    /// The file is in no format that is read.
    #[error("{} is {found}; PNG, JPEG and WebP pictures are read", path.display())]
    NotAPicture {
        /// The path.
        path: PathBuf,
        /// What the file begins like.
        found: String,
    },
    /// The declared size is beyond the limits.
    #[error(
        "the picture {} declares {width}x{height} pixels; at most {LARGEST_INPUT_SIDE} a side and \
         {} million in all are allowed",
        path.display(), MOST_INPUT_PIXELS / 1_000_000
    )]
    TooManyPixels {
        /// The path.
        path: PathBuf,
        /// Declared width.
        width: u32,
        /// Declared height.
        height: u32,
    },
    /// A row, or data beside the picture, unpacks to more than can be meant.
    #[error(
        "the {format} picture {} takes more than {} MiB of memory to decode, beside its pixels",
        path.display(), most >> 20
    )]
    Memory {
        /// The path.
        path: PathBuf,
        /// The file's format.
        format: &'static str,
        /// Bytes that are allowed.
        most: u64,
    },
    /// The file ends before its picture does.
    #[error("the {format} picture {} is cut short: the file ends before the picture does", path.display())]
    CutShort {
        /// The path.
        path: PathBuf,
        /// The file's format.
        format: &'static str,
    },
    /// The file breaks its format's rules.
    #[error("the {format} picture {} is damaged: {reason}", path.display())]
    Damaged {
        /// The path.
        path: PathBuf,
        /// The file's format.
        format: &'static str,
        /// The rule that it breaks.
        reason: String,
    },
    /// A mask or depth map with a pixel that is not opaque.
    #[error(
        "the pixel in column {column}, row {row} (from 0) of {} is transparent; a mask or depth \
         map must be opaque",
        path.display()
    )]
    Transparent {
        /// The path.
        path: PathBuf,
        /// The first such pixel's column.
        column: usize,
        /// Its row.
        row: usize,
    },
}

impl InputError {
    /// Whether the request was wrong, rather than the system failing to read.
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::Read { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            _ => true,
        }
    }
}
