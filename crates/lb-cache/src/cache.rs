//! The folder of a cache: loading and saving entries.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::entry::{self, Damage};
use crate::error::CacheError;
use crate::eviction::{self, CacheUsage, ENTRIES};
use crate::key::Key;

/// Options of a cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CacheOptions {
    /// The largest size of all entries together, in bytes. If it would be exceeded, the entries that
    /// were used longest ago are removed.
    pub limit: u64,
}

impl CacheOptions {
    /// The default limit in bytes: ten gigabytes.
    pub const DEFAULT_LIMIT: u64 = 10_000_000_000;
    /// The smallest allowed limit in bytes: one megabyte.
    pub const SMALLEST_LIMIT: u64 = 1_000_000;

    /// The default options with this limit in bytes.
    #[must_use]
    pub fn with_limit(limit: u64) -> Self {
        Self { limit }
    }

    /// Checks that the limit is large enough.
    ///
    /// # Errors
    /// [`CacheError::Limit`] for a limit below [`Self::SMALLEST_LIMIT`].
    pub fn validate(&self) -> Result<(), CacheError> {
        if self.limit < Self::SMALLEST_LIMIT {
            return Err(CacheError::Limit {
                found: self.limit,
                least: Self::SMALLEST_LIMIT,
            });
        }
        Ok(())
    }
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            limit: Self::DEFAULT_LIMIT,
        }
    }
}

/// A cache in a folder. Clones and other processes may share the folder.
#[derive(Clone, Debug)]
pub struct Cache {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    limit: u64,
    /// How many bytes may be written before the size of the folder has to be counted again; 0 at
    /// first.
    allowance: Mutex<u64>,
}

impl Cache {
    /// A cache in a folder that is not tried yet: nothing is read or created before the first result is
    /// looked up or saved.
    ///
    /// # Errors
    /// Those of [`CacheOptions::validate`].
    pub fn at(folder: &Path, options: CacheOptions) -> Result<Self, CacheError> {
        options.validate()?;
        Ok(Self {
            shared: Arc::new(Shared {
                folder: folder.to_path_buf(),
                limit: options.limit,
                allowance: Mutex::new(0),
            }),
        })
    }

    /// A cache in a folder that must be usable: the folder is created if necessary, and a file is
    /// written to it as a test.
    ///
    /// # Errors
    /// [`CacheError::Unusable`] for a folder that cannot be created or written, and those of
    /// [`CacheOptions::validate`].
    pub fn open(folder: &Path, options: CacheOptions) -> Result<Self, CacheError> {
        let cache = Self::at(folder, options)?;
        let tried = cache
            .temporary(&folder.join(ENTRIES))
            .and_then(|mut file| file.write_all(b"tried"));
        tried.map_err(|source| CacheError::Unusable {
            folder: folder.to_path_buf(),
            source,
        })?;
        Ok(cache)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// The largest size of all entries together, in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.shared.limit
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
        is_regular(&self.path(key))
    }

    /// The payload under this key, if there is an entry. The entry then counts as just used.
    ///
    /// `most` is the length in bytes of the longest payload that the caller can use.
    ///
    /// # Errors
    /// [`CacheError::Damaged`] for a damaged entry, which is then removed, and [`CacheError::Read`].
    pub fn load(&self, key: &Key, most: u64) -> Result<Option<Vec<u8>>, CacheError> {
        let path = self.path(key);
        // Opening anything else might wait for ever; a pipe, for example.
        if !is_regular(&path) {
            return Ok(None);
        }
        let mut file = match File::open(&path) {
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
        let (folder, limit) = (&self.shared.folder, self.shared.limit);
        let bytes = entry::entry_length(payload.len());
        if bytes > limit / 2 {
            return Err(CacheError::TooLarge {
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
                entry::write(&mut file, key, payload)?;
                file.persist(&path)?;
                Ok(())
            })
            .map_err(CacheError::write(folder))
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
            // Only half of the free space, because a second process may count on it as well.
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
