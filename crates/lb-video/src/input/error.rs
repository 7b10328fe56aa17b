//! What can be wrong with the file of a picture: one variant for each rule.
#![allow(missing_docs)] // The messages say what the variants and their fields are.

use std::io;
use std::path::PathBuf;

use crate::limits::{LARGEST_INPUT_FILE, LARGEST_INPUT_SIDE, MOST_INPUT_MEMORY, MOST_INPUT_PIXELS};

/// Why a picture could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    #[error("there is no picture {}", path.display())]
    Missing { path: PathBuf },
    /// The file is not a regular one, and may be endless.
    #[error("{} is {found}; a picture must be a regular file", path.display())]
    NotAFile { path: PathBuf, found: &'static str },
    #[error("cannot read the picture {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "the picture {} has {} MiB; at most {} are allowed",
        path.display(), bytes.div_ceil(1 << 20), LARGEST_INPUT_FILE >> 20
    )]
    FileTooLarge { path: PathBuf, bytes: u64 },
    #[error("{} is {found}; PNG, JPEG and WebP pictures are read", path.display())]
    NotAPicture { path: PathBuf, found: String },
    #[error(
        "the picture {} declares {width}x{height} pixels; at most {LARGEST_INPUT_SIDE} a side and \
         {} million in all are allowed",
        path.display(), MOST_INPUT_PIXELS / 1_000_000
    )]
    TooManyPixels {
        path: PathBuf,
        width: u32,
        height: u32,
    },
    /// The picture does not have too many pixels, but those of its kind take more memory than others.
    #[error(
        "the {format} picture {} of {width}x{height} pixels takes {} MiB of memory to decode; at most {} \
         are allowed, so make it smaller",
        path.display(), bytes.div_ceil(1 << 20), MOST_INPUT_MEMORY >> 20
    )]
    Memory {
        path: PathBuf,
        format: &'static str,
        width: u32,
        height: u32,
        bytes: u64,
    },
    /// A row, or data beside the picture, unpacks to more than the limit.
    #[error(
        "the {format} picture {} takes more than {} MiB of memory to decode, beside its pixels",
        path.display(), most >> 20
    )]
    SideData {
        path: PathBuf,
        format: &'static str,
        most: u64,
    },
    #[error("the {format} picture {} is cut short: the file ends before the picture does", path.display())]
    CutShort { path: PathBuf, format: &'static str },
    #[error("the {format} picture {} is damaged: {reason}", path.display())]
    Damaged {
        path: PathBuf,
        format: &'static str,
        reason: String,
    },
    #[error(
        "the pixel in column {column}, row {row} (from 0) of {} is transparent; a mask or depth \
         map must be opaque",
        path.display()
    )]
    Transparent {
        path: PathBuf,
        column: usize,
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
