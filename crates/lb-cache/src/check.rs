//! Looking at everything in the folder of a cache, and emptying it.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lb_files::FileError;

use crate::cache::Cache;
use crate::entry::{self, Damage};
use crate::error::CacheError;
use crate::eviction::{self, CacheUsage, Cached, CachedKind, ENTRIES};
use crate::key::Key;

/// What is in the folder of a cache, by names and sizes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct CacheContents {
    /// Files with the names of entries.
    pub entries: CacheUsage,
    /// Files that are being written, or were when a program was killed.
    pub unfinished: CacheUsage,
    /// Files and folders that do not belong to the cache. Nothing removes them, and only files themselves
    /// are counted.
    pub foreign: CacheUsage,
}

/// What was found when every entry was read.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CacheCheck {
    /// Entries whose checksum is right.
    pub whole: CacheUsage,
    /// Entries that are damaged.
    pub damaged: Vec<FaultyEntry>,
    /// Entries in the layout of another version of this library. No result is found in them.
    pub other_versions: Vec<FaultyEntry>,
    /// Entries that cannot be read, such as another user's.
    pub unreadable: Vec<PathBuf>,
    /// Files that nobody writes any more, because a program was killed.
    pub abandoned: CacheUsage,
    /// Files that are being written.
    pub unfinished: CacheUsage,
    /// Files and folders that do not belong to the cache.
    pub foreign: Vec<PathBuf>,
}

/// An entry, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FaultyEntry {
    /// Its file.
    pub path: PathBuf,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// What is wrong.
    pub damage: Damage,
}

impl Cache {
    /// Counts what is in the folder. No file is opened.
    ///
    /// # Errors
    /// [`CacheError::Read`] for a folder that cannot be read.
    pub fn contents(&self) -> Result<CacheContents, CacheError> {
        let mut contents = CacheContents::default();
        self.walk(|cached, kind| {
            let counted = match kind {
                CachedKind::Entry => &mut contents.entries,
                CachedKind::Unfinished => &mut contents.unfinished,
                CachedKind::Foreign => &mut contents.foreign,
            };
            counted.add(cached.bytes);
        })?;
        Ok(contents)
    }

    /// Reads every entry and compares its checksum. Entries do not count as used because of this, and
    /// nothing is removed except what a killed program left half written more than an hour ago. `observe` is called after
    /// each entry with the bytes that were read so far; the result is `Break` if it returns that.
    ///
    /// # Errors
    /// [`CacheError::Read`] for a folder that cannot be read.
    pub fn check(
        &self,
        mut observe: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), CacheCheck>, CacheError> {
        let mut check = CacheCheck::default();
        let mut entries = Vec::new();
        self.walk(|cached, kind| match kind {
            CachedKind::Entry => entries.push(cached),
            CachedKind::Unfinished if eviction::is_abandoned(&cached) => {
                check.abandoned.add(cached.bytes);
            }
            CachedKind::Unfinished => check.unfinished.add(cached.bytes),
            CachedKind::Foreign => check.foreign.push(cached.path),
        })?;
        entries.sort_unstable_by(|left, right| left.path.cmp(&right.path));
        let mut done = 0;
        for cached in entries {
            done += cached.bytes;
            check.add(cached);
            if observe(done).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        check.foreign.sort();
        Ok(ControlFlow::Continue(check))
    }

    /// Removes all entries, whatever their version, and what killed programs left half written more than
    /// an hour ago. Returns what was removed. Files that do not belong to the cache stay, and so does what another
    /// program is writing.
    ///
    /// # Errors
    /// [`CacheError::Read`] for a folder that cannot be read, and [`CacheError::Write`] for the first entry
    /// that cannot be removed; the others are removed all the same.
    pub fn clear(&self) -> Result<CacheUsage, CacheError> {
        let mut removed = CacheUsage::default();
        let mut failure = None;
        self.walk(|cached, kind| {
            let is_gone = match kind {
                CachedKind::Entry => fs::remove_file(&cached.path),
                CachedKind::Unfinished if eviction::is_abandoned(&cached) => Ok(()),
                CachedKind::Unfinished | CachedKind::Foreign => return,
            };
            match is_gone {
                Ok(()) if kind == CachedKind::Entry => removed.add(cached.bytes),
                Ok(()) => removed.bytes += cached.bytes,
                Err(error) => failure = failure.take().or(Some(error)),
            }
        })?;
        let shards = fs::read_dir(self.folder().join(ENTRIES));
        for shard in shards.into_iter().flatten().flatten() {
            if eviction::is_hexadecimal(&shard.file_name(), eviction::SHARD_LENGTH) {
                // It stays if there is anything in it.
                let _ = fs::remove_dir(shard.path());
            }
        }
        match failure {
            Some(error) => Err(CacheError::write(self.folder())(error)),
            None => Ok(removed),
        }
    }

    fn walk(&self, found: impl FnMut(Cached, CachedKind)) -> Result<(), CacheError> {
        eviction::walk(self.folder(), found).map_err(CacheError::read(self.folder()))
    }
}

impl CacheCheck {
    /// Removes the damaged entries and those of other versions, and returns what was removed.
    ///
    /// # Errors
    /// [`CacheError::Write`] for the first one that cannot be removed.
    pub fn remove_faulty(&self, cache: &Cache) -> Result<CacheUsage, CacheError> {
        let mut removed = CacheUsage::default();
        for entry in self.damaged.iter().chain(&self.other_versions) {
            fs::remove_file(&entry.path).map_err(CacheError::write(cache.folder()))?;
            removed.add(entry.bytes);
        }
        Ok(removed)
    }

    fn add(&mut self, cached: Cached) {
        let Cached { bytes, path, .. } = cached;
        let checked = key_of(&path).map(|key| {
            let mut file = lb_files::open_no_follow(&path).map_err(FileError::into_io)?;
            entry::check(&mut file, &key)
        });
        match checked {
            Some(Ok(Ok(()))) => self.whole.add(bytes),
            Some(Ok(Err(damage))) => {
                let faulty = match damage {
                    Damage::Version { .. } => &mut self.other_versions,
                    _ => &mut self.damaged,
                };
                faulty.push(FaultyEntry {
                    path,
                    bytes,
                    damage,
                });
            }
            // Another process has removed it meanwhile.
            Some(Err(_)) if path.symlink_metadata().is_err() => {}
            Some(Err(_)) | None => self.unreadable.push(path),
        }
    }
}

/// The key that an entry's path is made of.
fn key_of(path: &Path) -> Option<Key> {
    let name = path.file_name()?.to_str()?;
    let shard = path.parent()?.file_name()?.to_str()?;
    let digits = format!("{shard}{name}");
    let mut bytes = [0; Key::LENGTH];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(Key::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::EntryKind;

    fn key(number: u64) -> Key {
        Key::of(EntryKind::new("test", 1), &number)
    }

    fn path_of(cache: &Cache, key: &Key) -> PathBuf {
        let name = key.to_string();
        let (shard, name) = name.split_at(eviction::SHARD_LENGTH);
        cache.folder().join(ENTRIES).join(shard).join(name)
    }

    fn check(cache: &Cache) -> CacheCheck {
        match cache.check(|_| ControlFlow::Continue(())).unwrap() {
            ControlFlow::Continue(check) => check,
            ControlFlow::Break(()) => panic!("nothing stops"),
        }
    }

    fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn everything_in_the_folder_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), Cache::DEFAULT_LIMIT).unwrap();
        for number in 0..6 {
            cache.save(&key(number), &vec![7; 100_000]).unwrap();
        }
        let path = |number| path_of(&cache, &key(number));
        change(&path(0), |bytes| bytes[90_000] ^= 1);
        change(&path(1), |bytes| bytes.truncate(50));
        change(&path(2), |bytes| bytes[8] = 9);
        // An entry under another one's name.
        fs::copy(path(5), path(3)).unwrap();
        let shard = path(4).parent().unwrap().to_owned();
        let abandoned = shard.join(".lb-Abc123.partial");
        fs::write(&abandoned, "half").unwrap();
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(10_000);
        let file = fs::File::options().write(true).open(&abandoned).unwrap();
        file.set_modified(long_ago).unwrap();
        fs::write(shard.join("notes.txt"), "mine").unwrap();
        fs::create_dir(folder.path().join("entries/mine")).unwrap();
        let writing = lb_files::temporary_file_in(&shard).unwrap();

        let contents = cache.contents().unwrap();
        assert_eq!(contents.entries.entries, 6);
        assert_eq!(contents.unfinished.entries, 2);
        assert_eq!(contents.foreign.entries, 2);

        let found = check(&cache);
        assert_eq!(found.whole.entries, 2);
        let paths = |faulty: &[FaultyEntry]| -> Vec<PathBuf> {
            faulty.iter().map(|entry| entry.path.clone()).collect()
        };
        let mut damaged = vec![path(0), path(1), path(3)];
        damaged.sort();
        assert_eq!(paths(&found.damaged), damaged);
        assert_eq!(paths(&found.other_versions), [path(2)]);
        assert_eq!((found.abandoned.entries, found.abandoned.bytes), (1, 4));
        assert_eq!(found.unfinished.entries, 1);
        assert_eq!(found.foreign.len(), 2);
        assert!(found.unreadable.is_empty());

        assert_eq!(found.remove_faulty(&cache).unwrap().entries, 4);
        let found = check(&cache);
        assert!(found.damaged.is_empty() && found.other_versions.is_empty());
        assert_eq!(found.whole.entries, 2);

        assert_eq!(cache.clear().unwrap().entries, 2);
        assert!(writing.path().is_file(), "it is still being written");
        assert!(shard.join("notes.txt").is_file());
        assert!(cache.load(&key(4), 100_000).unwrap().is_none());
        drop(writing);
        assert_eq!(cache.contents().unwrap().entries.entries, 0);
        let folders = fs::read_dir(folder.path().join(ENTRIES)).unwrap();
        assert_eq!(folders.count(), 2, "only what is not the cache's stays");
    }

    #[test]
    fn a_check_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), Cache::DEFAULT_LIMIT).unwrap();
        for number in 0..3 {
            cache.save(&key(number), b"a result").unwrap();
        }
        let mut looks = 0;
        let stopped = cache.check(|_| {
            looks += 1;
            ControlFlow::Break(())
        });
        assert!(stopped.unwrap().is_break());
        assert_eq!(looks, 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_empty_cache() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(&folder.path().join("none"), Cache::DEFAULT_LIMIT).unwrap();
        assert_eq!(cache.contents().unwrap(), CacheContents::default());
        assert_eq!(check(&cache).whole, CacheUsage::default());
        assert_eq!(cache.clear().unwrap(), CacheUsage::default());
        assert!(!cache.folder().exists());
    }
}
