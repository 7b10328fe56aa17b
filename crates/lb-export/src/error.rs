//! Why a graph could not be built or written.

use std::path::PathBuf;

use lb_checkpoint::CheckpointError;

/// Why a graph could not be built or written. Every message names the file and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields say what their names say")]
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
    /// Whether the request was wrong (a destination that exists, a configuration that has to be
    /// given) rather than a file.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self, Self::Checkpoint(error) if error.is_request())
    }

    /// For `map_err` on an operation with a path.
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
