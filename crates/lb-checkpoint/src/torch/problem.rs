//! What can be wrong with a checkpoint, before it is known which file it is.

use std::path::Path;

use crate::error::CheckpointError;

/// A reason to refuse a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// It breaks the format.
    Broken(String),
    /// It names something that tensors are not made of.
    Global(String),
}

impl Problem {
    pub(super) fn broken(problem: impl Into<String>) -> Self {
        Self::Broken(problem.into())
    }

    /// The error for the checkpoint at `path`.
    pub(super) fn at(self, path: &Path) -> CheckpointError {
        let path = path.to_owned();
        match self {
            Self::Broken(problem) => CheckpointError::Checkpoint { path, problem },
            Self::Global(global) => CheckpointError::CheckpointGlobal { path, global },
        }
    }
}
