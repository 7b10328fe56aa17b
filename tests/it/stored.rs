//! What lies in a cache folder, read without the program: the layout that lb-render documents
//! (`crates/lb-render/src/store/entry.rs` and `payload.rs`).

use std::path::{Path, PathBuf};

/// The tree of the films that are looked at here.
pub(crate) const TREE: &[&str] = &["--steps=5", "--branches=2,3,4", "--injection-steps=0,2,4"];
/// Where its levels begin and end.
const LEVELS: [u64; 4] = [0, 2, 4, 5];
/// Where its keyframes are recorded: where branches are placed, which perceptual spacing does before
/// every step.
const KEYFRAME_RECORDS: [u64; 5] = [0, 2, 3, 4, 5];

const HEADER: usize = 56;
const TRAJECTORY: u32 = 3;
const FRAME: u32 = 4;

/// Model evaluations of a keyframe of [`TREE`].
pub(crate) const KEYFRAME: u64 = 5;
/// And of the inner branches of a transition: one over two steps, two over one.
pub(crate) const TRANSITION: u64 = 2 + 2;

/// Finished work in a cache folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Stored {
    pub(crate) entries: usize,
    /// Model evaluations whose results are there, for films of [`TREE`].
    pub(crate) evaluations: u64,
    pub(crate) frames: u64,
}

/// Every whole entry.
pub(crate) fn entries(cache: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for shard in std::fs::read_dir(cache.join("entries"))
        .into_iter()
        .flatten()
    {
        let shard = shard.unwrap().path();
        // Beside the shards lies what is not finished.
        if !shard.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(shard).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none() {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

pub(crate) fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Counts what is there.
pub(crate) fn stored(cache: &Path) -> Stored {
    let mut stored = Stored::default();
    for path in entries(cache) {
        let bytes = std::fs::read(path).unwrap();
        stored.entries += 1;
        match number(&bytes, 12) {
            TRAJECTORY => stored.evaluations += evaluations(&bytes[HEADER..]),
            FRAME => stored.frames += 1,
            _ => {}
        }
    }
    stored
}

/// Branches times steps of a stretch: of a keyframe from the record before, or of a level's inner
/// branches.
fn evaluations(payload: &[u8]) -> u64 {
    let (step, levels) = (u64::from(number(payload, 0)), number(payload, 4) as usize);
    let taken = |borders: &[u64]| {
        let end = borders.iter().position(|&border| border == step).unwrap();
        borders[end] - borders[end - 1]
    };
    match levels {
        0 => taken(&KEYFRAME_RECORDS),
        levels => (u64::from(number(payload, 4 + 4 * levels)) - 2) * taken(&LEVELS),
    }
}
