//! The folder of a cache: loading and saving entries.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use lb_files::FileError;

use crate::entry::{self, Damage};
use crate::error::CacheError;
use crate::eviction::{self, CacheUsage, ENTRIES};
use crate::key::Key;

/// A cache in a folder. Clones and other processes may share the folder.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    limit: u64,
    /// How many bytes may be written before the size of the folder has to be counted again; 0 at
    /// first.
    allowance: Arc<Mutex<u64>>,
}

impl Cache {
    /// The usual limit in bytes: ten gigabytes.
    pub const DEFAULT_LIMIT: u64 = 10_000_000_000;
    /// The smallest allowed limit in bytes: one megabyte.
    pub const SMALLEST_LIMIT: u64 = 1_000_000;

    /// A cache in a folder that is not tried yet: nothing is read or created before the first result is
    /// looked up or saved. `limit` is the largest size of all entries together, in bytes. If it would be
    /// exceeded, the entries that were used longest ago are removed.
    ///
    /// # Errors
    /// [`CacheError::Limit`] for a limit below [`Self::SMALLEST_LIMIT`].
    pub fn at(folder: &Path, limit: u64) -> Result<Self, CacheError> {
        if limit < Self::SMALLEST_LIMIT {
            return Err(CacheError::Limit {
                found: limit,
                least: Self::SMALLEST_LIMIT,
            });
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            limit,
            allowance: Arc::default(),
        })
    }

    /// As [`Self::at`], but the folder must be usable: it is created if necessary, and a file is written
    /// to it as a test.
    ///
    /// # Errors
    /// [`CacheError::Unusable`] for a folder that cannot be created or written, and [`CacheError::Limit`].
    pub fn open(folder: &Path, limit: u64) -> Result<Self, CacheError> {
        let cache = Self::at(folder, limit)?;
        let tried = temporary(&folder.join(ENTRIES)).and_then(|mut file| file.write_all(b"tried"));
        tried.map_err(|source| CacheError::Unusable {
            folder: folder.to_path_buf(),
            source,
        })?;
        Ok(cache)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The largest size of all entries together, in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// How many entries there are, and their size. A folder that does not exist has none.
    ///
    /// # Errors
    /// [`CacheError::Read`] for a folder that cannot be read.
    pub fn usage(&self) -> Result<CacheUsage, CacheError> {
        eviction::usage(self.folder()).map_err(CacheError::read(self.folder()))
    }

    /// Whether there is an entry under this key. Its content is not looked at.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        let found = self.path(key).symlink_metadata();
        found.is_ok_and(|found| found.is_file())
    }

    /// The payload under this key, if there is an entry. The entry then counts as just used.
    ///
    /// `most` is the length in bytes of the longest payload that the caller can use.
    ///
    /// # Errors
    /// [`CacheError::Damaged`] for a damaged entry, which is then removed, and [`CacheError::Read`].
    pub fn load(&self, key: &Key, most: u64) -> Result<Option<Vec<u8>>, CacheError> {
        if !self.contains(key) {
            return Ok(None);
        }
        let path = self.path(key);
        let mut file = match lb_files::open(&path).map_err(FileError::into_io) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CacheError::read(&path)(error)),
        };
        match entry::read(&mut file, key, most) {
            Ok(Ok(payload)) => {
                // In a read-only folder this fails, but nothing is removed from there either.
                let _ = file.set_modified(SystemTime::now());
                Ok(Some(payload))
            }
            Ok(Err(damage)) => Err(self.remove_damaged(key, damage)),
            Err(error) => Err(CacheError::read(&path)(error)),
        }
    }

    /// Removes a damaged entry, and returns the error that reports it.
    pub fn remove_damaged(&self, key: &Key, damage: Damage) -> CacheError {
        let path = self.path(key);
        // An entry that cannot be removed is reported again the next time.
        let _ = std::fs::remove_file(&path);
        CacheError::Damaged { path, damage }
    }

    /// Saves a payload under this key.
    ///
    /// # Errors
    /// [`CacheError::TooLarge`] and [`CacheError::Write`]. An entry that was there before remains.
    pub fn save(&self, key: &Key, payload: &[u8]) -> Result<(), CacheError> {
        let (folder, limit) = (&self.folder, self.limit);
        let bytes = entry::entry_length(payload.len());
        if bytes > limit / 2 {
            return Err(CacheError::TooLarge {
                folder: folder.clone(),
                found: bytes,
                limit,
            });
        }
        let path = self.path(key);
        let save = || {
            self.make_room(bytes)?;
            let mut file = temporary(path.parent().unwrap_or(folder))?;
            entry::write(&mut file, key, payload)?;
            file.persist(&path)?;
            Ok(())
        };
        save().map_err(CacheError::write(folder))
    }

    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let allowance = self.allowance.lock();
        let mut allowance = allowance.unwrap_or_else(PoisonError::into_inner);
        if *allowance < bytes {
            let there = eviction::make_room(&self.folder, self.limit, bytes)?;
            // Only half of the free space, because a second process may count on it as well.
            *allowance = (self.limit.saturating_sub(there) / 2).max(bytes);
        }
        *allowance -= bytes;
        Ok(())
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name = key.to_string();
        let (shard, name) = name.split_at(2);
        self.folder.join(ENTRIES).join(shard).join(name)
    }
}

fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    std::fs::create_dir_all(folder)?;
    tempfile::Builder::new()
        .prefix(".lb-")
        .suffix(eviction::PARTIAL)
        .tempfile_in(folder)
}

#[cfg(test)]
mod tests;
