//! What can be wrong with the store; none of it stops a render that has begun.

use std::io;
use std::path::{Path, PathBuf};

use super::entry::Damage;

/// What keeps the store, or one entry of it, from being used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A folder that was asked for cannot hold a store.
    #[error("the cache folder {} cannot be used: {source}", folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A limit too small for anything.
    #[error(
        "a cache size of {found} is too small; give {} bytes (1M) or more",
        super::StoreOptions::SMALLEST_LIMIT
    )]
    Limit {
        /// The limit that was asked for.
        found: u64,
    },
    /// An entry cannot be written.
    #[error("the cache folder {} cannot be written: {source}", folder.display())]
    Write {
        /// The folder.
        folder: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// One result alone is larger than the store may be.
    #[error(
        "a result of {found} bytes does not fit into the cache folder {}, which is limited to \
         {limit} bytes",
        folder.display()
    )]
    TooLarge {
        /// The folder.
        folder: PathBuf,
        /// Bytes of the entry.
        found: u64,
        /// Bytes that the store may have.
        limit: u64,
    },
    /// An entry cannot be read.
    #[error("the cache entry {} cannot be read: {source}", path.display())]
    Read {
        /// The entry's file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// An entry is not what was written; it has been removed.
    #[error("the cache entry {} is damaged and computed again: {damage}", path.display())]
    Damaged {
        /// The entry's file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
}

impl StoreError {
    pub(super) fn write(folder: &Path) -> impl FnOnce(io::Error) -> Self {
        let folder = folder.to_path_buf();
        move |source| Self::Write { folder, source }
    }

    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Read { path, source }
    }
}
