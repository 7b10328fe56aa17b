//! Opening regular files, and nothing else, for reading.

use std::fs::{File, FileType};
use std::io::Read as _;
use std::path::Path;

use crate::error::FileError;

/// Opens a regular file, or a link to one.
///
/// What the path names is looked at before it is opened, since opening a pipe waits for its writer and
/// opening a device may do anything, and again afterwards, since another program may have replaced it in
/// between. Even then, opening does not wait.
///
/// # Errors
/// [`FileError::NotRegular`], and [`FileError::Io`] where the file is missing or may not be read.
pub fn open(path: &Path) -> Result<File, FileError> {
    validate_regular(path)?;
    opened(path)
}

/// The file at a path that has been looked at.
fn opened(path: &Path) -> Result<File, FileError> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;

        use rustix::fs::OFlags;

        // Reading a regular file is the same with these flags as without them.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path).map_err(FileError::io("read", path))?;
    let opened = file.metadata().map_err(FileError::io("read", path))?;
    validate_type(path, opened.file_type())?;
    Ok(file)
}

/// Checks that a path names a regular file or a link to one, for readers that open it themselves.
///
/// # Errors
/// As [`open`].
pub fn validate_regular(path: &Path) -> Result<(), FileError> {
    match std::fs::metadata(path) {
        Ok(found) => validate_type(path, found.file_type()),
        // To other programs, this is the name of a pipe.
        Err(_) if path == Path::new("-") => Err(FileError::NotRegular {
            path: path.into(),
            found: "standard input",
        }),
        Err(error) => Err(FileError::io("read", path)(error)),
    }
}

/// All bytes of a regular file of at most `most` bytes.
///
/// # Errors
/// As [`open`], and [`FileError::TooLarge`]. No more than `most` bytes and one are read, also of a
/// file that grows meanwhile or says that it is empty.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let file = open(path)?;
    let too_large = |bytes| FileError::TooLarge {
        path: path.into(),
        bytes,
        most,
    };
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    if length > most {
        return Err(too_large(length));
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(FileError::io("read", path))?;
    match bytes.len() as u64 {
        length if length > most => Err(too_large(length)),
        _ => Ok(bytes),
    }
}

/// A regular file of at most `most` bytes as text in UTF-8.
///
/// # Errors
/// As [`read`], and [`FileError::NotText`].
pub fn read_text(path: &Path, most: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, most)?).map_err(|_| FileError::NotText { path: path.into() })
}

pub(crate) fn validate_type(path: &Path, found: FileType) -> Result<(), FileError> {
    if found.is_file() {
        return Ok(());
    }
    Err(FileError::NotRegular {
        path: path.into(),
        found: kind(found),
    })
}

fn kind(found: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if found.is_fifo() {
            return "a pipe";
        }
        if found.is_socket() {
            return "a socket";
        }
        if found.is_char_device() || found.is_block_device() {
            return "a device";
        }
    }
    if found.is_dir() {
        "a folder"
    } else {
        "not a file"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("five");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert!(matches!(
            read(&path, 4),
            Err(FileError::TooLarge {
                bytes: 5,
                most: 4,
                ..
            })
        ));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(
            read_text(&path, 5),
            Err(FileError::NotText { .. })
        ));
    }

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let found = |path: &Path| match open(path) {
            Err(FileError::NotRegular { found, .. }) => found,
            other => panic!("{other:?}"),
        };
        assert_eq!(found(folder.path()), "a folder");
        #[cfg(unix)]
        {
            assert_eq!(found(Path::new("/dev/null")), "a device");
            let socket = folder.path().join("socket");
            let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            assert_eq!(found(&socket), "a socket");
        }
        let missing = open(&folder.path().join("missing")).unwrap_err();
        assert_eq!(missing.into_io().kind(), std::io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_that_takes_the_place_of_a_file_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for open in [open, opened] {
            let refused = open(&pipe).unwrap_err();
            let is_pipe = matches!(
                refused,
                FileError::NotRegular {
                    found: "a pipe",
                    ..
                }
            );
            assert!(is_pipe, "{refused}");
        }
    }

    #[test]
    fn standard_input_is_no_file() {
        let refused = open(Path::new("-")).unwrap_err().to_string();
        assert_eq!(refused, "- is standard input, not a regular file");
    }

    /// The system says that these files are empty.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_says_it_is_empty_is_read_up_to_the_limit_as_well() {
        let path = Path::new("/proc/self/status");
        assert!(matches!(read(path, 10), Err(FileError::TooLarge { .. })));
    }
}
