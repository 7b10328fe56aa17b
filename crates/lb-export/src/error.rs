//! The errors of building and writing graphs.

use std::path::PathBuf;

use lb_checkpoint::CheckpointError;

/// Why a graph could not be built or written. Every message names the file and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names of the fields say what they are")]
pub enum ExportError {
    /// The configuration or the weights are missing, damaged or not supported, or do not fit
    /// together.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file or folder could not be written or linked. `action` is an infinitive: "write".
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
}

impl ExportError {
    /// Whether the user's request is wrong, rather than a file: the destination already exists, or a
    /// configuration has to be given.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self, Self::Checkpoint(error) if error.is_request())
    }

    /// Makes a function for `map_err` that adds the action and the path to an I/O error.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
