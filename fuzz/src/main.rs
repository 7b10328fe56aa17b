//! The program `fuzz`: libFuzzer with one of the targets of `lb-fuzz`.
//!
//! `cargo xtask fuzz` builds and runs it. The environment says what it does: `LB_FUZZ_TARGET` names the
//! target, `LB_FUZZ_SEEDS` the folder into which the target's seeds are written before anything else, and
//! `LB_FUZZ_RECORD` the file that has, at every moment, the time in microseconds of the slowest input and the
//! largest number of bytes that were allocated at the same time.

#![no_main]
// Without sanitizers, libFuzzer sees neither how much memory an input takes nor times below a second.
#![allow(clippy::print_stderr, reason = "this is a program")]

use std::alloc::System;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use cap::Cap;
use lb_fuzz::{MOST_MEMORY, TARGETS, Target};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

static RUN: OnceLock<Run> = OnceLock::new();

/// What the environment asks for.
struct Run {
    target: &'static Target,
    record: Option<PathBuf>,
    slowest: AtomicU64,
    largest: AtomicU64,
}

impl Run {
    fn from_environment() -> Self {
        let name = std::env::var("LB_FUZZ_TARGET").unwrap_or_default();
        let Some(target) = lb_fuzz::target(&name) else {
            let known: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            eprintln!(
                "LB_FUZZ_TARGET is {name:?}; expected one of {}",
                known.join(", ")
            );
            std::process::exit(2);
        };
        if let Some(folder) = std::env::var_os("LB_FUZZ_SEEDS") {
            write_seeds(target, Path::new(&folder));
        }
        // The first run makes folders and opens models, which is no input's fault.
        (target.run)(&[]);
        // Readers may catch the panics of a decoder; only those that they let through are faults.
        drop(std::panic::take_hook());
        MEMORY
            .set_limit(MEMORY.allocated() + MOST_MEMORY)
            .expect("the limit is larger than what is allocated");
        Self {
            target,
            record: std::env::var_os("LB_FUZZ_RECORD").map(PathBuf::from),
            slowest: AtomicU64::new(0),
            largest: AtomicU64::new(0),
        }
    }

    fn try_input(&self, bytes: &[u8]) {
        let begun = Instant::now();
        (self.target.run)(bytes);
        let time = begun.elapsed().as_micros() as u64;
        let memory = MEMORY.max_allocated() as u64;
        let slower = self.slowest.fetch_max(time, Ordering::Relaxed) < time;
        let larger = self.largest.fetch_max(memory, Ordering::Relaxed) < memory;
        if let Some(record) = &self.record
            && (slower || larger)
        {
            let slowest = self.slowest.load(Ordering::Relaxed);
            fs::write(record, format!("{slowest} {memory}\n")).expect("the record can be written");
        }
    }
}

fn write_seeds(target: &Target, folder: &Path) {
    fs::create_dir_all(folder).expect("the folder of the seeds can be made");
    for (index, seed) in (target.seeds)().iter().enumerate() {
        fs::write(folder.join(format!("seed-{index}")), seed).expect("a seed can be written");
    }
}

fuzz_target!(
    init: RUN.get_or_init(Run::from_environment),
    |bytes: &[u8]| {
        RUN.get_or_init(Run::from_environment).try_input(bytes);
    }
);
