use std::fs::{self, File};
use std::time::Duration;

use super::*;
use crate::key::EntryKind;

fn key(number: u64) -> Key {
    Key::of(EntryKind::new("test", 1), &number)
}

fn open(folder: &Path) -> Cache {
    Cache::open(folder, Cache::DEFAULT_LIMIT).unwrap()
}

fn small(folder: &Path) -> Cache {
    Cache::open(folder, Cache::SMALLEST_LIMIT).unwrap()
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
fn a_saved_entry_is_found_by_every_cache_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    assert!(first.load(&key(1), 100).unwrap().is_none());
    assert!(!first.contains(&key(1)));
    first.save(&key(1), b"one").unwrap();
    let second = open(folder.path());
    assert!(second.contains(&key(1)));
    assert_eq!(second.load(&key(1), 100).unwrap().unwrap(), b"one");
    assert!(second.load(&key(2), 100).unwrap().is_none());
    assert_eq!(second.usage().unwrap().entries, 1);
}

#[test]
fn the_folder_is_created_when_something_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let later = folder.path().join("later");
    let cache = Cache::at(&later, Cache::DEFAULT_LIMIT).unwrap();
    assert!(cache.load(&key(1), 100).unwrap().is_none());
    assert_eq!(cache.usage().unwrap(), CacheUsage::default());
    assert!(!later.exists());
    cache.save(&key(1), b"one").unwrap();
    assert!(cache.contains(&key(1)));
}

#[test]
fn a_damaged_entry_is_reported_once_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    let path = cache.path(&key(1));
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(60),
        |bytes| bytes[58] ^= 4,
        |bytes| bytes[48..56].copy_from_slice(&(u64::MAX / 2).to_le_bytes()),
        Vec::clear,
    ];
    let mut messages = Vec::new();
    for damage in damages {
        cache.save(&key(1), b"one result").unwrap();
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        messages.push(cache.load(&key(1), 1000).unwrap_err().to_string());
        assert!(!path.exists());
        assert!(cache.load(&key(1), 1000).unwrap().is_none());
    }
    messages.sort();
    messages.dedup();
    assert_eq!(
        messages.len(),
        4,
        "each damage has its own message: {messages:#?}"
    );
}

#[test]
fn a_folder_in_place_of_an_entry_concerns_no_other_entry() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path());
    fs::create_dir_all(cache.path(&key(1)).join("mine")).unwrap();
    assert!(cache.load(&key(1), 100).unwrap().is_none());
    assert!(matches!(
        cache.save(&key(1), b"one"),
        Err(CacheError::Occupied { .. })
    ));
    cache.save(&key(2), b"two").unwrap();
    // An empty one gives way.
    fs::remove_dir(cache.path(&key(1)).join("mine")).unwrap();
    cache.save(&key(1), b"one").unwrap();
    assert_eq!(cache.load(&key(1), 100).unwrap().unwrap(), b"one");
    // So it is with a file in place of a folder of entries.
    let shard = cache.path(&key(3)).parent().unwrap().to_owned();
    let _if_there = fs::remove_dir_all(&shard);
    fs::write(&shard, "mine").unwrap();
    let refused = cache.save(&key(3), b"three");
    assert!(matches!(refused, Err(CacheError::Occupied { .. })));
    assert_eq!(fs::read(&shard).unwrap(), b"mine");
}

#[cfg(unix)]
#[test]
fn links_in_the_folder_are_not_followed() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let mine = outside.path().join("mine");
    let cache = small(&folder.path().join("cache"));
    // Whole entries, but somebody else's.
    let other = open(outside.path());
    for number in 0..2 {
        other.save(&key(number), b"forged").unwrap();
        let path = cache.path(&key(number));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(other.path(&key(number)), path).unwrap();
    }
    assert!(cache.load(&key(0), 100).unwrap().is_none());
    cache.save(&key(0), b"one").unwrap();
    assert_eq!(cache.load(&key(0), 100).unwrap().unwrap(), b"one");
    assert_eq!(other.load(&key(0), 100).unwrap().unwrap(), b"forged");

    // A folder of entries, which is recognised by its two digits.
    let number = (2..).find(|&number| !cache.path(&key(number)).parent().unwrap().exists());
    let number = key(number.unwrap());
    symlink(outside.path(), cache.path(&number).parent().unwrap()).unwrap();
    let refused = cache.save(&number, b"outside");
    assert!(matches!(refused, Err(CacheError::Occupied { .. })));

    // The lock, which is needed as soon as entries have to be removed.
    fs::write(&mine, "mine").unwrap();
    symlink(&mine, folder.path().join("cache/lock")).unwrap();
    let payload = vec![7; 100_000];
    for number in 100..120 {
        if !cache.path(&key(number)).parent().unwrap().is_symlink() {
            cache.save(&key(number), &payload).unwrap();
        }
    }
    assert!(cache.usage().unwrap().bytes <= Cache::SMALLEST_LIMIT);
    assert_eq!(fs::read(&mine).unwrap(), b"mine");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 2);
}

#[test]
fn the_limit_is_kept_and_used_entries_stay() {
    let folder = tempfile::tempdir().unwrap();
    let cache = small(folder.path());
    let payload = vec![7; 50_000];
    for number in 0..100 {
        cache.save(&key(number), &payload).unwrap();
        age(&cache.path(&key(number)), 1000 - number);
        // The first entry is used again and again.
        let first = cache.load(&key(0), 50_000).unwrap();
        assert!(first.is_some(), "after {number} others");
        let bytes = cache.usage().unwrap().bytes;
        assert!(bytes <= Cache::SMALLEST_LIMIT, "{bytes} bytes");
    }
    assert!(cache.contains(&key(99)));
    assert!(!cache.contains(&key(1)), "the one used longest ago");
    let gone = (1..100)
        .find(|&number| cache.contains(&key(number)))
        .unwrap();
    let kept = (gone..100).all(|number| cache.contains(&key(number)));
    assert!(kept, "removed in the order of use");
}

#[test]
fn one_result_alone_may_not_fill_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cache = small(folder.path());
    let large = vec![0; Cache::SMALLEST_LIMIT as usize];
    let error = cache.save(&key(1), &large).unwrap_err();
    assert!(matches!(error, CacheError::TooLarge { .. }), "{error}");
    let error = Cache::open(folder.path(), 1000).unwrap_err();
    assert!(
        matches!(error, CacheError::Limit { found: 1000, .. }),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn temporary_files_that_nobody_writes_are_removed_after_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let entries = folder.path().join("entries");
    let shard = entries.join("ab");
    fs::create_dir_all(&shard).unwrap();
    let file = |path: PathBuf, seconds| {
        fs::write(&path, b"half").unwrap();
        age(&path, seconds);
        path
    };
    let old = [&entries, &shard].map(|folder| file(folder.join(".lb-Abc123.partial"), 3700));
    let young = file(shard.join(".lb-Abc124.partial"), 3500);
    let foreign = file(shard.join("notes.txt"), 1_000_000);
    let writing = lb_files::temporary_file_in(&shard).unwrap();
    age(writing.path(), 1_000_000);
    open(folder.path()).save(&key(1), b"one").unwrap();
    assert!(old.iter().all(|path| !path.exists()));
    assert!(writing.path().exists() && foreign.exists() && young.exists());
}

/// Fills a folder with this many entries of this many bytes, the lower numbers used longer ago.
fn fill(cache: &Cache, count: u64, bytes: u64) {
    let now = SystemTime::now();
    for number in 0..count {
        let path = cache.path(&key(number));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = File::create(path).unwrap();
        file.set_len(bytes).unwrap();
        let age = Duration::from_secs(10 + count - number);
        file.set_modified(now - age).unwrap();
    }
}

/// With `LB_TEST_ENTRIES=100000`, this is the largest cache that is thought of.
#[test]
fn no_result_waits_long_for_room() {
    let count = std::env::var("LB_TEST_ENTRIES");
    let count: u64 = count.map_or(10_000, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path(), Cache::SMALLEST_LIMIT).unwrap();
    fill(&cache, count, 200);
    let begun = std::time::Instant::now();
    cache.usage().unwrap();
    let looking = begun.elapsed();
    let payload = vec![7; 1000];
    let mut longest = Duration::ZERO;
    let mut saves = 0;
    // Every save removes some of the entries, the first ones as many as its time allows.
    while cache.usage().unwrap().bytes > Cache::SMALLEST_LIMIT {
        let begun = std::time::Instant::now();
        cache.save(&key(count + saves), &payload).unwrap();
        longest = longest.max(begun.elapsed());
        saves += 1;
        assert!(saves < 1000, "the limit is never reached");
    }
    println!("{count} entries: {longest:?} at most, {saves} saves, {looking:?} to look at all");
    let bound = 4 * looking + Duration::from_millis(400);
    assert!(longest < bound, "{longest:?} is more than {bound:?}");
    assert!(cache.contains(&key(count + saves - 1)));
    assert!(!cache.contains(&key(0)) && cache.contains(&key(count - 1)));
}

#[test]
fn while_another_process_removes_entries_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path(), Cache::SMALLEST_LIMIT).unwrap();
    fill(&cache, 2000, 1000);
    let lock = File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let begun = std::time::Instant::now();
    for number in 0..5 {
        cache.save(&key(100_000 + number), b"one").unwrap();
    }
    let waited = begun.elapsed();
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    assert!(cache.contains(&key(0)), "it may not remove anything");
    drop(lock);
    for number in 0..100 {
        cache.save(&key(200_000 + number), &[7; 1000]).unwrap();
    }
    assert!(!cache.contains(&key(0)));
}

#[test]
fn an_entry_that_is_used_while_others_are_removed_stays() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path(), Cache::SMALLEST_LIMIT).unwrap();
    fill(&cache, 2000, 1000);
    let mut room = Room::default();
    let payload = 1000;
    room.make(folder.path(), Cache::SMALLEST_LIMIT, payload)
        .unwrap();
    // Those that are to go next are used meanwhile.
    let next = room.surplus_paths();
    for path in &next {
        age(path, 0);
    }
    while !room.surplus_paths().is_empty() {
        room.make(folder.path(), Cache::SMALLEST_LIMIT, payload)
            .unwrap();
    }
    assert!(next.iter().all(|path| path.is_file()));
}

#[test]
fn open_reports_a_folder_that_cannot_be_created_and_at_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"in the way").unwrap();
    let below = file.join("cache");
    let error = Cache::open(&below, Cache::DEFAULT_LIMIT).unwrap_err();
    assert!(matches!(error, CacheError::Unusable { .. }), "{error}");
    let lazy = Cache::at(&below, Cache::DEFAULT_LIMIT).unwrap();
    assert!(lazy.load(&key(1), 100).unwrap().is_none());
    let error = lazy.save(&key(1), b"one").unwrap_err();
    assert!(matches!(error, CacheError::Write { .. }), "{error}");
}

#[test]
fn many_writers_and_readers_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let payload = |number: u64| vec![number as u8; 20_000];
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let cache = small(folder.path());
                for round in 0..150_u64 {
                    let number = round % 60;
                    if let Some(found) = cache.load(&key(number), 20_000).unwrap() {
                        assert_eq!(found, payload(number));
                    }
                    cache.save(&key(number), &payload(number)).unwrap();
                }
            });
        }
    });
    let bytes = open(folder.path()).usage().unwrap().bytes;
    assert!(bytes <= 3 * Cache::SMALLEST_LIMIT / 2, "{bytes} bytes");
}

#[test]
fn an_entry_takes_half_of_the_folder_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let cache = small(folder.path());
    let half = Cache::SMALLEST_LIMIT as usize / 2;
    let overhead = entry::entry_length(0) as usize;
    cache.save(&key(1), &vec![7; half - overhead]).unwrap();
    let refused = cache.save(&key(2), &vec![7; half - overhead + 1]);
    assert!(matches!(refused, Err(CacheError::TooLarge { .. })));
}

#[test]
fn foreign_files_are_neither_counted_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let cache = small(folder.path());
    cache.save(&key(1), b"one").unwrap();
    let stranger = cache.path(&key(1)).with_file_name("notes.txt");
    fs::write(&stranger, vec![0; 2_000_000]).unwrap();
    age(&stranger, 1_000_000);
    assert_eq!(cache.usage().unwrap().entries, 1);
    small(folder.path()).save(&key(2), b"two").unwrap();
    assert!(stranger.exists() && cache.contains(&key(1)));
}
