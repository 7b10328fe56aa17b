//! Opening what a model directory names: files, not pipes or devices, which may never end.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::ExportError;

/// Opens a regular file (or a link to one) for reading.
pub(crate) fn open(path: &Path) -> Result<File, ExportError> {
    let opened = std::fs::metadata(path).and_then(|found| match found.is_file() {
        true => File::open(path),
        false => Err(io::Error::other("it is not a regular file")),
    });
    opened.map_err(ExportError::io("open", path))
}

/// All bytes of a regular file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ExportError> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut open(path)?, &mut bytes).map_err(ExportError::io("read", path))?;
    Ok(bytes)
}
