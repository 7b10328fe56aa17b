//! Why a sequence of frames cannot be measured.
#![allow(missing_docs)] // The messages say what the variants and their fields are.

use std::io;
use std::path::PathBuf;

use lb_video::{InputError, VideoError};

/// A rule that the frames break, or a file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    #[error(
        "measuring takes at least {} frames, found {found}",
        Self::FEWEST_FRAMES
    )]
    TooFewFrames { found: usize },
    /// The frames differ in size and cannot be compared. `index` counts from 0; sizes are width and
    /// height.
    #[error(
        "frames must have one size: frame {index} has {}x{} pixels, those before have {}x{}",
        found.0, found.1, expected.0, expected.1
    )]
    SizesDiffer {
        index: usize,
        found: (usize, usize),
        expected: (usize, usize),
    },
    #[error("{} was made without a camera, or does not say how it was made", path.display())]
    NoCamera { path: PathBuf },
    #[error(
        "one cannot look past an endless zoom: while it begins again, its frames show two sections of the \
         picture over each other"
    )]
    EndlessZoom,
    #[error(
        "the frames have no part of the picture in common that is at least {least} pixels wide and high, so one \
         cannot look past the camera"
    )]
    NothingInCommon { least: usize },
    #[error("the transitions are those of {expected} frames, found {found}")]
    FrameCount { found: usize, expected: usize },
    #[error("there is no film or folder {}", path.display())]
    Missing { path: PathBuf },
    #[error(
        "{} is one picture: measuring takes a film, a folder of frames, or several pictures",
        path.display()
    )]
    OnePicture { path: PathBuf },
    /// A film or a folder is one of several paths.
    #[error(
        "{} is no picture: measuring takes one film or folder, two of them to compare, or several \
         pictures",
        path.display()
    )]
    Sequences { path: PathBuf },
    /// Frames that are shown for longer than others are repeated, and there would be too many.
    #[error(
        "{} shows some frames for so long that {repeats} would have to be repeated to measure it",
        path.display()
    )]
    TooManyRepeats { path: PathBuf, repeats: usize },
    #[error(
        "{} has {width}x{height} pixels: frames that are measured may have as many as 4096x2160",
        path.display()
    )]
    FrameTooLarge {
        path: PathBuf,
        width: usize,
        height: usize,
    },
    #[error("cannot read the folder {}: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Video(#[from] VideoError),
}

impl MeasureError {
    /// Whether the request itself was wrong, so that repeating it cannot help.
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::Folder { .. } => false,
            Self::Input(error) => error.is_request(),
            Self::Video(error) => error.is_request(),
            _ => true,
        }
    }

    /// The fewest frames that can be measured: they have two distances, and fewer cannot vary.
    pub const FEWEST_FRAMES: usize = 3;
}
