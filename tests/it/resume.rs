//! Renders that are killed, and then continued by the same command.
#![cfg(unix)]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::lb::{Folder, Said};
use crate::stored::{KEYFRAME, Stored, TRANSITION, TREE, entries, stored};

const FILM: &[&str] = &[
    "render",
    "a red apple",
    "a green pear",
    "a lemon",
    "a sunflower",
    "--seconds=0.4",
    "--fps=10",
    "--threads=1",
    "--force",
    "--output=film.mp4",
    "--json",
];

const MOMENTS: usize = 20;

fn film() -> Vec<&'static str> {
    [FILM, TREE].concat()
}

/// Renders the film without disturbing it, and returns what it took.
struct Whole {
    bytes: Vec<u8>,
    stored: Stored,
    evaluations: u64,
}

fn whole() -> Whole {
    let folder = Folder::new();
    let facts = facts(&folder);
    let evaluations = facts["model_evaluations"].as_u64().unwrap();
    assert_eq!(evaluations, 4 * KEYFRAME + 3 * TRANSITION);
    assert_eq!(facts["reused_evaluations"].as_u64(), Some(0));
    let stored = stored(folder.cache());
    assert_eq!(stored.evaluations, evaluations, "all of it is kept");
    assert_eq!(stored.frames, facts["decodes"].as_u64().unwrap());
    Whole {
        bytes: std::fs::read(folder.join("film.mp4")).unwrap(),
        stored,
        evaluations,
    }
}

fn facts(folder: &Folder) -> Value {
    let said = folder.run(&film());
    assert!(!said.error.contains("warning"), "{}", said.error);
    said.facts()
}

/// Starts a render and waits until this many results are in the cache, or until it has ended.
fn started(folder: &Folder, results: usize) -> Child {
    let mut command = folder.command(&film());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    while entries(folder.cache()).len() < results && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

/// Runs the same command again, and checks what it reuses and computes.
fn goes_on(folder: &Folder, whole: &Whole, moment: &str) {
    let before = stored(folder.cache());
    let facts = facts(folder);
    let number = |name: &str| facts[name].as_u64().unwrap();
    assert_eq!(number("reused_evaluations"), before.evaluations, "{moment}");
    assert_eq!(
        number("model_evaluations"),
        whole.evaluations - before.evaluations,
        "{moment}"
    );
    assert_eq!(number("reused_decodes"), before.frames, "{moment}");
    let bytes = std::fs::read(folder.join("film.mp4")).unwrap();
    assert!(bytes == whole.bytes, "another film: {moment}");
    assert_eq!(stored(folder.cache()), whole.stored, "{moment}");
}

#[test]
fn a_render_killed_at_any_moment_continues_where_it_was() {
    let whole = whole();
    // Lehmer's multiplicative congruential generator chooses moments between those that can be seen
    // from outside.
    let mut random = 20_240_607_u64;
    for moment in 0..MOMENTS {
        random = random * 48_271 % 0x7fff_ffff;
        let folder = Folder::new();
        let results = whole.stored.entries * moment / MOMENTS;
        let delay = Duration::from_micros(random % 60_000);
        let mut child = started(&folder, results);
        std::thread::sleep(delay);
        child.kill().unwrap();
        child.wait().unwrap();
        if let Ok(bytes) = std::fs::read(folder.join("film.mp4")) {
            assert!(bytes == whole.bytes, "half a film under its final name");
        }
        goes_on(
            &folder,
            &whole,
            &format!("{delay:?} after {results} results"),
        );
    }
}

#[test]
fn a_render_continues_after_ctrl_c() {
    let whole = whole();
    let folder = Folder::new();
    let child = started(&folder, whole.stored.entries / 2);
    let interrupt = ["-INT", &child.id().to_string()];
    assert!(
        Command::new("kill")
            .args(interrupt)
            .status()
            .unwrap()
            .success()
    );
    let said = Said::from(child.wait_with_output().unwrap());
    said.assert_refused(130, &["interrupted", "the results so far are in the cache"]);
    assert_eq!(folder.contents(), [""; 0]);
    let kept = stored(folder.cache()).evaluations;
    assert!(kept > 0 && kept < whole.evaluations);
    goes_on(&folder, &whole, "after Ctrl-C");
}

/// Renders parts of a film as several machines would.
#[test]
fn parts_that_share_a_cache_make_the_film_of_one_machine() {
    let settings = ["--steps=6", "--frames=4", "--seconds=0.5", "--fps=10"];
    let alone = Folder::new();
    let prompts = ["render", "a red apple", "a lemon", "a green pear"];
    let whole = [&prompts[..], &settings, &["--loop", "-o=film.mp4"]].concat();
    alone.facts(&[&whole[..], &["--no-cache"]].concat());

    let shared = Folder::new();
    for (index, (left, right)) in [(1, 2), (2, 3), (3, 1)].into_iter().enumerate() {
        let seeds = format!("--seed={},{}", left - 1, right - 1);
        let output = format!("-o=part-{index}.gif");
        let part = ["render", prompts[left], prompts[right], &seeds, &output];
        shared.facts(&[&part[..], &settings].concat());
    }
    let facts = shared.facts(&whole);
    assert_eq!(facts["model_evaluations"], 0);
    let film = |folder: &Folder| std::fs::read(folder.join("film.mp4")).unwrap();
    assert!(film(&shared) == film(&alone), "the same film");
}
