//! Fuzz targets: functions that read bytes as a stranger may have made them, with everything in `lb` that
//! reads such bytes.
//!
//! A target must return, whatever the bytes are: an error is as good as a result. A panic is a fault, and so
//! is an input that takes longer than [`LONGEST_RUN`] or more memory than [`MOST_MEMORY`].
//!
//! The inputs of a target come from three places: [`Target::seeds`] makes some from the fixtures of the
//! tests, the folder `corpus` contains what fuzzing found to reach other code, and the folder `past`
//! contains every input that was once a fault. The tests of this package try all of them. `cargo xtask
//! fuzz` builds a program for each target, in which libFuzzer changes these inputs and keeps the changes that
//! reach new code.

#![forbid(unsafe_code)]

mod films;
mod hubs;
mod jobs;
mod models;
#[cfg(feature = "libfuzzer")]
pub mod program;
mod results;
mod scratch;
mod weights;

use std::time::Duration;

/// The longest processor time that an input may take.
pub const LONGEST_RUN: Duration = Duration::from_secs(5);

/// The most memory in bytes that may be allocated at the same time.
pub const MOST_MEMORY: usize = 300 << 20;

/// A function that is tried with many inputs.
#[derive(Clone, Copy)]
pub struct Target {
    /// What it is called on the command line, and the name of its folders in `corpus` and `past`.
    pub name: &'static str,
    /// Reads the bytes and drops what it has read.
    pub run: fn(&[u8]),
    /// The inputs with which fuzzing begins.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets, in the order in which data flows through the program.
#[rustfmt::skip]
pub const TARGETS: &[Target] = &[
    Target { name: "hub_listing", run: hubs::listing, seeds: hubs::listing_seeds },
    Target { name: "safetensors", run: weights::safetensors, seeds: weights::safetensors_seeds },
    Target { name: "checkpoint", run: weights::checkpoint, seeds: weights::checkpoint_seeds },
    Target { name: "pickle", run: weights::pickle, seeds: weights::pickle_seeds },
    Target { name: "weights_index", run: weights::index, seeds: weights::index_seeds },
    Target { name: "configuration", run: models::configuration, seeds: models::configuration_seeds },
    Target { name: "manifest", run: models::manifest, seeds: models::manifest_seeds },
    Target { name: "licence", run: models::licence, seeds: models::licence_seeds },
    Target { name: "tokenizer", run: models::tokenizer, seeds: models::tokenizer_seeds },
    Target { name: "prompt", run: models::prompt, seeds: models::prompt_seeds },
    Target { name: "weighted_prompt", run: models::weighted_prompt, seeds: models::weighted_prompt_seeds },
    Target { name: "job", run: jobs::toml, seeds: jobs::toml_seeds },
    Target { name: "job_json", run: jobs::json, seeds: jobs::json_seeds },
    Target { name: "mp4", run: films::mp4, seeds: films::mp4_seeds },
    Target { name: "gif", run: films::gif, seeds: films::gif_seeds },
    Target { name: "webp", run: films::webp, seeds: films::webp_seeds },
    Target { name: "png", run: films::png, seeds: films::png_seeds },
    Target { name: "picture", run: films::picture, seeds: films::picture_seeds },
    Target { name: "cache_entry", run: results::cache_entry, seeds: results::cache_entry_seeds },
    Target { name: "cached_result", run: results::cached_result, seeds: results::cached_result_seeds },
    Target { name: "frame_position", run: results::frame_position, seeds: results::frame_position_seeds },
    Target { name: "rates", run: results::rates, seeds: results::rates_seeds },
];

/// The target of this name. As a constant it refers to the code of this target alone, and a program of it
/// contains no other one's.
///
/// # Panics
/// If there is no such target.
#[must_use]
pub const fn target(name: &str) -> Target {
    let mut index = 0;
    while index < TARGETS.len() {
        if is_same(TARGETS[index].name.as_bytes(), name.as_bytes()) {
            return TARGETS[index];
        }
        index += 1;
    }
    panic!("there is no target of this name")
}

/// Whether two names are equal, for constants.
const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use super::*;

    /// The inputs of a target, and what each of them is called.
    fn inputs(target: &Target) -> Vec<(String, Vec<u8>)> {
        let seeds = (target.seeds)().into_iter().enumerate();
        let mut inputs: Vec<_> = seeds
            .map(|(index, seed)| (format!("seed {index}"), seed))
            .collect();
        for folder in ["corpus", "past"] {
            for path in files(&package().join(folder).join(target.name)) {
                inputs.push((path.display().to_string(), fs::read(path).unwrap()));
            }
        }
        inputs
    }

    fn package() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }

    /// A debugging build on a busy machine takes longer than what is fuzzed.
    const PATIENCE: u32 = 4;

    #[test]
    fn every_known_input_is_read_or_refused_in_time() {
        let all: Vec<_> = TARGETS
            .iter()
            .flat_map(|target| inputs(target).into_iter().map(move |input| (target, input)))
            .collect();
        let next = AtomicUsize::new(0);
        let slow = || {
            let mut slow = Vec::new();
            while let Some((target, (name, bytes))) = all.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let name = format!("{}: {name}", target.name);
                let begun = Instant::now();
                let returned = std::panic::catch_unwind(|| (target.run)(bytes));
                assert!(returned.is_ok(), "{name} caused a panic");
                let took = begun.elapsed();
                if took > LONGEST_RUN * PATIENCE {
                    slow.push(format!("{name} took {took:?}"));
                }
            }
            slow
        };
        let slow: Vec<String> = std::thread::scope(|scope| {
            let threads = [(); 2].map(|()| scope.spawn(slow));
            let ended = threads.into_iter().map(|thread| thread.join());
            ended.flat_map(|slow| slow.expect("no panic")).collect()
        });
        assert!(slow.is_empty(), "{slow:#?}");
    }

    #[test]
    fn every_target_has_seeds_and_a_corpus_and_no_other_folder_is_there() {
        let names: BTreeSet<_> = TARGETS
            .iter()
            .map(|target| target.name.to_owned())
            .collect();
        assert_eq!(names.len(), TARGETS.len());
        for target in TARGETS {
            assert!(!(target.seeds)().is_empty(), "{}", target.name);
        }
        let folders = |of: &str| -> BTreeSet<String> {
            let folders = files(&package().join(of)).into_iter();
            folders
                .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(folders("corpus"), names);
        let programs = names.iter().map(|name| format!("{name}.rs"));
        assert_eq!(folders("fuzz_targets"), programs.collect());
        assert!(folders("past").is_subset(&names));
    }

    /// What is fetched with every clone, and tried with every run of the tests, stays small.
    #[test]
    fn the_corpus_is_small() {
        let folders = TARGETS
            .iter()
            .map(|target| package().join("corpus").join(target.name));
        let files = folders.flat_map(|folder| files(&folder));
        let bytes: u64 = files.map(|path| path.metadata().unwrap().len()).sum();
        assert!(bytes <= 600_000, "the corpus has {bytes} bytes");
    }
}
