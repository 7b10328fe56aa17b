//! The files in the folder of a cache, and keeping them within the limit: the entries that were used
//! longest ago are removed first.
//!
//! A file's modification time is the time of its last use, because reading an entry sets it as well.
//! Only the process that holds the lock file removes entries; the others continue to write. A process
//! that has an entry open can read it to the end even if it is removed. A process that has not opened
//! it yet does not find it, and computes the result again.
//!
//! Nobody waits long: looking at all entries takes no lock, and whoever saves a result removes entries for
//! a tenth of a second at most, unless it takes longer to make room for this result.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use lb_files::FileError;

use crate::key::Key;

/// The folder inside the cache's folder that holds the entries. The first two digits of an entry's key
/// name a folder in it, and the other digits name the file.
pub(crate) const ENTRIES: &str = "entries";

/// The number of hexadecimal digits in the name of a folder of entries.
pub(crate) const SHARD_LENGTH: usize = 2;

/// The number of hexadecimal digits in an entry's file name.
const NAME_LENGTH: usize = 2 * Key::LENGTH - SHARD_LENGTH;

const LOCK: &str = "lock";

/// How much longer the saving of one result may take because entries have to be removed.
const LONGEST_REMOVAL: Duration = Duration::from_millis(100);

/// Something in the folder of a cache.
#[derive(Debug)]
pub(crate) struct Cached {
    pub(crate) used: SystemTime,
    pub(crate) bytes: u64,
    pub(crate) path: PathBuf,
}

/// What a file in the folder of a cache is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CachedKind {
    /// A file with the name of an entry.
    Entry,
    /// A file under a temporary name.
    Unfinished,
    /// Anything else. It does not belong to the cache.
    Foreign,
}

/// How much a cache holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CacheUsage {
    /// The number of entries.
    pub entries: usize,
    /// The size of their files in bytes, including files that are being written.
    pub bytes: u64,
}

impl CacheUsage {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes += bytes;
    }
}

/// What is known about the room in the folder of a cache. Other processes may change it at any time.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// How many bytes may be written before the entries have to be counted again.
    allowance: u64,
    /// The size of all entries when they were counted, and of what has been saved and removed since.
    total: u64,
    /// Entries that have to go; the last one was used longest ago.
    surplus: Vec<Cached>,
}

impl Room {
    /// Makes room for an entry of `wanted` bytes. Temporary files that nobody writes any more are removed,
    /// and if the new entry would exceed `limit`, entries are removed until a tenth of the limit is free:
    /// some of them now and the rest when the next entries are saved.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] if too few entries can be removed.
    pub(crate) fn make(&mut self, folder: &Path, limit: u64, wanted: u64) -> io::Result<()> {
        if self.surplus.is_empty() {
            if self.allowance >= wanted {
                self.allowance -= wanted;
                return Ok(());
            }
            self.count(folder, limit, wanted)?;
        }
        let mut counts = 0;
        while !self.surplus.is_empty() {
            if !self.remove_surplus(folder, wanted)? {
                // Another process is removing entries.
                self.surplus.clear();
                self.allowance = limit / 100;
                return Ok(());
            }
            if !self.surplus.is_empty() {
                // The rest can wait until the next entry is saved.
                self.total += wanted;
                return Ok(());
            }
            // Entries that were to go may have been used again meanwhile.
            if self.total + wanted > limit && counts == 0 {
                counts += 1;
                self.count(folder, limit, wanted)?;
            }
        }
        self.total += wanted;
        self.allowance = 0;
        if self.total > limit {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "it is full, and its entries cannot be removed",
            ));
        }
        // Only half of the free space, because a second process may count on it as well.
        self.allowance = (limit - self.total) / 2;
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn surplus_paths(&self) -> Vec<PathBuf> {
        let paths = self.surplus.iter().map(|cached| cached.path.clone());
        paths.collect()
    }

    /// Counts the entries, and finds those that have to go.
    fn count(&mut self, folder: &Path, limit: u64, wanted: u64) -> io::Result<()> {
        let (mut entries, mut total) = (Vec::new(), 0_u64);
        walk(folder, |cached, kind| match kind {
            CachedKind::Foreign => {}
            CachedKind::Unfinished if is_abandoned(&cached) => {}
            CachedKind::Unfinished => total += cached.bytes,
            CachedKind::Entry => {
                total += cached.bytes;
                entries.push(cached);
            }
        })?;
        self.total = total;
        if total + wanted <= limit {
            return Ok(());
        }
        let goal = (limit - limit / 10).saturating_sub(wanted);
        entries.sort_unstable_by(|left, right| {
            (left.used, &left.path).cmp(&(right.used, &right.path))
        });
        let mut surplus = entries;
        let mut left = total;
        let gone = surplus.iter().take_while(|cached| {
            let goes = left > goal;
            left -= cached.bytes;
            goes
        });
        let count = gone.count();
        surplus.truncate(count);
        surplus.reverse();
        self.surplus = surplus;
        Ok(())
    }

    /// Removes entries, at least as many as free `wanted` bytes. Returns whether this process may.
    fn remove_surplus(&mut self, folder: &Path, wanted: u64) -> io::Result<bool> {
        let lock = lb_files::open_lock(&folder.join(LOCK)).map_err(FileError::into_io)?;
        if lock.try_lock().is_err() {
            return Ok(false);
        }
        let begun = Instant::now();
        let mut freed = 0;
        while freed < wanted || begun.elapsed() < LONGEST_REMOVAL {
            let Some(cached) = self.surplus.pop() else {
                break;
            };
            let is_used_again = || {
                let there = cached.path.symlink_metadata();
                let used = there.and_then(|there| there.modified());
                used.is_ok_and(|used| used != cached.used)
            };
            if is_used_again() {
                continue;
            }
            match fs::remove_file(&cached.path) {
                Ok(()) => freed += cached.bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => freed += cached.bytes,
                // It is another user's.
                Err(_) => {}
            }
        }
        self.total = self.total.saturating_sub(freed);
        Ok(true)
    }
}

/// No entry takes this long to write.
const LONGEST_WRITING: Duration = Duration::from_secs(60 * 60);

/// Removes a temporary file if nobody writes it any more. Returns whether it did.
pub(crate) fn is_abandoned(unfinished: &Cached) -> bool {
    // Another machine's lock does not show in every folder that machines share.
    let age = SystemTime::now().duration_since(unfinished.used);
    if age.unwrap_or_default() < LONGEST_WRITING {
        return false;
    }
    match cfg!(unix) {
        true => lb_files::remove_if_abandoned(&unfinished.path).unwrap_or(false),
        false => fs::remove_file(&unfinished.path).is_ok(),
    }
}

/// Counts the entries and their bytes.
pub(crate) fn usage(folder: &Path) -> io::Result<CacheUsage> {
    let mut usage = CacheUsage::default();
    walk(folder, |cached, kind| {
        if kind != CachedKind::Foreign {
            usage.bytes += cached.bytes;
        }
        usage.entries += usize::from(kind == CachedKind::Entry);
    })?;
    Ok(usage)
}

/// Calls `found` for everything below the folder of the entries, but not for what lies in folders that do
/// not belong to the cache.
pub(crate) fn walk(folder: &Path, mut found: impl FnMut(Cached, CachedKind)) -> io::Result<()> {
    let entries = folder.join(ENTRIES);
    let above = match fs::read_dir(&entries) {
        Ok(above) => above,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in above {
        let entry = entry?;
        let is_shard = is_hexadecimal(&entry.file_name(), SHARD_LENGTH);
        if !is_shard || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            report(&entry, false, &mut found);
            continue;
        }
        // It may be another user's.
        let Ok(shard) = fs::read_dir(entry.path()) else {
            continue;
        };
        for entry in shard.flatten() {
            report(&entry, true, &mut found);
        }
    }
    Ok(())
}

fn report(entry: &fs::DirEntry, is_in_shard: bool, found: &mut impl FnMut(Cached, CachedKind)) {
    // Another process may have removed it meanwhile.
    let Ok(metadata) = entry.metadata() else {
        return;
    };
    let Ok(used) = metadata.modified() else {
        return;
    };
    let name = entry.file_name();
    let kind = if !metadata.is_file() {
        CachedKind::Foreign
    } else if name.to_str().is_some_and(lb_files::is_temporary) {
        CachedKind::Unfinished
    } else if is_in_shard && is_hexadecimal(&name, NAME_LENGTH) {
        CachedKind::Entry
    } else {
        CachedKind::Foreign
    };
    let cached = Cached {
        used,
        bytes: metadata.len(),
        path: entry.path(),
    };
    found(cached, kind);
}

pub(crate) fn is_hexadecimal(name: &OsStr, length: usize) -> bool {
    let name = name.as_encoded_bytes();
    name.len() == length && name.iter().all(u8::is_ascii_hexdigit)
}
