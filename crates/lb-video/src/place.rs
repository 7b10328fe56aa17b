//! Where an output is written, for the errors of writing it.

use std::io;
use std::path::PathBuf;

use crate::error::VideoError;

/// A file's final name, and what it is called until it is whole.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) temporary: PathBuf,
    /// Bytes of the same output that lie in other files.
    pub(crate) elsewhere: u64,
}

impl Place {
    /// What the system said about writing. A full disk is told with what did fit.
    pub(crate) fn refused(&self, source: io::Error) -> VideoError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => self.no_space(),
            _ => VideoError::io("written", &self.path)(source),
        }
    }

    pub(crate) fn no_space(&self) -> VideoError {
        let here = std::fs::metadata(&self.temporary).map_or(0, |metadata| metadata.len());
        VideoError::NoSpace {
            path: self.path.clone(),
            written: self.elsewhere + here,
        }
    }
}
