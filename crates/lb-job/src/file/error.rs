//! The errors of job files.

#![allow(missing_docs)] // Messages and names of fields say what most variants are.

use std::fmt;
use std::path::PathBuf;

use crate::SettingsError;
use crate::limits::LARGEST_JOB_FILE;

/// A line of a job file.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Location {
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, line {}", self.path.display(), self.line)
    }
}

/// Why a job file cannot be used. Texts that are quoted from the file are shortened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobFileError {
    #[error("cannot read the job file {}: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The path is a folder, a pipe or a device.
    #[error("{} is not a regular file; a job file must be one", path.display())]
    NotRegular { path: PathBuf },
    #[error(
        "{} is too large for a job file: at most {} KiB are read",
        path.display(),
        LARGEST_JOB_FILE / 1024
    )]
    TooLarge { path: PathBuf },
    #[error("{} is not a job file, because it is not UTF-8 text", path.display())]
    NotText { path: PathBuf },
    /// The text is not TOML.
    #[error("{location}: {reason}")]
    Syntax { location: Location, reason: String },
    /// A table has a key that it must not have.
    #[error("{location}: unknown key `{key}`; {advice}")]
    UnknownKey {
        location: Location,
        key: String,
        /// Which key may have been meant, or where this one belongs.
        advice: String,
    },
    /// A value has the wrong type, is none of those that are allowed, or is too long.
    #[error("{location}: `{key}` {rule}")]
    WrongValue {
        location: Location,
        key: String,
        /// Which values are allowed, and which one was found.
        rule: String,
    },
    /// Settings of one table contradict each other.
    #[error("{location}: {problem}")]
    Settings {
        /// The first line of the table.
        location: Location,
        problem: SettingsError,
    },
    /// A job names a file to include that is not in the job's own folder, and the user has not confirmed
    /// that it may.
    #[error(
        "{location}: {} would be included, which is outside of the job's own folder; that is done only \
         if you confirm it",
        path.display()
    )]
    IncludeOutside { location: Location, path: PathBuf },
    #[error("job files include each other: {}", chain(files))]
    IncludeCycle {
        /// The files, from the first one that was read to the one that comes a second time.
        files: Vec<PathBuf>,
    },
    /// More than [`Self::DEEPEST_INCLUDE`] files include each other in a chain.
    #[error(
        "job files include each other in a chain of {}; at most {} are allowed: {}",
        files.len() - 1,
        Self::DEEPEST_INCLUDE,
        chain(files)
    )]
    IncludeDepth {
        /// The files, from the first one read.
        files: Vec<PathBuf>,
    },
    #[error(
        "{location}: an included file must not have keyframes; move them to the file that includes it"
    )]
    IncludedKeyframes { location: Location },
    /// A text is not JSON, or a value in it has the wrong type.
    #[error("the JSON is not a job: {reason}")]
    Json { reason: String },
    /// A JSON object has a key that it must not have.
    #[error("unknown key `{key}`; {advice}")]
    UnknownJsonKey {
        /// The key, after the keys of the objects around it.
        key: String,
        /// Which key may have been meant, or where this one belongs.
        advice: String,
    },
    /// The job's text would be too long to be read again.
    #[error(
        "the job is too large: its file would have {bytes} bytes, and at most {LARGEST_JOB_FILE} are allowed"
    )]
    Oversized { bytes: usize },
    /// A path is not Unicode, which TOML has to be.
    #[error("a job file cannot contain the path {}, because it is not Unicode", path.display())]
    NotUnicode { path: PathBuf },
}

impl JobFileError {
    /// The longest chain of files that include each other, not counting the first one.
    pub const DEEPEST_INCLUDE: usize = 8;
}

fn chain(files: &[PathBuf]) -> String {
    let names: Vec<String> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    names.join(" includes ")
}
