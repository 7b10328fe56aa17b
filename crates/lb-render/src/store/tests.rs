use std::fs;
use std::time::Duration;

use super::key::KeyBuilder;
use super::*;

const KIND: EntryKind = EntryKind::Frame;

fn key(number: u64) -> Key {
    KeyBuilder::new("test").number(number).finish()
}

fn store(folder: &Path) -> Store {
    Store::open(folder, StoreOptions::default()).unwrap()
}

fn small(folder: &Path) -> Store {
    let limit = StoreOptions::SMALLEST_LIMIT;
    Store::open(folder, StoreOptions { limit }).unwrap()
}

fn age(path: &Path, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(then)
        .unwrap();
}

#[test]
fn what_was_saved_is_loaded_by_whoever_opens_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path());
    assert!(first.load(KIND, &key(1), 100).unwrap().is_none());
    assert!(!first.contains(&key(1)));
    first.save(KIND, &key(1), b"one").unwrap();
    let second = store(folder.path());
    assert!(second.contains(&key(1)));
    assert_eq!(second.load(KIND, &key(1), 100).unwrap().unwrap(), b"one");
    assert!(second.load(KIND, &key(2), 100).unwrap().is_none());
    assert_eq!(second.usage().unwrap().entries, 1);
}

#[test]
fn nothing_is_made_before_it_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let later = folder.path().join("later");
    let store = Store::at(&later, StoreOptions::default()).unwrap();
    assert!(store.load(KIND, &key(1), 100).unwrap().is_none());
    assert_eq!(store.usage().unwrap(), StoreUsage::default());
    assert!(!later.exists());
    store.save(KIND, &key(1), b"one").unwrap();
    assert!(store.contains(&key(1)));
}

#[test]
fn a_damaged_entry_is_told_once_and_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let path = store.path(&key(1));
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(60),
        |bytes| bytes[58] ^= 4,
        |bytes| bytes[48..56].copy_from_slice(&(u64::MAX / 2).to_le_bytes()),
        Vec::clear,
    ];
    let mut told = Vec::new();
    for damage in damages {
        store.save(KIND, &key(1), b"one result").unwrap();
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        told.push(store.load(KIND, &key(1), 1000).unwrap_err().to_string());
        assert!(!path.exists());
        assert!(store.load(KIND, &key(1), 1000).unwrap().is_none());
    }
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 4, "each has its own words: {told:#?}");
}

#[test]
fn what_is_no_file_is_no_entry() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    fs::create_dir_all(store.path(&key(1))).unwrap();
    assert!(store.load(KIND, &key(1), 100).unwrap().is_none());
    assert!(matches!(
        store.save(KIND, &key(1), b"one"),
        Err(StoreError::Write { .. })
    ));
}

#[test]
fn the_limit_holds_and_what_is_used_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(folder.path());
    let payload = vec![7; 50_000];
    for number in 0..100 {
        store.save(KIND, &key(number), &payload).unwrap();
        age(&store.path(&key(number)), 1000 - number);
        // The first one is used all the time.
        let first = store.load(KIND, &key(0), 50_000).unwrap();
        assert!(first.is_some(), "after {number} others");
        let bytes = store.usage().unwrap().bytes;
        assert!(bytes <= StoreOptions::SMALLEST_LIMIT, "{bytes} bytes");
    }
    assert!(store.contains(&key(99)));
    assert!(!store.contains(&key(1)), "the one used longest ago");
    let gone = (1..100)
        .find(|&number| store.contains(&key(number)))
        .unwrap();
    let kept = (gone..100).all(|number| store.contains(&key(number)));
    assert!(kept, "removed in the order of use");
}

#[test]
fn one_result_alone_may_not_take_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(folder.path());
    let large = vec![0; StoreOptions::SMALLEST_LIMIT as usize];
    let error = store.save(KIND, &key(1), &large).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    let limit = 1000;
    let error = Store::open(folder.path(), StoreOptions { limit }).unwrap_err();
    assert!(
        matches!(error, StoreError::Limit { found: 1000 }),
        "{error}"
    );
}

#[test]
fn what_a_killed_process_left_is_removed_after_an_hour_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let shard = folder.path().join("entries/ab");
    fs::create_dir_all(&shard).unwrap();
    let file = |name: &str, seconds| {
        let path = shard.join(name);
        fs::write(&path, b"half").unwrap();
        age(&path, seconds);
        path
    };
    let old = file(".lb-1.partial", 3700);
    let young = file(".lb-2.partial", 3500);
    let foreign = file("notes.txt", 1_000_000);
    store(folder.path()).save(KIND, &key(1), b"one").unwrap();
    assert!(!old.exists());
    assert!(young.exists() && foreign.exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_told_at_once_if_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"in the way").unwrap();
    let below = file.join("cache");
    let error = Store::open(&below, StoreOptions::default()).unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error}");
    let lazy = Store::at(&below, StoreOptions::default()).unwrap();
    assert!(lazy.load(KIND, &key(1), 100).unwrap().is_none());
    let error = lazy.save(KIND, &key(1), b"one").unwrap_err();
    assert!(matches!(error, StoreError::Write { .. }), "{error}");
}

#[test]
fn many_writers_and_readers_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let payload = |number: u64| vec![number as u8; 20_000];
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = small(folder.path());
                for round in 0..150_u64 {
                    let number = round % 60;
                    if let Some(found) = store.load(KIND, &key(number), 20_000).unwrap() {
                        assert_eq!(found, payload(number));
                    }
                    store.save(KIND, &key(number), &payload(number)).unwrap();
                }
            });
        }
    });
    let bytes = store(folder.path()).usage().unwrap().bytes;
    assert!(
        bytes <= 3 * StoreOptions::SMALLEST_LIMIT / 2,
        "{bytes} bytes"
    );
}

#[test]
fn an_entry_takes_half_of_the_folder_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(folder.path());
    let half = StoreOptions::SMALLEST_LIMIT as usize / 2;
    let overhead = entry::entry_length(0) as usize;
    store
        .save(KIND, &key(1), &vec![7; half - overhead])
        .unwrap();
    let refused = store.save(KIND, &key(2), &vec![7; half - overhead + 1]);
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
}

#[test]
fn files_of_others_are_neither_counted_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = small(folder.path());
    store.save(KIND, &key(1), b"one").unwrap();
    let stranger = store.path(&key(1)).with_file_name("notes.txt");
    fs::write(&stranger, vec![0; 2_000_000]).unwrap();
    age(&stranger, 1_000_000);
    assert_eq!(store.usage().unwrap().entries, 1);
    small(folder.path()).save(KIND, &key(2), b"two").unwrap();
    assert!(stranger.exists() && store.contains(&key(1)));
}
