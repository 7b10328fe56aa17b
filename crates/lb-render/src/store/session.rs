//! One render's use of a store: what goes wrong is kept to be told, and stops nothing.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lb_models::ComponentOrigin;
use sha2::{Digest, Sha256};

use super::Store;
use super::entry::{Damage, EntryKind};
use super::error::StoreError;
use super::key::{Key, KeyBuilder};

/// A store, or none, for the time of a render.
#[derive(Debug)]
pub(crate) struct StoreSession {
    store: Option<Store>,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What has gone wrong and was not told yet.
    notices: Vec<StoreError>,
    /// A folder that could not be written once is not tried again, and not told of again.
    closed: bool,
    /// Results too large for the store are told of once.
    told_large: bool,
}

impl StoreSession {
    pub(crate) fn new(store: Option<Store>) -> Self {
        Self {
            store,
            state: RefCell::default(),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.store.is_some()
    }

    /// What went wrong since the last call.
    pub(crate) fn take_notices(&self) -> Vec<StoreError> {
        std::mem::take(&mut self.state.borrow_mut().notices)
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.store.as_ref().is_some_and(|store| store.contains(key))
    }

    /// The result under this name, made of its payload by `decode`.
    ///
    /// `most` is the longest payload that makes sense, in bytes.
    pub(crate) fn load<T>(
        &self,
        kind: EntryKind,
        key: &Key,
        most: usize,
        decode: impl FnOnce(&[u8]) -> Result<T, Damage>,
    ) -> Option<T> {
        let store = self.store.as_ref()?;
        let loaded = store.load(kind, key, most as u64).and_then(|payload| {
            payload
                .map(|payload| decode(&payload).map_err(|damage| store.damaged(key, damage)))
                .transpose()
        });
        loaded.unwrap_or_else(|error| {
            self.state.borrow_mut().notices.push(error);
            None
        })
    }

    /// Keeps a payload, if the folder takes it.
    pub(crate) fn save(&self, kind: EntryKind, key: &Key, payload: impl FnOnce() -> Vec<u8>) {
        let Some(store) = &self.store else {
            return;
        };
        if self.state.borrow().closed {
            return;
        }
        let Err(error) = store.save(kind, key, &payload()) else {
            return;
        };
        let mut state = self.state.borrow_mut();
        if matches!(error, StoreError::TooLarge { .. }) {
            if std::mem::replace(&mut state.told_large, true) {
                return;
            }
        } else {
            state.closed = true;
        }
        state.notices.push(error);
    }

    /// The name of a component as it is now: other weights, another runtime or device, another
    /// name. `None` without a store, and where the weights cannot be read.
    pub(crate) fn component(&self, origin: &ComponentOrigin) -> Option<Key> {
        self.store.as_ref()?;
        let mut key = KeyBuilder::new("component").bytes(&origin.description);
        for path in &origin.files {
            match self.file(path) {
                Ok(digest) => key = key.key(&digest),
                Err(error) => {
                    let notice = StoreError::read(path)(error);
                    self.state.borrow_mut().notices.push(notice);
                    return None;
                }
            }
        }
        Some(key.finish())
    }

    /// The hash of a file's content, remembered for as long as the file does not change.
    fn file(&self, path: &Path) -> io::Result<Key> {
        let path = path.canonicalize()?;
        let mut file = File::open(&path)?;
        let metadata = file.metadata()?;
        let changed = metadata.modified()?;
        let since_epoch = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
        let identity = KeyBuilder::new("file")
            .bytes(path.as_os_str().as_encoded_bytes())
            .number(metadata.len())
            .number(since_epoch.as_secs())
            .number(u64::from(since_epoch.subsec_nanos()));
        let identity = with_inode(identity, &metadata).finish();
        let known = self.load(EntryKind::Digest, &identity, Key::LENGTH, |payload| {
            let digest = payload.try_into().map(Key::from_bytes);
            digest.map_err(|_| Damage::Content("it holds no hash"))
        });
        if let Some(known) = known {
            return Ok(known);
        }
        tracing::info!("reading {} once, to know it again", path.display());
        let digest = digest(&mut file)?;
        // What was written a moment ago may be written again without looking any different.
        let age = SystemTime::now().duration_since(changed);
        if age.is_ok_and(|age| age > SETTLED) {
            let payload = || digest.bytes().to_vec();
            self.save(EntryKind::Digest, &identity, payload);
        }
        Ok(digest)
    }
}

/// Longer than the coarsest clock of a file system ticks.
const SETTLED: Duration = Duration::from_secs(2);

fn digest(file: &mut File) -> io::Result<Key> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(Key::from_bytes(hash.finalize().into())),
            Ok(read) => hash.update(&block[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(unix)]
fn with_inode(key: KeyBuilder, metadata: &std::fs::Metadata) -> KeyBuilder {
    use std::os::unix::fs::MetadataExt;
    key.number(metadata.dev()).number(metadata.ino())
}

#[cfg(not(unix))]
fn with_inode(key: KeyBuilder, _metadata: &std::fs::Metadata) -> KeyBuilder {
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreOptions;

    fn origin(path: &Path) -> ComponentOrigin {
        ComponentOrigin {
            description: b"unet".to_vec(),
            files: vec![path.to_path_buf()],
        }
    }

    fn session(folder: &Path) -> StoreSession {
        StoreSession::new(Some(Store::open(folder, StoreOptions::default()).unwrap()))
    }

    fn write(path: &Path, content: &[u8], seconds_ago: u64) {
        std::fs::write(path, content).unwrap();
        let then = SystemTime::now() - Duration::from_secs(seconds_ago);
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(then).unwrap();
    }

    fn entries(session: &StoreSession) -> usize {
        session.store.as_ref().unwrap().usage().unwrap().entries
    }

    #[test]
    fn a_model_changed_under_the_same_name_is_another_model() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights");
        let session = session(&folder.path().join("cache"));
        write(&weights, b"old", 100);
        let old = session.component(&origin(&weights)).unwrap();
        assert_eq!(session.component(&origin(&weights)), Some(old));
        assert_eq!(entries(&session), 1, "its hash is remembered");
        write(&weights, b"new", 50);
        assert_ne!(session.component(&origin(&weights)), Some(old));
        write(&weights, b"old", 20);
        assert_eq!(session.component(&origin(&weights)), Some(old));
        assert_eq!(entries(&session), 3);
    }

    #[test]
    fn a_file_written_just_now_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights");
        let session = session(&folder.path().join("cache"));
        write(&weights, b"old", 0);
        assert!(session.component(&origin(&weights)).is_some());
        assert_eq!(entries(&session), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"in the way").unwrap();
        let store = Store::at(&file.join("cache"), StoreOptions::default()).unwrap();
        let session = StoreSession::new(Some(store));
        let key = KeyBuilder::new("test").finish();
        for _ in 0..3 {
            session.save(EntryKind::Frame, &key, || b"a payload".to_vec());
        }
        let notices = session.take_notices();
        assert!(
            matches!(notices[..], [StoreError::Write { .. }]),
            "{notices:?}"
        );
        assert!(session.take_notices().is_empty());
    }

    #[test]
    fn without_a_store_nothing_is_found_and_nothing_told() {
        let session = StoreSession::new(None);
        let key = KeyBuilder::new("test").finish();
        session.save(EntryKind::Frame, &key, || unreachable!());
        assert!(
            session
                .load(EntryKind::Frame, &key, 10, |_| Ok(()))
                .is_none()
        );
        assert!(!session.contains(&key) && !session.is_on());
        assert!(session.take_notices().is_empty());
    }
}
