//! The errors of the cache.

use std::io;
use std::path::{Path, PathBuf};

use crate::entry::Damage;

/// Why the cache, or one entry of it, cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names of the fields say what they are")]
pub enum CacheError {
    /// The folder that was asked for cannot hold a cache.
    #[error("the cache folder {} cannot be used: {source}", folder.display())]
    Unusable { folder: PathBuf, source: io::Error },
    /// The limit is too small to be useful.
    #[error("a cache size of {found} is too small; give {least} bytes (1M) or more")]
    Limit { found: u64, least: u64 },
    /// An entry cannot be written.
    #[error("the cache folder {} cannot be written: {source}", folder.display())]
    Write { folder: PathBuf, source: io::Error },
    /// A single result is larger than the cache allows.
    #[error(
        "a result of {found} bytes does not fit into the cache folder {}, which is limited to \
         {limit} bytes",
        folder.display()
    )]
    TooLarge {
        folder: PathBuf,
        found: u64,
        limit: u64,
    },
    /// One entry cannot be written, because something else has its name. Others can.
    #[error("the cache entry {} cannot be written: {source}", path.display())]
    Occupied { path: PathBuf, source: io::Error },
    /// An entry cannot be read.
    #[error("the cache entry {} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// An entry was damaged. It has been removed.
    #[error("the cache entry {} is damaged, so its result is computed again: {damage}", path.display())]
    Damaged { path: PathBuf, damage: Damage },
    /// A file on whose content results depend cannot be hashed.
    #[error("{} cannot be read, so nothing that depends on it is cached: {source}", path.display())]
    Hash { path: PathBuf, source: io::Error },
    /// A computation did not return one result for each input.
    #[error("{expected} results of the kind `{kind}` were requested, but {found} were computed")]
    ResultCount {
        kind: &'static str,
        found: usize,
        expected: usize,
    },
}

impl CacheError {
    pub(crate) fn write(folder: &Path) -> impl FnOnce(io::Error) -> Self {
        let folder = folder.to_path_buf();
        move |source| Self::Write { folder, source }
    }

    pub(crate) fn occupied(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Occupied { path, source }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Read { path, source }
    }

    /// Whether the request itself was wrong, so that repeating it cannot help.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self, Self::Unusable { .. } | Self::Limit { .. })
    }
}
