//! The bytes of a file about which nothing is known.

use std::fs::{File, FileType, metadata};
use std::io::{self, Read as _};
use std::path::Path;

use super::{InputError, LARGEST_INPUT_FILE};

/// Reads all bytes of a regular file, or of a link to one, within the limit.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            InputError::Missing { path: path.into() }
        }
        _ => InputError::Read {
            path: path.into(),
            source,
        },
    };
    let found = metadata(path).map_err(failed)?;
    if !found.is_file() {
        return Err(InputError::NotAFile {
            path: path.into(),
            found: name(found.file_type()),
        });
    }
    let too_large = |bytes| InputError::FileTooLarge {
        path: path.into(),
        bytes,
    };
    if found.len() > LARGEST_INPUT_FILE {
        return Err(too_large(found.len()));
    }
    // A file may grow while it is read, and some files of the system claim to be empty.
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_INPUT_FILE + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    match bytes.len() as u64 {
        length if length > LARGEST_INPUT_FILE => Err(too_large(length)),
        _ => Ok(bytes),
    }
}

fn name(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    match kind.is_dir() {
        true => "a folder",
        false => "not a file",
    }
}
