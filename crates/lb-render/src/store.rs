//! Finished work on disk, so that no result is computed twice: not after a crash, not after a
//! change elsewhere in the film.
//!
//! An entry's name is the [`Key`] of all that its content depends on; so an entry is never changed,
//! and never wrong, only there or not. It is written under a temporary name and renamed: readers
//! see it whole or not at all, also those of other processes that share the folder. Nothing is
//! synchronised to the disk, which would cost more than most results: after a power loss the
//! youngest entries may be missing or damaged. A checksum finds those, they are removed, and their
//! results computed again.

mod entry;
mod error;
mod eviction;
mod key;
mod payload;
mod pictures;
mod session;
mod trajectories;
mod weights;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

pub use self::entry::Damage;
use self::entry::EntryKind;
pub use self::error::StoreError;
pub use self::eviction::StoreUsage;
pub use self::key::Key;
pub(crate) use self::pictures::{Conditionings, Pictures, StoredLatents};
pub(crate) use self::session::StoreSession;
pub(crate) use self::trajectories::{FilmTrajectories, TrajectoryOrigin, inversion_key};

/// The folder of the entries in the store's, with a folder each for the first two digits of their
/// names.
const ENTRIES: &str = "entries";
/// Hexadecimal digits of a file's name: all but the first two.
const NAME_LENGTH: usize = 2 * Key::LENGTH - 2;

/// How a store is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoreOptions {
    /// Most bytes of all entries together; beyond them, what was used longest ago is removed.
    pub limit: u64,
}

impl StoreOptions {
    /// Ten gigabytes.
    pub const DEFAULT_LIMIT: u64 = 10_000_000_000;
    /// A megabyte: less holds nothing of use.
    pub const SMALLEST_LIMIT: u64 = 1_000_000;

    /// Checks the range.
    ///
    /// # Errors
    /// [`StoreError::Limit`] for a limit below [`Self::SMALLEST_LIMIT`].
    pub fn validate(&self) -> Result<(), StoreError> {
        if self.limit < Self::SMALLEST_LIMIT {
            return Err(StoreError::Limit { found: self.limit });
        }
        Ok(())
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            limit: Self::DEFAULT_LIMIT,
        }
    }
}

/// A folder of results. Clones share it, and so may other processes.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    limit: u64,
    /// Bytes that may be written before the folder is looked through again; 0 at first.
    allowance: Mutex<u64>,
}

impl Store {
    /// A store in a folder that may turn out not to be usable: nothing is looked at or made before
    /// the first result.
    ///
    /// # Errors
    /// Those of [`StoreOptions::validate`].
    pub fn at(folder: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        options.validate()?;
        Ok(Self {
            shared: Arc::new(Shared {
                folder: folder.to_path_buf(),
                limit: options.limit,
                allowance: Mutex::new(0),
            }),
        })
    }

    /// A store in a folder that was asked for: it is made, and tried.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] for a folder that cannot be made or written, and those of
    /// [`StoreOptions::validate`].
    pub fn open(folder: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let store = Self::at(folder, options)?;
        let tried = store
            .temporary(&folder.join(ENTRIES))
            .and_then(|mut file| file.write_all(b"tried"));
        tried.map_err(|source| StoreError::Unusable {
            folder: folder.to_path_buf(),
            source,
        })?;
        Ok(store)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// Most bytes of all entries together.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.shared.limit
    }

    /// How much there is now; nothing where there is no folder.
    ///
    /// # Errors
    /// [`StoreError::Read`] for a folder that cannot be read.
    pub fn usage(&self) -> Result<StoreUsage, StoreError> {
        eviction::usage(self.folder()).map_err(StoreError::read(self.folder()))
    }

    /// Whether there is an entry of this name, whole or not.
    pub(crate) fn contains(&self, key: &Key) -> bool {
        is_regular(&self.path(key))
    }

    /// The payload under this name, if there is one; it counts as used now.
    ///
    /// `most` is the longest payload that makes sense here, in bytes.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], upon which the entry is removed, and [`StoreError::Read`].
    pub(crate) fn load(
        &self,
        kind: EntryKind,
        key: &Key,
        most: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(key);
        // What is no regular file, a pipe say, is not waited for.
        if !is_regular(&path) {
            return Ok(None);
        }
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::read(&path)(error)),
        };
        match entry::read(&mut file, kind, key, most) {
            Ok(Ok(payload)) => {
                // In a folder that is only readable, nothing is removed either.
                let _ = file.set_modified(SystemTime::now());
                Ok(Some(payload))
            }
            Ok(Err(damage)) => Err(self.damaged(key, damage)),
            Err(error) => Err(StoreError::read(&path)(error)),
        }
    }

    /// Removes an entry whose content is not what its key promises.
    pub(crate) fn damaged(&self, key: &Key, damage: Damage) -> StoreError {
        let path = self.path(key);
        // Where it cannot be removed, it is told again the next time.
        let _ = std::fs::remove_file(&path);
        StoreError::Damaged { path, damage }
    }

    /// Keeps a payload under this name.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] and [`StoreError::Write`]; then there is no such entry, or still
    /// the one that was there.
    pub(crate) fn save(
        &self,
        kind: EntryKind,
        key: &Key,
        payload: &[u8],
    ) -> Result<(), StoreError> {
        let (folder, limit) = (&self.shared.folder, self.shared.limit);
        let bytes = entry::entry_length(payload.len());
        if bytes > limit / 2 {
            return Err(StoreError::TooLarge {
                folder: folder.clone(),
                found: bytes,
                limit,
            });
        }
        let path = self.path(key);
        let shard = path.parent().unwrap_or(folder);
        self.make_room(bytes)
            .and_then(|()| {
                let mut file = self.temporary(shard)?;
                entry::write(&mut file, kind, key, payload)?;
                file.persist(&path)?;
                Ok(())
            })
            .map_err(StoreError::write(folder))
    }

    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let Shared { folder, limit, .. } = &*self.shared;
        let mut allowance = self
            .shared
            .allowance
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *allowance < bytes {
            let there = eviction::make_room(folder, *limit, bytes)?;
            // Half of what is free: a second process may think the same.
            *allowance = (limit.saturating_sub(there) / 2).max(bytes);
        }
        *allowance -= bytes;
        Ok(())
    }

    fn temporary(&self, folder: &Path) -> io::Result<tempfile::NamedTempFile> {
        std::fs::create_dir_all(folder)?;
        tempfile::Builder::new()
            .prefix(".lb-")
            .suffix(eviction::PARTIAL)
            .tempfile_in(folder)
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name = key.to_string();
        let (shard, name) = name.split_at(2);
        self.shared.folder.join(ENTRIES).join(shard).join(name)
    }
}

fn is_regular(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
mod tests;
