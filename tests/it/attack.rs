//! Attacks on the program as a whole: signals at random moments, text that would control a terminal, inputs
//! that never end, and disks that become full. Each attack is made a few times here, and many times by
//! `cargo xtask attack`, which sets the environment:
//!
//! | variable | meaning |
//! |---|---|
//! | `LB_ATTACK_KILLS`, `LB_ATTACK_ESCAPES`, `LB_ATTACK_PIPES`, `LB_ATTACK_DISKS` | how many runs |
//! | `LB_ATTACK_SEED` | from which the choices follow |
//! | `LB_ATTACK_REPORT` | a folder for the rows of the table in `docs/security.md` |
#![cfg(unix)]

mod disks;
mod escapes;
mod kills;
mod pipes;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chance::Chance;
use crate::lb::{Folder, Said};

/// How many runs the environment asks for, or the usual number.
fn runs(variable: &str, usual: usize) -> usize {
    number(variable).map_or(usual, |number| number as usize)
}

fn chance() -> Chance {
    Chance::seeded(number("LB_ATTACK_SEED").unwrap_or(1))
}

fn number(variable: &str) -> Option<u64> {
    let given = std::env::var(variable).ok()?;
    Some(given.parse().unwrap())
}

/// Hands the numbers of an attack to `cargo xtask attack`, if it asks for them.
pub(crate) fn report(name: &str, numbers: &Value) {
    if let Some(folder) = std::env::var_os("LB_ATTACK_REPORT") {
        let path = PathBuf::from(folder).join(format!("{name}.json"));
        fs::write(path, numbers.to_string()).unwrap();
    }
}

/// Gives a command folders of its own in place of the user's, in which nothing of other runs is found.
fn isolated<'a>(command: &'a mut Command, folder: &Folder) -> &'a mut Command {
    command
        .env("LB_MODELS", folder.join("models"))
        .env("XDG_CACHE_HOME", folder.cache().join("user"))
        .env("XDG_DATA_HOME", folder.cache().join("data"))
        .env_remove("LB_MODEL")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
}

/// Waits until a program has ended; kills it after `limit`, and returns `None` then.
fn within(mut child: Child, limit: Duration) -> Option<std::process::Output> {
    let begun = Instant::now();
    // The output fits into a pipe, so it need not be read before the end.
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Some(child.wait_with_output().unwrap())
}

/// What is left of outputs and entries that were never finished: hidden or partial files in the folder and
/// its cache.
fn leftovers(of: &Folder) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![of.path().to_path_buf(), of.cache().to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with('.') || name.contains(".partial") {
                found.push(path);
            } else if path.is_dir() && !path.is_symlink() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

fn assert_no_panic(said: &Said, what: &str) {
    assert!(!said.error.contains("panicked"), "{what}: {}", said.error);
}
