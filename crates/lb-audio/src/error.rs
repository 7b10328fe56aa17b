//! Why sound cannot be read or analysed.
#![allow(missing_docs)] // The messages say what the variants and their fields are.

use std::path::PathBuf;

use lb_files::FileError;

use crate::sound_file::{LONGEST, RATES};

/// Why sound cannot be read or analysed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The file cannot be opened or read.
    #[error(transparent)]
    File(#[from] FileError),
    #[error(
        "{} is no sound that is decoded here ({reason}); WAV, AIFF, CAF, FLAC, Ogg Vorbis, MP3, AAC and ALAC are",
        path.display()
    )]
    Unsupported { path: PathBuf, reason: String },
    #[error("the sound {} is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} has no sound", path.display())]
    NoSound { path: PathBuf },
    #[error(
        "the sound has {rate} samples a second; {} to {} are allowed",
        RATES.start(),
        RATES.end()
    )]
    SampleRate { rate: u32 },
    #[error("the sound lasts longer than {} hours, which is the most that is analysed", LONGEST / 3600)]
    TooLong,
}

impl AudioError {
    /// Whether the request itself was wrong, so that repeating it cannot help.
    #[must_use]
    pub fn is_request(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}
