//! libFuzzer's part of a program: what is done before the first input, and with each.
//!
//! `cargo xtask fuzz` runs the programs. The environment says what they do besides: `LB_FUZZ_SEEDS` names
//! the folder into which the target's seeds are written before anything else, and `LB_FUZZ_RECORD` the file
//! that has, at every moment, the processor time in microseconds of the slowest input and the largest number of bytes
//! that were allocated at the same time. Without sanitizers, libFuzzer sees neither how much memory an input
//! takes nor times below a second.

use std::alloc::System;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cap::Cap;
use rustix::time::{ClockId, clock_gettime};

use crate::{MOST_MEMORY, Target};

/// The program that fuzzes the target of this name.
#[macro_export]
macro_rules! program {
    ($name:literal) => {
        const TARGET: $crate::Target = $crate::target($name);

        libfuzzer_sys::fuzz_target!(
            init: $crate::program::begin(&TARGET),
            |bytes: &[u8]| {
                $crate::program::try_input(&TARGET, bytes);
            }
        );
    };
}

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

static RECORD: OnceLock<Option<PathBuf>> = OnceLock::new();
static SLOWEST: AtomicU64 = AtomicU64::new(0);
static LARGEST: AtomicU64 = AtomicU64::new(0);

/// Prepares what the target needs, and limits its memory from then on.
///
/// # Panics
/// If a folder cannot be written.
pub fn begin(target: &Target) {
    let record = RECORD.get_or_init(|| std::env::var_os("LB_FUZZ_RECORD").map(PathBuf::from));
    if let Some(folder) = std::env::var_os("LB_FUZZ_SEEDS") {
        write_seeds(target, Path::new(&folder));
    }
    // The first run makes folders and opens models, which is no input's fault.
    (target.run)(&[]);
    // Readers may catch the panics of a decoder; only those that they let through are faults.
    drop(std::panic::take_hook());
    let limit = MEMORY.allocated() + MOST_MEMORY;
    let limited = MEMORY.set_limit(limit);
    limited.expect("the limit is larger than what is allocated");
    if let Some(record) = record {
        fs::write(record, "0 0\n").expect("the record can be written");
    }
}

fn write_seeds(target: &Target, folder: &Path) {
    fs::create_dir_all(folder).expect("the folder of the seeds can be made");
    for (index, seed) in (target.seeds)().iter().enumerate() {
        fs::write(folder.join(format!("seed-{index}")), seed).expect("a seed can be written");
    }
}

/// Runs the target on an input, and records how long that took.
///
/// # Panics
/// Whenever the target does, and if the record cannot be written.
pub fn try_input(target: &Target, bytes: &[u8]) {
    let begun = processor_time();
    (target.run)(bytes);
    let time = processor_time().saturating_sub(begun).as_micros() as u64;
    let memory = MEMORY.max_allocated() as u64;
    let slower = SLOWEST.fetch_max(time, Ordering::Relaxed) < time;
    let larger = LARGEST.fetch_max(memory, Ordering::Relaxed) < memory;
    if let Some(Some(record)) = RECORD.get()
        && (slower || larger)
    {
        let slowest = SLOWEST.load(Ordering::Relaxed);
        fs::write(record, format!("{slowest} {memory}\n")).expect("the record can be written");
    }
}

/// The processor time of this program, in which other programs have no part. A machine may fuzz more targets at
/// the same time than it has processors.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}
