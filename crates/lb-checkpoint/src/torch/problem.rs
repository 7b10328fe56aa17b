//! What can be wrong with a torch checkpoint. The path of the file is added when the error is returned.

use std::io;
use std::path::Path;

use crate::error::CheckpointError;

/// A reason to refuse a checkpoint.
#[derive(Debug)]
pub(super) enum Problem {
    /// The checkpoint does not follow its format.
    Broken(String),
    /// The checkpoint uses a name that tensors do not need.
    Global(String),
    /// The file cannot be read.
    Read(io::Error),
}

impl Problem {
    /// Makes the error for the checkpoint at `path`.
    pub(super) fn at(self, path: &Path) -> CheckpointError {
        match self {
            Self::Broken(problem) => CheckpointError::Malformed {
                path: path.to_owned(),
                format: "torch checkpoint",
                problem,
            },
            Self::Global(global) => CheckpointError::CheckpointGlobal {
                path: path.to_owned(),
                global,
            },
            Self::Read(error) => CheckpointError::io("read", path)(error),
        }
    }
}

impl From<String> for Problem {
    fn from(problem: String) -> Self {
        Self::Broken(problem)
    }
}

impl From<&str> for Problem {
    fn from(problem: &str) -> Self {
        Self::Broken(problem.to_owned())
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}
