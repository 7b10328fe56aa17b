//! The text of a job file, and where in it things stand.

use std::ops::Range;
use std::path::{Path, PathBuf};

use lb_files::FileError;
use toml::Spanned;
use toml::de::DeTable;

use super::{JobFileError, Location};

/// Largest job file, in bytes.
pub const LARGEST_JOB_FILE: usize = 1 << 20;

/// A parsed job file.
pub(super) struct Document<'a> {
    path: &'a Path,
    text: &'a str,
    root: Spanned<DeTable<'a>>,
}

impl<'a> Document<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Result<Self, JobFileError> {
        if text.len() > LARGEST_JOB_FILE {
            return Err(JobFileError::TooLarge { path: path.into() });
        }
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { path, text, root }),
            Err(error) => Err(JobFileError::Syntax {
                location: location(path, text, error.span().unwrap_or_default()),
                reason: shortened(error.message(), 200),
            }),
        }
    }

    pub(super) fn root(&self) -> &Spanned<DeTable<'a>> {
        &self.root
    }

    pub(super) fn location(&self, span: Range<usize>) -> Location {
        location(self.path, self.text, span)
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// A path as this file means it.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}

fn location(path: &Path, text: &str, span: Range<usize>) -> Location {
    let before = text.as_bytes().get(..span.start).unwrap_or_default();
    Location {
        path: path.into(),
        line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
    }
}

/// The text of a file that may be anything: no more than a job file is read of it.
pub(super) fn read(path: &Path) -> Result<String, JobFileError> {
    lb_files::read_text(path, LARGEST_JOB_FILE as u64).map_err(|error| match error {
        FileError::NotRegular { path, .. } => JobFileError::NotRegular { path },
        FileError::TooLarge { path, .. } => JobFileError::TooLarge { path },
        FileError::NotText { path } => JobFileError::NotText { path },
        error => JobFileError::Read {
            path: path.into(),
            source: error.into_io(),
        },
    })
}

/// A text for a message: as much of it as can be shown in a line.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let mut characters = text.chars().map(|character| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    });
    let mut shown: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}
