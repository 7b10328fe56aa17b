//! The entries of a cache folder, read without the program: in the layout that lb-cache documents
//! (`crates/lb-cache/src/entry.rs`), with the payloads that lb-render documents
//! (`crates/lb-render/src/cached_pipeline/entries.rs`).

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;

/// The tree of the films that are looked at here, whose sampling starts where no warning is called for.
pub(crate) const TREE: &[&str] = &[
    "--steps=5",
    "--branches=2,3,4",
    "--injection-steps=0,2,4",
    "--timestep-spacing=trailing",
];
/// Where its levels begin and end.
const LEVELS: [u64; 4] = [0, 2, 4, 5];
/// The steps after which a keyframe is recorded: under perceptual spacing, branches move before every
/// step.
const KEYFRAME_RECORDS: [u64; 5] = [0, 2, 3, 4, 5];

const HEADER: usize = 52;
const CHECKSUM: usize = 32;

/// Model evaluations of a keyframe of [`TREE`].
pub(crate) const KEYFRAME: u64 = 5;
/// And of the inner branches of a transition: one over two steps, two over one.
pub(crate) const TRANSITION: u64 = 2 + 2;

/// The results in a cache folder.
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

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[4 * at..4 * at + 4].try_into().unwrap()) as usize
}

/// Counts what is there. The key of an entry does not reveal its kind, but its payload does.
pub(crate) fn stored(cache: &Path) -> Stored {
    let mut stored = Stored::default();
    for path in entries(cache) {
        let bytes = std::fs::read(path).unwrap();
        stored.entries += 1;
        let payload = &bytes[HEADER..bytes.len() - CHECKSUM];
        match evaluations(payload) {
            Some(evaluations) => stored.evaluations += evaluations,
            None => stored.frames += u64::from(is_picture(payload)),
        }
    }
    stored
}

/// Branches times steps from the snapshot before to this one; nothing for a payload that is no
/// snapshot.
///
/// A snapshot begins with its step, its number of levels, the branches of each, the branches that
/// it keeps, and the channels, height and width of their latents.
fn evaluations(payload: &[u8]) -> Option<u64> {
    let step = number(payload, 0) as u64;
    let levels = number(payload, 1);
    if step > LEVELS[3] || levels >= LEVELS.len() {
        return None;
    }
    let counts: Vec<usize> = (0..levels)
        .map(|level| number(payload, 2 + level))
        .collect();
    let [kept, channels, height, width] = [2, 3, 4, 5].map(|at| number(payload, levels + at));
    let fractions = 8 * counts.iter().sum::<usize>();
    let values = 2 * 4 * kept * channels * height * width;
    assert_eq!(payload.len(), 4 * (6 + levels) + fractions + values);
    let taken = |borders: &[u64]| {
        let end = borders.iter().position(|&border| border == step).unwrap();
        borders[end] - borders[end - 1]
    };
    Some(match counts.last() {
        None => taken(&KEYFRAME_RECORDS),
        Some(&branches) => (branches as u64 - 2) * taken(&LEVELS),
    })
}

/// Whether a payload inflates to pixels: the sides of a picture are multiples of 64.
fn is_picture(payload: &[u8]) -> bool {
    let mut pixels = Vec::new();
    let inflated = DeflateDecoder::new(payload).read_to_end(&mut pixels);
    inflated.is_ok() && !pixels.is_empty() && pixels.len().is_multiple_of(3 * 64 * 64)
}
