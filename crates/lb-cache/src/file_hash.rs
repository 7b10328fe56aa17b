//! Hashes of large files, such as a model's weights. A hash is kept in the cache for as long as the file
//! does not change.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use lb_files::{FileError, FileIdentity};

use crate::entry::{CacheEntry, Damage};
use crate::error::CacheError;
use crate::key::{EntryKind, Key};
use crate::lenient::LenientCache;

/// How much of a file has been read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FileHashProgress<'a> {
    /// The file.
    pub path: &'a Path,
    /// Bytes that have been read.
    pub done: u64,
    /// Bytes of the file.
    pub total: u64,
}

/// Hashes of files. The key is made of the file's path, size and times of change.
struct FileHashes;

impl CacheEntry for FileHashes {
    type Value = Key;
    const KIND: EntryKind = EntryKind::new("hash of a file", 2);

    fn longest_payload(&self) -> usize {
        Key::LENGTH
    }

    fn encode(&self, hash: &Key) -> Vec<u8> {
        hash.bytes().to_vec()
    }

    fn decode(&self, payload: &[u8]) -> Result<Key, Damage> {
        let bytes = payload.try_into().map(Key::from_bytes);
        bytes.map_err(|_| Damage::Content("it holds no hash"))
    }
}

impl LenientCache {
    /// The hash of a file's content. The first time, the whole file is read and `progress` is called
    /// after every mebibyte; afterwards the hash is taken from the cache for as long as the file's
    /// path, size, times of change and inode stay the same. The time that no program can set is among
    /// them, so that a file which was changed in place is read again, whatever its other time says.
    ///
    /// The result is `Continue(None)` for a file that cannot be read, which is reported as a problem,
    /// and `Break` if `progress` returns it.
    pub fn file_hash(
        &self,
        path: &Path,
        progress: impl FnMut(&FileHashProgress<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<(), Option<Key>> {
        match self.try_file_hash(path, progress) {
            Ok(flow) => flow.map_continue(Some),
            Err(source) => {
                self.add_problem(CacheError::Hash {
                    path: path.to_path_buf(),
                    source,
                });
                ControlFlow::Continue(None)
            }
        }
    }

    fn try_file_hash(
        &self,
        path: &Path,
        mut progress: impl FnMut(&FileHashProgress<'_>) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<(), Key>> {
        let path = path.canonicalize()?;
        let mut file = lb_files::open(&path).map_err(FileError::into_io)?;
        let identity = FileIdentity::of_open(path, &file).map_err(FileError::into_io)?;
        let was = identity.clone();
        let (path, is_settled) = (&identity.path, identity.is_settled());
        let (total, key) = (identity.bytes, identity_key(&identity));
        if let Some(known) = self.load(&FileHashes, &key) {
            return Ok(ControlFlow::Continue(known));
        }
        tracing::info!("reading {} once to hash it", path.display());
        let flow = lb_files::content_hash(&mut file, |done| {
            progress(&FileHashProgress { path, done, total })
        })?;
        let flow = flow.map_continue(Key::from_bytes);
        let ControlFlow::Continue(hash) = flow else {
            return Ok(flow);
        };
        // A file that was written a moment ago may be changed without a visible change of its time, and
        // one that was written while it was read is neither what it was nor what it is now.
        let is_unchanged = FileIdentity::of_open(was.path.clone(), &file).is_ok_and(|is| is == was);
        if is_settled && is_unchanged {
            self.save(&FileHashes, &key, &hash);
        }
        Ok(flow)
    }
}

/// The key made of the properties that stay the same for as long as a file's content does.
fn identity_key(file: &FileIdentity) -> Key {
    let parts = |time: Duration| (time.as_secs(), time.subsec_nanos());
    let times = (
        parts(file.modified),
        parts(file.changed.unwrap_or_default()),
    );
    let inode = file.device_and_inode.unwrap_or_default();
    Key::of(
        FileHashes::KIND,
        &(file.path.as_path(), file.bytes, times, inode),
    )
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::cache::Cache;

    fn write(path: &Path, content: &[u8], seconds_ago: u64) {
        std::fs::write(path, content).unwrap();
        let then = SystemTime::now() - Duration::from_secs(seconds_ago);
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(then).unwrap();
    }

    /// Waits until what was written last is no longer taken for what may change without being noticed.
    fn settle(path: &Path) {
        let begun = std::time::Instant::now();
        while !FileIdentity::of(path).unwrap().is_settled() {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "it never settles"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn entries(folder: &Path) -> usize {
        let cache = Cache::open(folder, Cache::DEFAULT_LIMIT);
        cache.unwrap().usage().unwrap().entries
    }

    fn open(folder: &Path) -> LenientCache {
        LenientCache::new(Some(Cache::open(folder, Cache::DEFAULT_LIMIT).unwrap()))
    }

    fn hash_of(cache: &LenientCache, path: &Path) -> Option<Key> {
        match cache.file_hash(path, |_| ControlFlow::Continue(())) {
            ControlFlow::Continue(hash) => hash,
            ControlFlow::Break(()) => panic!("nothing stops"),
        }
    }

    #[test]
    fn reading_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights");
        let cache = folder.path().join("cache");
        write(&weights, b"", 100);
        // Reading all of it would take an hour.
        File::options()
            .write(true)
            .open(&weights)
            .and_then(|file| file.set_len(1 << 42))
            .unwrap();
        let session = open(&cache);
        let stopped = session.file_hash(&weights, |progress| match progress.done {
            done if done < 3 << 20 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        });
        assert!(stopped.is_break());
        assert_eq!(entries(&cache), 0);
        assert!(session.take_problems().is_empty());
    }

    #[test]
    fn a_file_changed_under_the_same_name_has_another_hash() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights");
        let folder = folder.path().join("cache");
        let cache = open(&folder);
        write(&weights, b"old", 100);
        settle(&weights);
        let old = hash_of(&cache, &weights).unwrap();
        assert_eq!(hash_of(&cache, &weights), Some(old));
        assert_eq!(entries(&folder), 1, "its hash is remembered");
        write(&weights, b"new", 50);
        assert_ne!(hash_of(&cache, &weights), Some(old));
        write(&weights, b"old", 20);
        settle(&weights);
        assert_eq!(hash_of(&cache, &weights), Some(old));
        assert_eq!(entries(&folder), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_changed_in_place_has_another_hash_though_size_and_time_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights");
        let cache = open(&folder.path().join("cache"));
        let then = SystemTime::now() - Duration::from_secs(100);
        let write = |content: &[u8]| {
            let mut options = File::options();
            options.write(true).create(true).truncate(false);
            let file = options.open(&weights).unwrap();
            std::io::Write::write_all(&mut &file, content).unwrap();
            file.set_modified(then).unwrap();
        };
        write(b"old");
        settle(&weights);
        let old = hash_of(&cache, &weights).unwrap();
        assert_eq!(entries(&folder.path().join("cache")), 1);
        write(b"new");
        assert_ne!(hash_of(&cache, &weights), Some(old));
    }

    #[test]
    fn the_hash_of_a_file_written_just_now_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights");
        let folder = folder.path().join("cache");
        let cache = open(&folder);
        write(&weights, b"old", 0);
        assert!(hash_of(&cache, &weights).is_some());
        assert_eq!(entries(&folder), 0);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(&folder.path().join("cache"));
        assert_eq!(hash_of(&cache, &folder.path().join("nothing")), None);
        let problems = cache.take_problems();
        assert!(
            matches!(problems[..], [CacheError::Hash { .. }]),
            "{problems:?}"
        );
    }
}
