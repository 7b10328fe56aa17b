//! The folder of a cache: loading and saving entries.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::SystemTime;

use lb_files::FileError;

use crate::entry::{self, Damage};
use crate::error::CacheError;
use crate::eviction::{self, CacheUsage, ENTRIES, Room, SHARD_LENGTH};
use crate::key::Key;

/// A cache in a folder. Clones and other processes may share the folder.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    limit: u64,
    room: Arc<Mutex<Room>>,
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
            room: Arc::default(),
        })
    }

    /// As [`Self::at`], but the folder must be usable: it is created if necessary, and a file is written
    /// to it as a test.
    ///
    /// # Errors
    /// [`CacheError::Unusable`] for a folder that cannot be created or written, and [`CacheError::Limit`].
    pub fn open(folder: &Path, limit: u64) -> Result<Self, CacheError> {
        let cache = Self::at(folder, limit)?;
        let try_folder = || {
            let entries = folder.join(ENTRIES);
            std::fs::create_dir_all(&entries)?;
            lb_files::temporary_file_in(&entries)?.write_all(b"tried")
        };
        let tried = try_folder();
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
        let mut file = match lb_files::open_no_follow(&path) {
            Ok(file) => file,
            // Something else has got its name.
            Err(FileError::NotRegular { .. }) => return Ok(None),
            Err(error) => {
                let error = error.into_io();
                return match error.kind() {
                    io::ErrorKind::NotFound => Ok(None),
                    _ => Err(CacheError::read(&path)(error)),
                };
            }
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
    /// [`CacheError::TooLarge`], [`CacheError::Occupied`] if this entry alone cannot be written, and
    /// [`CacheError::Write`]. An entry that was there before remains.
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
        self.make_room(bytes).map_err(CacheError::write(folder))?;
        let path = self.path(key);
        let shard = path.parent().unwrap_or(folder);
        self.make_shard(shard)?;
        let write = || {
            let mut file = lb_files::temporary_file_in(shard)?;
            entry::write(&mut file, key, payload)?;
            Ok(file)
        };
        let file = write().map_err(|error: io::Error| match error.kind() {
            // The folder of these entries may be another user's.
            io::ErrorKind::PermissionDenied => CacheError::occupied(&path)(error),
            _ => CacheError::write(folder)(error),
        })?;
        let Err(refused) = file.persist(&path) else {
            return Ok(());
        };
        if path.symlink_metadata().is_err() {
            return Err(CacheError::write(folder)(refused.error));
        }
        // A folder has the name. It gives way if it is empty.
        let occupied = CacheError::occupied(&path);
        if std::fs::remove_dir(&path).is_err() {
            return Err(occupied(refused.error));
        }
        let persisted = refused.file.persist(&path);
        persisted.map(drop).map_err(|again| occupied(again.error))
    }

    /// Makes the folder of an entry. A link to a folder is none, because what lies behind it does not
    /// belong to the cache.
    fn make_shard(&self, shard: &Path) -> Result<(), CacheError> {
        let entries = self.folder.join(ENTRIES);
        let made = std::fs::create_dir_all(entries).and_then(|()| std::fs::create_dir(shard));
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let there = shard.symlink_metadata();
                match there.is_ok_and(|there| there.is_dir()) {
                    true => Ok(()),
                    false => Err(CacheError::occupied(shard)(error)),
                }
            }
            made => made.map_err(CacheError::write(&self.folder)),
        }
    }

    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let mut room = match self.room.try_lock() {
            Ok(room) => room,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread is making room, and may take its time.
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        room.make(&self.folder, self.limit, bytes)
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name = key.to_string();
        let (shard, name) = name.split_at(SHARD_LENGTH);
        self.folder.join(ENTRIES).join(shard).join(name)
    }
}

#[cfg(test)]
mod tests;
