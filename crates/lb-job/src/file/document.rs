//! The text of a job file, and where in it things stand.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

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
    let failed = |source| JobFileError::Read {
        path: path.into(),
        source,
    };
    // Opening a pipe would wait for whoever writes into it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(JobFileError::NotRegular { path: path.into() });
    }
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let mut most = file.take(LARGEST_JOB_FILE as u64 + 1);
    most.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > LARGEST_JOB_FILE {
        return Err(JobFileError::TooLarge { path: path.into() });
    }
    String::from_utf8(bytes).map_err(|_| JobFileError::NotText { path: path.into() })
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
