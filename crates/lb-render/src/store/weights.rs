//! Names of a model's components: by what their files hold.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lb_models::ComponentOrigin;
use sha2::{Digest, Sha256};

use super::entry::{Damage, EntryKind};
use super::error::StoreError;
use super::key::{Key, KeyBuilder};
use super::session::StoreSession;
use crate::error::RenderError;
use crate::observe::{RenderEvent, RenderObserver};

impl StoreSession {
    /// The name of a component as it is now: other weights, another runtime or device, another
    /// name. `None` without a store, and where the weights cannot be read.
    ///
    /// # Errors
    /// [`RenderError::Interrupted`] if the observer says so while weights are read.
    pub(crate) fn component(
        &self,
        origin: &ComponentOrigin,
        observer: &mut dyn RenderObserver,
    ) -> Result<Option<Key>, RenderError> {
        if !self.is_on() {
            return Ok(None);
        }
        let mut key = KeyBuilder::new("component").bytes(&origin.description);
        for path in &origin.files {
            match self.file(path, observer) {
                Ok(ControlFlow::Continue(digest)) => key = key.key(&digest),
                Ok(ControlFlow::Break(())) => return Err(RenderError::Interrupted),
                Err(error) => {
                    self.note(StoreError::read(path)(error));
                    return Ok(None);
                }
            }
        }
        Ok(Some(key.finish()))
    }

    /// The hash of a file's content, remembered for as long as the file does not change.
    fn file(
        &self,
        path: &Path,
        observer: &mut dyn RenderObserver,
    ) -> io::Result<ControlFlow<(), Key>> {
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
            return Ok(ControlFlow::Continue(known));
        }
        tracing::info!("reading {} once, to know it again", path.display());
        let total = metadata.len();
        let flow = digest(&mut file, |done| {
            let path = &path;
            observer.event(&RenderEvent::Weights { path, done, total })
        })?;
        let ControlFlow::Continue(digest) = flow else {
            return Ok(flow);
        };
        // What was written a moment ago may be written again without looking any different.
        let age = SystemTime::now().duration_since(changed);
        if age.is_ok_and(|age| age > SETTLED) {
            let payload = || digest.bytes().to_vec();
            self.save(EntryKind::Digest, &identity, payload);
        }
        Ok(flow)
    }
}

/// Longer than the coarsest clock of a file system ticks.
const SETTLED: Duration = Duration::from_secs(2);

/// The hash of all bytes. After every mebibyte, `proceed` is told how many have been read.
fn digest(
    file: &mut impl Read,
    mut proceed: impl FnMut(u64) -> ControlFlow<()>,
) -> io::Result<ControlFlow<(), Key>> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        match file.read(&mut block) {
            Ok(0) => {
                let key = Key::from_bytes(hash.finalize().into());
                return Ok(ControlFlow::Continue(key));
            }
            Ok(read) => {
                hash.update(&block[..read]);
                done += read as u64;
                if proceed(done).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
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
    use crate::store::{Store, StoreOptions};

    fn origin(path: &Path) -> ComponentOrigin {
        ComponentOrigin {
            description: b"unet".to_vec(),
            files: vec![path.to_path_buf()],
        }
    }

    fn write(path: &Path, content: &[u8], seconds_ago: u64) {
        std::fs::write(path, content).unwrap();
        let then = SystemTime::now() - Duration::from_secs(seconds_ago);
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(then).unwrap();
    }

    fn entries(folder: &Path) -> usize {
        let store = Store::open(&folder.join("cache"), StoreOptions::default());
        store.unwrap().usage().unwrap().entries
    }

    fn session(folder: &Path) -> StoreSession {
        StoreSession::new(Some(Store::open(folder, StoreOptions::default()).unwrap()))
    }

    fn component(session: &StoreSession, weights: &Path) -> Option<Key> {
        session.component(&origin(weights), &mut ()).unwrap()
    }

    /// Stops at this many bytes.
    struct StopAt(u64);

    impl RenderObserver for StopAt {
        fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
            match event {
                RenderEvent::Weights { done, .. } if *done >= self.0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }

    #[test]
    fn reading_weights_can_be_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights");
        let session = session(&folder.path().join("cache"));
        write(&weights, b"", 100);
        // Reading all of it would take an hour.
        File::options()
            .write(true)
            .open(&weights)
            .and_then(|file| file.set_len(1 << 42))
            .unwrap();
        let interrupted = session.component(&origin(&weights), &mut StopAt(3 << 20));
        assert!(matches!(interrupted, Err(RenderError::Interrupted)));
        assert_eq!(entries(folder.path()), 0);
        assert!(session.take_notices().is_empty());
    }

    #[test]
    fn a_model_changed_under_the_same_name_is_another_model() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights");
        let session = session(&folder.path().join("cache"));
        write(&weights, b"old", 100);
        let old = component(&session, &weights).unwrap();
        assert_eq!(component(&session, &weights), Some(old));
        assert_eq!(entries(folder.path()), 1, "its hash is remembered");
        write(&weights, b"new", 50);
        assert_ne!(component(&session, &weights), Some(old));
        write(&weights, b"old", 20);
        assert_eq!(component(&session, &weights), Some(old));
        assert_eq!(entries(folder.path()), 3);
    }

    #[test]
    fn a_file_written_just_now_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights");
        let session = session(&folder.path().join("cache"));
        write(&weights, b"old", 0);
        assert!(component(&session, &weights).is_some());
        assert_eq!(entries(folder.path()), 0);
    }
}
