//! Keeping the store within its limit: what was used longest ago goes first.
//!
//! A file's modification time says when it was last used: writing sets it, and so does reading.
//! Only one process removes at a time, the one that holds the lock file; the others write on. What
//! is removed under a reader's hands stays readable to it, or is simply not found and computed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a process that was killed may have left behind is removed after this time: nothing takes
/// so long to write.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// Temporary files end like this.
pub(super) const PARTIAL: &str = ".partial";

const LOCK: &str = "lock";

/// One file of the store.
struct Stored {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

/// Entries and their bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoreUsage {
    /// How many entries there are.
    pub entries: usize,
    /// Bytes of their files.
    pub bytes: u64,
}

/// Counts entries; removes nothing.
pub(super) fn usage(folder: &Path) -> io::Result<StoreUsage> {
    let mut usage = StoreUsage::default();
    walk(folder, |stored, partial| {
        usage.bytes += stored.bytes;
        usage.entries += usize::from(!partial);
    })?;
    Ok(usage)
}

/// Makes room for an entry of `wanted` bytes: removes abandoned temporary files, and, if there are
/// more than `limit` bytes with it, entries until a tenth of the limit is free. Returns the bytes
/// that are there then.
pub(super) fn make_room(folder: &Path, limit: u64, wanted: u64) -> io::Result<u64> {
    let now = SystemTime::now();
    let (mut entries, mut abandoned, mut total) = (Vec::new(), Vec::new(), 0_u64);
    walk(folder, |stored, partial| {
        let age = now.duration_since(stored.used).unwrap_or_default();
        if partial && age > ABANDONED {
            abandoned.push(stored.path);
            return;
        }
        total += stored.bytes;
        if !partial {
            entries.push(stored);
        }
    })?;
    for path in abandoned {
        // Whoever else removed it has done the work.
        let _ = fs::remove_file(path);
    }
    if total + wanted <= limit {
        return Ok(total);
    }
    let lock = File::create(folder.join(LOCK))?;
    if lock.try_lock().is_err() {
        // Another process is at it.
        return Ok(total);
    }
    let goal = (limit - limit / 10).saturating_sub(wanted);
    entries.sort_by(|left, right| (left.used, &left.path).cmp(&(right.used, &right.path)));
    for stored in entries {
        if total <= goal {
            break;
        }
        match fs::remove_file(&stored.path) {
            Ok(()) => total -= stored.bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => total -= stored.bytes,
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

/// Hands over every entry and every temporary file; what is neither is none of the store's.
fn walk(folder: &Path, mut found: impl FnMut(Stored, bool)) -> io::Result<()> {
    let shards = match fs::read_dir(folder.join(super::ENTRIES)) {
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
            if !partial && !is_hexadecimal(&name, super::NAME_LENGTH) {
                continue;
            }
            // Another process may have removed it meanwhile.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_file() {
                let stored = Stored {
                    used: metadata.modified()?,
                    bytes: metadata.len(),
                    path: entry.path(),
                };
                found(stored, partial);
            }
        }
    }
    Ok(())
}

fn is_hexadecimal(name: &OsStr, length: usize) -> bool {
    let name = name.as_encoded_bytes();
    name.len() == length && name.iter().all(u8::is_ascii_hexdigit)
}
