//! Recognising a file without reading it.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::FileError;

/// The coarsest clock of a file system ticks more often than this.
const SETTLED: Duration = Duration::from_secs(2);

/// What distinguishes a file from all others, and from itself after a change. It is found without reading
/// the file, because hashing gigabytes of weights at every start would take too long.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct FileIdentity {
    /// The file's path without links.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// When its content was changed last, since 1970; 0 for a time before that. Programs may set this time
    /// to whatever they like, as those that unpack archives do.
    pub modified: Duration,
    /// When its content, its times, its name or its number of names were changed last, where the system has
    /// this time. No program can set it.
    pub changed: Option<Duration>,
    /// The numbers of its device and inode, where the system has them.
    pub device_and_inode: Option<(u64, u64)>,
}

impl FileIdentity {
    /// The identity of the file that a path leads to.
    ///
    /// # Errors
    /// [`FileError::Io`] where the file is missing or the system does not say when it was changed.
    pub fn of(path: &Path) -> Result<Self, FileError> {
        let real = path.canonicalize().map_err(FileError::io("read", path))?;
        let metadata = real.metadata().map_err(FileError::io("read", path))?;
        Self::new(real, &metadata)
    }

    /// The identity of an open file that `path`, a path without links, led to.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_open(path: PathBuf, file: &File) -> Result<Self, FileError> {
        let metadata = file.metadata().map_err(FileError::io("read", &path))?;
        Self::new(path, &metadata)
    }

    fn new(path: PathBuf, metadata: &Metadata) -> Result<Self, FileError> {
        let modified = metadata.modified().map_err(FileError::io("read", &path))?;
        Ok(Self {
            path,
            bytes: metadata.len(),
            modified: modified.duration_since(UNIX_EPOCH).unwrap_or_default(),
            changed: change_time(metadata),
            device_and_inode: device_and_inode(metadata),
        })
    }

    /// Whether the last change is so long ago that another one would show in the time. A file that
    /// was written a moment ago may be written again without looking any different.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let last = self.modified.max(self.changed.unwrap_or_default());
        let age = SystemTime::now().duration_since(UNIX_EPOCH + last);
        age.is_ok_and(|age| age > SETTLED)
    }
}

#[cfg(unix)]
fn device_and_inode(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(unix)]
fn change_time(metadata: &Metadata) -> Option<Duration> {
    use std::os::unix::fs::MetadataExt as _;
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).ok()?;
    Some(Duration::new(seconds, nanoseconds))
}

#[cfg(not(unix))]
fn change_time(_metadata: &Metadata) -> Option<Duration> {
    None
}

#[cfg(not(unix))]
fn device_and_inode(_metadata: &Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, b"old").unwrap();
        let before = FileIdentity::of(&path).unwrap();
        assert_eq!(FileIdentity::of(&path).unwrap(), before);
        assert!(!before.is_settled(), "it was written just now");
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(100))
            .unwrap();
        let after = FileIdentity::of_open(before.path.clone(), &file).unwrap();
        assert_ne!(after, before);
    }

    #[test]
    fn a_file_is_settled_when_its_last_change_of_any_kind_is_long_ago() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, b"old").unwrap();
        let mut identity = FileIdentity::of(&path).unwrap();
        let long_ago = identity.modified - Duration::from_secs(100);
        identity.modified = long_ago;
        assert_eq!(identity.is_settled(), identity.changed.is_none());
        identity.changed = identity.changed.and(Some(long_ago));
        assert!(identity.is_settled());
    }

    #[cfg(unix)]
    #[test]
    fn a_change_is_seen_though_size_and_time_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, b"old").unwrap();
        let before = FileIdentity::of(&path).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(&path, b"new").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + before.modified).unwrap();
        let after = FileIdentity::of(&path).unwrap();
        assert_eq!(
            (after.bytes, after.modified),
            (before.bytes, before.modified)
        );
        assert_ne!(after, before);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_the_file_that_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("weights"), folder.path().join("link"));
        std::fs::write(&path, b"old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(
            FileIdentity::of(&path).unwrap(),
            FileIdentity::of(&link).unwrap()
        );
    }
}
