//! Why a sequence of frames cannot be measured.

use std::io;
use std::path::PathBuf;

/// A rule that the frames break, or a folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// Too few frames to have a speed that could vary.
    #[error(
        "measuring takes at least {} frames, found {found}",
        Self::FEWEST_FRAMES
    )]
    TooFewFrames {
        /// The frames found.
        found: usize,
    },
    /// Frames that cannot be compared.
    #[error(
        "frames must have one size: frame {index} has {}x{} pixels, those before have {}x{}",
        found.0, found.1, expected.0, expected.1
    )]
    SizesDiffer {
        /// The frame, from 0.
        index: usize,
        /// Its width and height.
        found: (usize, usize),
        /// Width and height of the first frame.
        expected: (usize, usize),
    },
    /// Another number of frames than the transitions are about.
    #[error("the transitions are those of {expected} frames, found {found}")]
    FrameCount {
        /// The frames found.
        found: usize,
        /// The frames expected.
        expected: usize,
    },
    /// There is nothing under this name.
    #[error("there is no film or folder {}", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// A single picture.
    #[error(
        "{} is one picture: measuring takes a film, a folder of frames, or several pictures",
        path.display()
    )]
    OnePicture {
        /// The picture.
        path: PathBuf,
    },
    /// A folder without frames.
    #[error("the folder {} holds no PNG pictures", path.display())]
    NoPictures {
        /// The folder.
        path: PathBuf,
    },
    /// A folder that cannot be listed.
    #[error("cannot read the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl MeasureError {
    /// Whether the request itself was wrong, so that repeating it cannot help.
    #[must_use]
    pub fn is_request(&self) -> bool {
        !matches!(self, Self::Folder { .. })
    }

    /// Two distances: fewer cannot vary.
    pub const FEWEST_FRAMES: usize = 3;
}
