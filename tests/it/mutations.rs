//! Five hundred model directories and checkpoints, each damaged in one way, as if by accident or on
//! purpose. Each must be refused soon and with a message, in bounded memory, without running any code
//! from it, and without leaving anything behind.
#![cfg(unix)]

mod checkpoints;
mod settings;
mod tensors;
mod tree;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use self::checkpoints::{CANARY, CHECKPOINT};
use serde_json::json;

use crate::attack::report;
use crate::broken_models::pocket;
use crate::chance::Chance;
use crate::imports::configuration;
use crate::lb::{Folder, Said};
use crate::linked::{link_folder, replace};

const DIRECTORIES: usize = 500;
/// The address space of a run in KiB: enough for the mappings of the runtime and the model, and for
/// little more.
const MOST_MEMORY: usize = 3 << 20;
/// A render without damage takes about a second; on a busy machine it may take twenty.
const LONGEST: Duration = Duration::from_secs(60);

const RENDER: [&str; 9] = [
    "render",
    "a red apple",
    "a green pear",
    "--steps=1",
    "--frames=2",
    "--device=cpu",
    "--threads=1",
    "--model=./model",
    "--output=film.mp4",
];

/// Damages the model directory, and returns a description of the damage. The files are hard links to
/// those of the bundled model, so a changed file is written as a new one.
type Mutation = fn(&Path, &mut Chance) -> String;

const MUTATIONS: [Mutation; 18] = [
    tensors::truncated,
    tensors::absurd_header_length,
    tensors::header_of_noise,
    tensors::swapped_sides,
    tensors::place_past_the_end,
    tensors::reversed_place,
    tensors::renamed,
    tensors::other_dtype,
    tensors::not_a_number,
    settings::contradiction,
    settings::nonsense,
    settings::not_json,
    settings::unusable_schedule,
    settings::broken_tokenizer,
    tree::special_file,
    tree::shards,
    checkpoints::hostile,
    checkpoints::damaged,
];

#[test]
fn five_hundred_damaged_directories_are_five_hundred_clear_errors() {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failures = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= DIRECTORIES {
                return failures;
            }
            failures.extend(failure_of(number));
        }
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(work));
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    report(
        "directories",
        &json!({ "runs": DIRECTORIES, "failures": failures.len() }),
    );
    assert!(
        failures.is_empty(),
        "{} of {DIRECTORIES} went wrong:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Runs the program on this directory, and returns what is wrong with its reaction.
fn failure_of(number: usize) -> Option<String> {
    let mut chance = Chance::seeded(number as u64);
    let folder = Folder::new();
    let model = folder.join("model");
    for part in ["unet", "vae", "text_encoder", "tokenizer", "scheduler"] {
        link_folder(&pocket().join(part), &model.join(part));
    }
    replace(
        &model.join("model_index.json"),
        fs::read(pocket().join("model_index.json")).unwrap(),
    );
    let damage = MUTATIONS[number % MUTATIONS.len()](&model, &mut chance);
    let before = folder.contents();
    let begun = Instant::now();
    let said = run(&folder);
    let wrong = if folder.join(CANARY).exists() {
        Some("its code was run".into())
    } else if begun.elapsed() > LONGEST {
        Some(format!("took {:?}", begun.elapsed()))
    } else if said.code != Some(1) {
        Some(format!("exit code {:?}", said.code))
    } else if !said.error.lines().any(|line| line.starts_with("error: ")) {
        Some("no message".into())
    } else if said.error.len() > 2000 {
        Some(format!("a message of {} bytes", said.error.len()))
    } else if said.error.contains("panicked") || said.error.contains("bad alloc") {
        Some("a panic".into())
    } else if folder.contents() != before {
        Some("left something behind".into())
    } else {
        None
    };
    wrong.map(|wrong| format!("{number}: {damage}: {wrong}: {}", said.error.trim_end()))
}

fn run(folder: &Folder) -> Said {
    let mut command = folder.command_after(&format!("ulimit -v {MOST_MEMORY}"), &[]);
    command.env("LB_MODELS", folder.join("models"));
    if folder.join(CHECKPOINT).exists() {
        let config = configuration("sd2/checkpoint.ckpt");
        command.args(["import", CHECKPOINT, &config]);
    } else {
        command.args(RENDER);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    // The output fits into a pipe, so it need not be read before the end.
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > LONGEST {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Said::from(child.wait_with_output().unwrap())
}
