//! Keeping the cache within its limit: the entries that were used longest ago are removed first.
//!
//! A file's modification time says when it was last used: writing sets it, and so does reading.
//! Only one process removes entries at a time, the one that holds the lock file; the others go on
//! writing. An entry that is removed while another process reads it stays readable there; if it is
//! not open yet, it is not found, and its result is computed again.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::cache::{ENTRIES, NAME_LENGTH};

/// Temporary files of this age were left behind by a process that was killed, because nothing takes
/// that long to write. They are removed.
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
    /// How many entries there are.
    pub entries: usize,
    /// Bytes of their files, and of files that are being written.
    pub bytes: u64,
}

/// Counts the entries, and removes nothing.
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
        // If it fails, another process has removed the file.
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

/// Calls `found` for every entry and for every temporary file (then the second argument is true).
/// Other files are none of the cache's business.
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
