//! What can be wrong with a torch checkpoint. The path of the file is added when the error is returned.

use std::path::Path;

use crate::error::CheckpointError;

/// A reason to refuse a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The checkpoint does not follow its format.
    Broken(String),
    /// The checkpoint uses a name that tensors do not need.
    Global(String),
}

impl Problem {
    pub(super) fn broken(problem: impl Into<String>) -> Self {
        Self::Broken(problem.into())
    }

    /// Makes the error for the checkpoint at `path`.
    pub(super) fn at(self, path: &Path) -> CheckpointError {
        let path = path.to_owned();
        match self {
            Self::Broken(problem) => CheckpointError::Checkpoint { path, problem },
            Self::Global(global) => CheckpointError::CheckpointGlobal { path, global },
        }
    }
}
