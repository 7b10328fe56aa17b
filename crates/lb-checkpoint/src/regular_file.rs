//! Opens the files of a model directory. Pipes and devices are refused, because reading one may never
//! end.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use lb_files::FileError;

use crate::error::CheckpointError;

/// Opens a regular file, or a link to one, for reading.
pub(crate) fn open(path: &Path) -> Result<File, CheckpointError> {
    open_file(path).map_err(CheckpointError::io("open", path))
}

/// Reads all bytes of a regular file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let mut bytes = Vec::new();
    open_file(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(CheckpointError::io("read", path))?;
    Ok(bytes)
}

/// Reads all bytes of a regular file; returns `None` if there are more than `longest`.
pub(crate) fn read_at_most(path: &Path, longest: u64) -> Result<Option<Vec<u8>>, CheckpointError> {
    let mut bytes = Vec::new();
    open_file(path)
        .and_then(|file| file.take(longest + 1).read_to_end(&mut bytes))
        .map_err(CheckpointError::io("read", path))?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= longest))
}

/// Checks that `path` is a regular file or a link to one. This is for code that passes the path on to a
/// library which opens the file itself.
///
/// # Errors
/// [`CheckpointError::Io`] if nothing exists at `path`, or if it is something other than a file.
pub fn validate_regular_file(path: &Path) -> Result<(), CheckpointError> {
    lb_files::validate_regular(path)
        .map_err(|error| CheckpointError::io("read", path)(error.into_io()))
}

fn open_file(path: &Path) -> io::Result<File> {
    lb_files::open(path).map_err(FileError::into_io)
}
