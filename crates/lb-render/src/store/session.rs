//! One render's use of a store: what goes wrong is kept to be told, and stops nothing.

use std::cell::RefCell;

use super::Store;
use super::entry::{Damage, EntryKind};
use super::error::StoreError;
use super::key::Key;

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

    /// Keeps what went wrong to be told.
    pub(super) fn note(&self, problem: StoreError) {
        self.state.borrow_mut().notices.push(problem);
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreOptions;
    use crate::store::key::KeyBuilder;

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
