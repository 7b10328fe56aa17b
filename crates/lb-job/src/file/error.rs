//! What can be wrong with a job file.

use std::path::PathBuf;

use super::{LARGEST_JOB_FILE, Location};
use crate::{Job, SettingsError};

/// Why a job file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobFileError {
    /// The file cannot be read.
    #[error("cannot read the job file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("{} is no regular file; a job file must be one", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// More than any film needs.
    #[error(
        "{} is too large for a job file: at most {} KiB are read",
        path.display(),
        LARGEST_JOB_FILE / 1024
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not a text at all.
    #[error("{} is no job file: it is not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// Not TOML.
    #[error("{location}: {reason}")]
    Syntax {
        /// Where the text stops being TOML.
        location: Location,
        /// What the parser says.
        reason: String,
    },
    /// A key that means nothing where it stands.
    #[error("{location}: unknown key `{key}`; {advice}")]
    UnknownKey {
        /// Where it stands.
        location: Location,
        /// The key, shortened if it is long.
        key: String,
        /// Which key may have been meant.
        advice: String,
    },
    /// A value of another type.
    #[error("{location}: `{key}` must be {expected}, found {found}")]
    WrongType {
        /// Where it stands.
        location: Location,
        /// The key.
        key: &'static str,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A name that is none of those that are known.
    #[error("{location}: `{key}` must be one of {known}; got \"{found}\"")]
    UnknownName {
        /// Where it stands.
        location: Location,
        /// The key.
        key: &'static str,
        /// The names, in one line.
        known: String,
        /// What is there, shortened if it is long.
        found: String,
    },
    /// A prompt of absurd length.
    #[error(
        "{location}: `{key}` has {found} bytes; at most {} are allowed",
        Job::LONGEST_PROMPT
    )]
    TooLong {
        /// Where it stands.
        location: Location,
        /// The key.
        key: &'static str,
        /// Its length in bytes.
        found: usize,
    },
    /// Settings of one keyframe or of the film contradict each other.
    #[error("{location}: {problem}")]
    Settings {
        /// Where the table begins.
        location: Location,
        /// The rule that is broken.
        problem: SettingsError,
    },
    /// Files that include each other.
    #[error("job files include each other: {}", chain(files))]
    IncludeCycle {
        /// The files, from the first one read to the one that is met again.
        files: Vec<PathBuf>,
    },
    /// Files that include files that include files.
    #[error(
        "job files include each other {} deep, at most {} is allowed: {}",
        files.len() - 1,
        Self::DEEPEST_INCLUDE,
        chain(files)
    )]
    IncludeDepth {
        /// The files, from the first one read.
        files: Vec<PathBuf>,
    },
    /// Keyframes in a file of defaults.
    #[error(
        "{location}: an included file has no keyframes; they belong in the file that includes it"
    )]
    IncludedKeyframes {
        /// Where they stand.
        location: Location,
    },
    /// A job whose text could not be read again.
    #[error(
        "the job is too large: as a file it has {bytes} bytes, at most {LARGEST_JOB_FILE} are read"
    )]
    Oversized {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A path that is not Unicode, which TOML has to be.
    #[error("a job file cannot name {}: it is not Unicode", path.display())]
    NotUnicode {
        /// The path.
        path: PathBuf,
    },
}

impl JobFileError {
    /// How deep files may include each other.
    pub const DEEPEST_INCLUDE: usize = 8;
}

fn chain(files: &[PathBuf]) -> String {
    let names: Vec<String> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    names.join(" includes ")
}
