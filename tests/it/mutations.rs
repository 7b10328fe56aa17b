//! Five hundred model directories and checkpoints, each damaged in one place, by accident or on
//! purpose: every one is refused with a message, soon, in bounded memory, nothing of it is run, and
//! it leaves nothing behind.
#![cfg(unix)]

mod chance;
mod checkpoints;
mod settings;
mod tensors;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use self::chance::Chance;
use self::checkpoints::{CANARY, CHECKPOINT};
use crate::broken_models::pocket;
use crate::imports::configuration;
use crate::lb::{Folder, Said, program};

const DIRECTORIES: usize = 500;
/// Address space of a run, in KiB: the runtime's own mappings, the model, and little more.
const MOST_MEMORY: usize = 3 << 20;
/// A sound render takes about a second here; a loaded machine may take twenty.
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

/// Damages the model directory and says how. Files are hard links to the bundled model's: what is
/// changed is written anew.
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
    assert!(
        failures.is_empty(),
        "{} of {DIRECTORIES} went wrong:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// What is wrong with how the program took this directory.
fn failure_of(number: usize) -> Option<String> {
    let mut chance = Chance::seeded(number as u64);
    let folder = Folder::new();
    let model = folder.join("model");
    link(&pocket(), &model);
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
    let limited = format!("ulimit -v {MOST_MEMORY}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.current_dir(folder.path()).arg("-c").arg(limited);
    command.env("LB_CACHE_DIR", folder.cache());
    command.env("LB_MODELS", folder.join("models"));
    command.arg(program());
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
    // What it says fits into a pipe: it need not be read before the end.
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > LONGEST {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Said::from(child.wait_with_output().unwrap())
}

/// Hard links where the file system has them, copies elsewhere.
fn link(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for part in ["unet", "vae", "text_encoder", "tokenizer", "scheduler"] {
        fs::create_dir(to.join(part)).unwrap();
        for entry in fs::read_dir(from.join(part)).unwrap() {
            link_file(&entry.unwrap().path(), &to.join(part));
        }
    }
    link_file(&from.join("model_index.json"), to);
}

fn link_file(file: &Path, folder: &Path) {
    let to: PathBuf = folder.join(file.file_name().unwrap());
    if fs::hard_link(file, &to).is_err() {
        fs::copy(file, &to).unwrap();
    }
}

/// Puts new bytes in a file's place, leaving what it was linked to alone.
fn replace(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}
