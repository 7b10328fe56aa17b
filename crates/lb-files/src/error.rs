//! Why a file was not read or written.
#![allow(missing_docs)] // The messages say what the variants and their fields are.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file was not read or written. Every variant names the file or folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// A folder, pipe, device or socket where a regular file is needed.
    #[error("{} is {found}, not a regular file", path.display())]
    NotRegular { path: PathBuf, found: &'static str },
    #[error("{} has {bytes} bytes or more; at most {most} are allowed", path.display())]
    TooLarge {
        path: PathBuf,
        bytes: u64,
        most: u64,
    },
    /// Neither a file nor a folder where an output should go, or a link that must not be replaced.
    #[error("{} is {found}; an output must be a file or a folder", path.display())]
    SpecialFile { path: PathBuf, found: &'static str },
    #[error("{} is not text in UTF-8", path.display())]
    NotText { path: PathBuf },
    #[error("{} exists", path.display())]
    Exists { path: PathBuf },
    /// The folder of an output holds files already and may not be overwritten.
    #[error("the folder {} is not empty", path.display())]
    FolderNotEmpty { path: PathBuf },
    /// A folder where a file should go, or a file where a folder should.
    #[error("{} is {found}, {wanted} was asked for", path.display())]
    WrongKind {
        path: PathBuf,
        found: &'static str,
        wanted: &'static str,
    },
    #[error("{} cannot be made: there is no folder {}", path.display(), folder.display())]
    NoFolder { path: PathBuf, folder: PathBuf },
    /// The disk is full, or the user's quota is used up.
    #[error(
        "no space left on the disk for {}: {written} bytes were written, and are removed again",
        path.display()
    )]
    NoSpace { path: PathBuf, written: u64 },
    /// The system refused to read or write, for lack of permission, for instance.
    #[error("{} could not be {action}: {source}", path.display())]
    Io {
        /// What was being done, as in "written".
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl FileError {
    /// For `map_err`: adds what was being done to which file, as in "read".
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Whether the request was wrong, so that repeating it cannot help; otherwise the work failed.
    #[must_use]
    pub fn is_request(&self) -> bool {
        !matches!(
            self,
            Self::NoFolder { .. } | Self::NoSpace { .. } | Self::Io { .. }
        )
    }

    /// The reason without the path, for messages that name the path themselves.
    #[must_use]
    pub fn into_io(self) -> io::Error {
        match self {
            Self::Io { source, .. } => source,
            Self::NotRegular { .. } => io::Error::other("it is not a regular file"),
            Self::Exists { .. } => io::ErrorKind::AlreadyExists.into(),
            other => io::Error::other(other),
        }
    }
}
