//! Why a sequence of frames cannot be measured.

/// A rule that the frames break.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
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
}

impl MeasureError {
    /// Two distances: fewer cannot vary.
    pub const FEWEST_FRAMES: usize = 3;
}
