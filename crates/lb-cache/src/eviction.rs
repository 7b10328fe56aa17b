//! The files in the folder of a cache, and keeping them within the limit: the entries that were used
//! longest ago are removed first.
//!
//! A file's modification time is the time of its last use, because reading an entry sets it as well.
//! Only the process that holds the lock file removes entries; the others continue to write. A process
//! that has an entry open can read it to the end even if it is removed. A process that has not opened
//! it yet does not find it, and computes the result again.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::key::Key;

/// The folder inside the cache's folder that holds the entries. The first two digits of an entry's key
/// name a folder in it, and the other digits name the file.
pub(crate) const ENTRIES: &str = "entries";

/// The number of hexadecimal digits in an entry's file name.
const NAME_LENGTH: usize = 2 * Key::LENGTH - 2;

/// Temporary files that are older than this are removed. No entry takes that long to write, so a killed
/// process has left them behind.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// The end of a temporary file's name.
pub(crate) const PARTIAL: &str = ".partial";

const LOCK: &str = "lock";

/// One file of the cache.
struct Cached {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

/// How much a cache holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CacheUsage {
    /// The number of entries.
    pub entries: usize,
    /// The size of their files in bytes, including files that are being written.
    pub bytes: u64,
}

/// Counts the entries and their bytes.
pub(crate) fn usage(folder: &Path) -> io::Result<CacheUsage> {
    let mut usage = CacheUsage::default();
    walk(folder, |cached, partial| {
        usage.bytes += cached.bytes;
        usage.entries += usize::from(!partial);
    })?;
    Ok(usage)
}

/// Makes room for an entry of `wanted` bytes. Abandoned temporary files are removed, and if the new
/// entry would exceed `limit`, entries are removed until a tenth of the limit is free. Returns the
/// bytes that remain.
pub(crate) fn make_room(folder: &Path, limit: u64, wanted: u64) -> io::Result<u64> {
    let now = SystemTime::now();
    let (mut entries, mut abandoned, mut total) = (Vec::new(), Vec::new(), 0_u64);
    walk(folder, |cached, partial| {
        let age = now.duration_since(cached.used).unwrap_or_default();
        if partial && age > ABANDONED {
            abandoned.push(cached.path);
            return;
        }
        total += cached.bytes;
        if !partial {
            entries.push(cached);
        }
    })?;
    for path in abandoned {
        // A failure means that another process has removed the file already.
        let _ = fs::remove_file(path);
    }
    if total + wanted <= limit {
        return Ok(total);
    }
    let lock = File::create(folder.join(LOCK))?;
    if lock.try_lock().is_err() {
        // Another process is removing entries.
        return Ok(total);
    }
    let goal = (limit - limit / 10).saturating_sub(wanted);
    entries.sort_by(|left, right| (left.used, &left.path).cmp(&(right.used, &right.path)));
    for cached in entries {
        if total <= goal {
            break;
        }
        match fs::remove_file(&cached.path) {
            Ok(()) => total -= cached.bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => total -= cached.bytes,
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

/// Calls `found` for every entry and every temporary file; the second argument says whether a file is
/// temporary. Other files do not belong to the cache and are ignored.
fn walk(folder: &Path, mut found: impl FnMut(Cached, bool)) -> io::Result<()> {
    let shards = match fs::read_dir(folder.join(ENTRIES)) {
        Ok(shards) => shards,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for shard in shards {
        let shard = shard?;
        if !is_hexadecimal(&shard.file_name(), 2) || !shard.file_type()?.is_dir() {
            continue;
        }
        for entry in fs::read_dir(shard.path())? {
            let entry = entry?;
            let name = entry.file_name();
            let partial = name.to_string_lossy().ends_with(PARTIAL);
            if !partial && !is_hexadecimal(&name, NAME_LENGTH) {
                continue;
            }
            // Another process may have removed it meanwhile.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_file() {
                let cached = Cached {
                    used: metadata.modified()?,
                    bytes: metadata.len(),
                    path: entry.path(),
                };
                found(cached, partial);
            }
        }
    }
    Ok(())
}

fn is_hexadecimal(name: &OsStr, length: usize) -> bool {
    let name = name.as_encoded_bytes();
    name.len() == length && name.iter().all(u8::is_ascii_hexdigit)
}
