//! What `lb` keeps for itself, and what another user of a shared folder may have put in its place.

use lb_cache::{Cache, EntryKind, Key};
use lb_job::{Job, RenderRate};
use lb_render::testing;

use crate::scratch::Scratch;

const KIND: EntryKind = EntryKind::new("fuzzing", 1);

/// The longest payload that is asked for.
const LONGEST_PAYLOAD: u64 = 1 << 16;

thread_local! {
    static FOLDER: Scratch = Scratch::new();
}

/// Where the entry of a key is, below the folder of a cache.
fn place(key: &Key) -> String {
    let name = key.to_string();
    let (shard, rest) = name.split_at(2);
    format!("entries/{shard}/{rest}")
}

/// Puts the bytes where an entry is looked for, and loads it.
pub(crate) fn cache_entry(bytes: &[u8]) {
    FOLDER.with(|folder| {
        let key = Key::of(KIND, "entry");
        let path = folder.path().join(place(&key));
        let parent = path.parent().expect("entries are in folders");
        std::fs::create_dir_all(parent).expect("the folder can be made");
        std::fs::write(&path, bytes).expect("the input can be written");
        let cache = Cache::at(folder.path(), Cache::DEFAULT_LIMIT).expect("the limit is allowed");
        let _ = cache.load(&key, LONGEST_PAYLOAD);
    });
}

pub(crate) fn cache_entry_seeds() -> Vec<Vec<u8>> {
    let folder = Scratch::new();
    let cache = Cache::open(folder.path(), Cache::DEFAULT_LIMIT).expect("the folder is writable");
    let key = Key::of(KIND, "entry");
    let entry = |payload: &[u8]| {
        cache.save(&key, payload).expect("the folder is writable");
        std::fs::read(folder.path().join(place(&key))).expect("it was saved")
    };
    vec![entry(b""), entry(b"payload")]
}

/// Decodes the payload of an entry whose checksum was correct.
pub(crate) fn cached_result(bytes: &[u8]) {
    if let Some((&kind, payload)) = bytes.split_first() {
        testing::decode_entry(kind, payload);
    }
}

pub(crate) fn cached_result_seeds() -> Vec<Vec<u8>> {
    testing::entries()
}

/// The text with the position of a frame in the PNG file of the frame.
pub(crate) fn frame_position(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = testing::parse_frame_position(text);
    }
}

pub(crate) fn frame_position_seeds() -> Vec<Vec<u8>> {
    vec![b"transition = 3\nfraction = 0.25\n".to_vec()]
}

/// The rates that are remembered for estimates of time, and the film that they allow.
pub(crate) fn rates(bytes: &[u8]) {
    let Ok(rates) = serde_json::from_slice::<Vec<RenderRate>>(bytes) else {
        return;
    };
    let job = Job::of_prompts(["a", "b"]);
    if let Ok(film) = job.within(10.0, Some(&rates), true) {
        assert!(!film.fits || film.expected_seconds.is_some_and(|seconds| seconds <= 10.0));
    }
}

pub(crate) fn rates_seeds() -> Vec<Vec<u8>> {
    vec![br#"[{"per_row": 0.01, "per_decode": 0.5, "beside": 2}]"#.to_vec()]
}
