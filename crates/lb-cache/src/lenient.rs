//! A cache whose failures do not stop the work.

use std::cell::RefCell;
use std::io;

use crate::cache::Cache;
use crate::entry::CacheEntry;
use crate::error::CacheError;
use crate::key::Key;

/// A cache, or none, for one piece of work, such as a render. Problems are collected, so that the caller
/// can report them, and the work continues without the cache or without one of its entries.
#[derive(Debug)]
pub struct LenientCache {
    cache: Option<Cache>,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Problems that were not reported yet.
    problems: Vec<CacheError>,
    /// Whether writing has failed. If so, it is not tried again.
    is_closed: bool,
    /// Whether a result was too large. This is only reported once.
    has_reported_large: bool,
    /// Whether an entry could not be read. There may be as many as another user has written, and this is
    /// only reported for the first.
    has_reported_unreadable: bool,
    /// Whether an entry alone could not be written. This is only reported for the first as well.
    has_reported_occupied: bool,
}

impl State {
    /// Whether a problem is the first of its kind, or of a kind of which each is reported.
    fn is_news(&mut self, problem: &CacheError) -> bool {
        let is_refused = |source: &io::Error| source.kind() == io::ErrorKind::PermissionDenied;
        let has_reported = match problem {
            CacheError::TooLarge { .. } => &mut self.has_reported_large,
            CacheError::Read { .. } => &mut self.has_reported_unreadable,
            CacheError::Occupied { .. } => &mut self.has_reported_occupied,
            CacheError::Write { source, .. } if is_refused(source) => {
                &mut self.has_reported_occupied
            }
            _ => return true,
        };
        !std::mem::replace(has_reported, true)
    }
}

/// Results of [`LenientCache::memoize`]: some were found, and the others were computed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Memoized<T> {
    /// One result for each key, in the order of the keys.
    pub values: Vec<T>,
    /// How many of them were in the cache.
    pub found: usize,
}

impl LenientCache {
    /// Uses this cache, or none.
    #[must_use]
    pub fn new(cache: Option<Cache>) -> Self {
        Self {
            cache,
            state: RefCell::default(),
        }
    }

    /// Whether there is a cache at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.cache.is_some()
    }

    /// The problems since the last call.
    #[must_use]
    pub fn take_problems(&self) -> Vec<CacheError> {
        std::mem::take(&mut self.state.borrow_mut().problems)
    }

    pub(crate) fn add_problem(&self, problem: CacheError) {
        let mut state = self.state.borrow_mut();
        if state.is_news(&problem) {
            state.problems.push(problem);
        }
    }

    /// Whether there is an entry under this key. Its content is not looked at.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        self.cache.as_ref().is_some_and(|cache| cache.contains(key))
    }

    /// The result under this key, if there is an undamaged entry.
    pub fn load<E: CacheEntry>(&self, entry: &E, key: &Key) -> Option<E::Value> {
        let cache = self.cache.as_ref()?;
        let loaded = cache
            .load(key, entry.longest_payload() as u64)
            .and_then(|payload| {
                let decoded = payload.map(|payload| entry.decode(&payload));
                decoded
                    .transpose()
                    .map_err(|damage| cache.remove_damaged(key, damage))
            });
        loaded.unwrap_or_else(|problem| {
            self.add_problem(problem);
            None
        })
    }

    /// Saves a result. A failure is collected as a problem.
    pub fn save<E: CacheEntry>(&self, entry: &E, key: &Key, value: &E::Value) {
        let Some(cache) = &self.cache else {
            return;
        };
        if self.state.borrow().is_closed {
            return;
        }
        let Err(problem) = cache.save(key, &entry.encode(value)) else {
            return;
        };
        let is_of_this_entry = matches!(
            problem,
            CacheError::TooLarge { .. } | CacheError::Occupied { .. }
        );
        self.state.borrow_mut().is_closed |= !is_of_this_entry;
        self.add_problem(problem);
    }

    /// The results under all of these keys. Missing results are computed by one call of `compute` and
    /// saved. `compute` receives their indices and returns one result for each; it is not called if
    /// none is missing. A result whose key is `None` is always computed and never
    /// saved.
    ///
    /// # Errors
    /// Those of `compute`, and [`CacheError::ResultCount`] if it returns the wrong number of results.
    pub fn memoize<E: CacheEntry, F: From<CacheError>>(
        &self,
        entry: &E,
        keys: &[Option<Key>],
        compute: impl FnOnce(&[usize]) -> Result<Vec<E::Value>, F>,
    ) -> Result<Memoized<E::Value>, F> {
        self.memoize_each(|_| entry, keys, compute)
    }

    /// As [`Self::memoize`], for results of different shapes: `entry` makes the entry of the key with this
    /// index.
    ///
    /// # Errors
    /// Those of [`Self::memoize`].
    pub fn memoize_each<E: CacheEntry, F: From<CacheError>>(
        &self,
        entry: impl Fn(usize) -> E,
        keys: &[Option<Key>],
        compute: impl FnOnce(&[usize]) -> Result<Vec<E::Value>, F>,
    ) -> Result<Memoized<E::Value>, F> {
        let mut results: Vec<Option<E::Value>> = keys
            .iter()
            .enumerate()
            .map(|(index, key)| self.load(&entry(index), key.as_ref()?))
            .collect();
        let missing: Vec<usize> = (0..keys.len())
            .filter(|&index| results[index].is_none())
            .collect();
        let found = keys.len() - missing.len();
        if !missing.is_empty() {
            let computed = compute(&missing)?;
            if computed.len() != missing.len() {
                let mismatch = CacheError::ResultCount {
                    kind: E::KIND.name(),
                    found: computed.len(),
                    expected: missing.len(),
                };
                return Err(mismatch.into());
            }
            for (index, value) in missing.into_iter().zip(computed) {
                if let Some(key) = &keys[index] {
                    self.save(&entry(index), key, &value);
                }
                results[index] = Some(value);
            }
        }
        let values: Vec<E::Value> = results.into_iter().flatten().collect();
        debug_assert_eq!(values.len(), keys.len());
        Ok(Memoized { values, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Damage;
    use crate::key::EntryKind;

    /// Single bytes other than 13.
    struct Bytes;

    impl CacheEntry for Bytes {
        type Value = u8;
        const KIND: EntryKind = EntryKind::new("byte", 1);

        fn longest_payload(&self) -> usize {
            1
        }

        fn encode(&self, value: &u8) -> Vec<u8> {
            vec![*value]
        }

        fn decode(&self, payload: &[u8]) -> Result<u8, Damage> {
            match payload {
                [13] => Err(Damage::Content("it is 13")),
                [value] => Ok(*value),
                _ => Err(Damage::Content("it is no byte")),
            }
        }
    }

    fn key(number: u8) -> Key {
        Key::of(Bytes::KIND, &number)
    }

    fn open(folder: &std::path::Path) -> LenientCache {
        LenientCache::new(Some(Cache::open(folder, Cache::DEFAULT_LIMIT).unwrap()))
    }

    fn doubled(
        cache: &LenientCache,
        numbers: &[u8],
    ) -> Result<(Memoized<u8>, Vec<usize>), CacheError> {
        let keys: Vec<Option<Key>> = numbers.iter().map(|&number| Some(key(number))).collect();
        let mut asked = Vec::new();
        let memoized = cache.memoize(&Bytes, &keys, |missing| {
            asked = missing.to_vec();
            Ok::<_, CacheError>(missing.iter().map(|&index| 2 * numbers[index]).collect())
        })?;
        Ok((memoized, asked))
    }

    #[test]
    fn only_what_is_missing_is_computed_and_the_order_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path());
        let (memoized, asked) = doubled(&cache, &[1, 2, 3]).unwrap();
        assert_eq!((memoized.values, memoized.found), (vec![2, 4, 6], 0));
        assert_eq!(asked, [0, 1, 2]);
        let (memoized, asked) = doubled(&cache, &[4, 2, 5, 3]).unwrap();
        assert_eq!((memoized.values, memoized.found), (vec![8, 4, 10, 6], 2));
        assert_eq!(asked, [0, 2]);
        let nothing = cache.memoize(&Bytes, &[Some(key(5))], |_| -> Result<_, CacheError> {
            unreachable!("everything is there")
        });
        assert_eq!(nothing.unwrap().values, [10]);
        assert!(cache.take_problems().is_empty());
    }

    #[test]
    fn a_computation_that_loses_a_result_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path());
        for results in [vec![1], vec![1, 2, 3]] {
            let keys = [Some(key(1)), None];
            let memoized = cache.memoize(&Bytes, &keys, |_| Ok::<_, CacheError>(results));
            let error = memoized.unwrap_err();
            assert!(
                matches!(error, CacheError::ResultCount { expected: 2, .. }),
                "{error}"
            );
            assert!(!cache.contains(&key(1)));
        }
    }

    #[test]
    fn an_entry_that_cannot_be_decoded_is_reported_and_computed_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path());
        cache.save(&Bytes, &key(1), &13);
        let (memoized, asked) = doubled(&cache, &[1]).unwrap();
        assert_eq!((memoized.values, asked), (vec![2], vec![0]));
        let problems = cache.take_problems();
        assert!(
            matches!(problems[..], [CacheError::Damaged { .. }]),
            "{problems:?}"
        );
        assert_eq!(cache.load(&Bytes, &key(1)), Some(2));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"in the way").unwrap();
        let cache = Cache::at(&file.join("cache"), Cache::DEFAULT_LIMIT).unwrap();
        let cache = LenientCache::new(Some(cache));
        for _ in 0..3 {
            cache.save(&Bytes, &key(1), &1);
        }
        let problems = cache.take_problems();
        assert!(
            matches!(problems[..], [CacheError::Write { .. }]),
            "{problems:?}"
        );
        assert!(cache.take_problems().is_empty());
    }

    #[test]
    fn without_a_cache_nothing_is_found_and_nothing_reported() {
        let cache = LenientCache::new(None);
        cache.save(&Bytes, &key(1), &1);
        assert!(cache.load(&Bytes, &key(1)).is_none());
        assert!(!cache.contains(&key(1)) && !cache.is_on());
        let (memoized, _) = doubled(&cache, &[1]).unwrap();
        assert_eq!((memoized.values, memoized.found), (vec![2], 0));
        assert!(cache.take_problems().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn entries_that_cannot_be_read_are_reported_once() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path());
        let numbers: Vec<u8> = (0..10).collect();
        doubled(&cache, &numbers).unwrap();
        let shards = std::fs::read_dir(folder.path().join("entries")).unwrap();
        let mut files: Vec<_> = shards
            .flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap())
            .map(|file| file.unwrap().path())
            .collect();
        let closed = std::fs::Permissions::from_mode(0o000);
        for file in &files {
            std::fs::set_permissions(file, closed.clone()).unwrap();
        }
        if std::fs::read(files.pop().unwrap()).is_ok() {
            eprintln!("skipped: this user may read everything");
            return;
        }
        let (memoized, asked) = doubled(&cache, &numbers).unwrap();
        assert_eq!((asked.len(), memoized.found), (10, 0));
        let problems = cache.take_problems();
        assert!(
            matches!(problems[..], [CacheError::Read { .. }]),
            "{problems:?}"
        );
    }

    #[test]
    fn what_concerns_one_entry_is_reported_once_and_the_others_are_saved() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path());
        let all = Cache::open(folder.path(), Cache::DEFAULT_LIMIT).unwrap();
        let path = |number: u8| {
            let name = key(number).to_string();
            folder
                .path()
                .join("entries")
                .join(&name[..2])
                .join(&name[2..])
        };
        for number in [1, 2] {
            std::fs::create_dir_all(path(number).join("mine")).unwrap();
        }
        doubled(&cache, &[1, 2, 3]).unwrap();
        let problems = cache.take_problems();
        assert!(
            matches!(problems[..], [CacheError::Occupied { .. }]),
            "{problems:?}"
        );
        assert!(all.contains(&key(3)) && !all.contains(&key(1)));
    }
}
