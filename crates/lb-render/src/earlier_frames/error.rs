//! Why frames of an earlier film cannot be used.

use std::path::PathBuf;

use crate::position::FramePosition;

/// Why frames cannot be those of one film.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields say what they are by their names.
pub enum FramePositionError {
    #[error("{} carries a damaged position: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// A frame belongs before the frame that precedes it.
    #[error(
        "{} belongs at {found}, but it follows a frame at {before}: the frames are not in film order",
        path.display()
    )]
    Order {
        path: PathBuf,
        found: FramePosition,
        before: FramePosition,
    },
    #[error("{} carries another job than {}: they belong to different films", path.display(), first.display())]
    OtherJob { path: PathBuf, first: PathBuf },
    /// A frame belongs elsewhere in the film; `wanted` is the part of the transition that belongs here.
    #[error(
        "{} belongs at {found}, but the job has the {wanted} of transition {} here",
        path.display(), transition + 1
    )]
    Misplaced {
        path: PathBuf,
        found: FramePosition,
        wanted: &'static str,
        transition: usize,
    },
}
