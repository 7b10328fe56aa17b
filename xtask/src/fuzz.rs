//! `fuzz`: tries everything that reads foreign bytes with inputs that libFuzzer invents.
//!
//! libFuzzer needs to see which code an input reaches. The compiler's coverage instrumentation shows it, and
//! the flags for that are LLVM's own, which the stable compiler hands on. They go into a target folder of
//! their own, together with `--target`, so that build scripts and derive macros are not instrumented.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::process;
use crate::workspace::Workspace;

/// What the compiler adds to the code: counters that tell which branches ran how often, and calls that show
/// libFuzzer the operands of comparisons. `cfg(fuzzing)` lets decoders accept wrong checksums, which no
/// invented input would have right.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The longest processor time that an input may take, in seconds. `LONGEST_RUN` of lb-fuzz is the same.
const LONGEST_RUN: u32 = 5;
/// The most memory that a process may have, in mebibytes. The program itself limits what Rust code
/// allocates; this also limits the decoders in C.
const MOST_MEMORY: u32 = 600;

/// Inputs in the committed corpus are at most this long, in bytes, and a target has at most this many.
const LONGEST_KEPT: u64 = 2048;
const MOST_KEPT: usize = 50;

/// What is tried, and for how long.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FuzzArguments {
    /// targets, by the names of the folders in fuzz/corpus; all if none is named
    targets: Vec<String>,
    /// minutes for each target
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// targets that are tried at the same time [default: the number of processors]
    #[arg(long)]
    jobs: Option<usize>,
    /// the seed of libFuzzer's choices
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// begin with the committed corpus, and not where the last run ended
    #[arg(long)]
    fresh: bool,
    /// afterwards, add inputs that reach other code to fuzz/corpus
    #[arg(long)]
    merge: bool,
}

/// What a run has tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) targets: usize,
    /// The number of inputs.
    pub(crate) inputs: u64,
    /// The number of inputs of the target that got the fewest.
    pub(crate) fewest: u64,
    /// Targets that failed: by a panic, or by taking too long or too much memory.
    pub(crate) failures: usize,
    /// The processor time that the slowest input took.
    pub(crate) slowest: Duration,
    /// The most bytes that were allocated at the same time.
    pub(crate) memory: u64,
}

impl FuzzArguments {
    /// All targets, from where the last run ended.
    pub(crate) fn of_all_targets(minutes: f64, jobs: Option<usize>, seed: u32) -> Self {
        Self {
            targets: Vec::new(),
            minutes,
            jobs,
            seed,
            fresh: false,
            merge: false,
        }
    }
}

impl Tried {
    fn and(self, other: Self) -> Self {
        Self {
            targets: self.targets + other.targets,
            inputs: self.inputs + other.inputs,
            fewest: match self.targets {
                0 => other.fewest,
                _ => self.fewest.min(other.fewest),
            },
            failures: self.failures + other.failures,
            slowest: self.slowest.max(other.slowest),
            memory: self.memory.max(other.memory),
        }
    }
}

pub(crate) fn run(workspace: &Workspace, arguments: &FuzzArguments) -> Result<()> {
    let tried = try_targets(workspace, arguments)?;
    println!(
        "{} inputs for {} targets: {} failed; the slowest took {:.2} s, the largest {} MB",
        tried.inputs,
        tried.targets,
        tried.failures,
        tried.slowest.as_secs_f64(),
        tried.memory / 1_000_000,
    );
    ensure!(tried.failures == 0, "{} targets failed", tried.failures);
    Ok(())
}

/// Tries the targets, prints a line for each, and returns the totals.
pub(crate) fn try_targets(workspace: &Workspace, arguments: &FuzzArguments) -> Result<Tried> {
    ensure!(arguments.minutes > 0.0, "--minutes must be above 0");
    let known = known_targets(workspace)?;
    for target in &arguments.targets {
        if !known.contains(target) {
            bail!(
                "there is no target `{target}`; the targets are {}",
                known.join(", ")
            );
        }
    }
    let targets = match arguments.targets.is_empty() {
        true => known,
        false => arguments.targets.clone(),
    };
    let fuzzing = Fuzzing {
        programs: build(workspace, &targets)?,
        committed: workspace.root.join("fuzz"),
        folder: workspace.target.join("fuzz"),
        scratch: scratch()?,
        jobs: arguments.jobs.unwrap_or_else(processors).max(1),
        arguments: arguments.clone(),
    };
    let waiting = Mutex::new(targets.iter());
    let total = Mutex::new(Ok(Tried::default()));
    std::thread::scope(|scope| {
        for _ in 0..fuzzing.jobs.min(targets.len()) {
            scope.spawn(|| {
                while let Some(target) = waiting.lock().ok().and_then(|mut next| next.next()) {
                    let tried = fuzzing.try_target(target);
                    if let Ok(mut total) = total.lock() {
                        *total = match (std::mem::replace(&mut *total, Ok(Tried::default())), tried)
                        {
                            (Ok(total), Ok(tried)) => Ok(total.and(tried)),
                            (Err(error), _) | (_, Err(error)) => Err(error),
                        };
                    }
                }
            });
        }
    });
    total
        .into_inner()
        .unwrap_or_else(|broken| broken.into_inner())
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The names of the targets, sorted. A test of lb-fuzz sees to it that each has a folder.
fn known_targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folders = fs::read_dir(workspace.root.join("fuzz/corpus"))?;
    let names = folders.map(|folder| Ok(folder?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// Builds the programs of these targets, and returns their folder.
fn build(workspace: &Workspace, targets: &[String]) -> Result<PathBuf> {
    let mut version = Command::new("rustc");
    let version = process::standard_output(version.current_dir(&workspace.root).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say which system it runs on")?;
    let folder = workspace.target.join("fuzz");
    let mut build = process::cargo(&workspace.root);
    build.args(["build", "--profile", "fuzz", "-p", "lb-fuzz"]);
    build.args(["--features", "libfuzzer"]);
    for target in targets {
        build.args(["--bin", target]);
    }
    build.args(["--target", host, "--target-dir"]).arg(&folder);
    // This form takes precedence over RUSTFLAGS, and its parts may contain spaces.
    let flags: Vec<&str> = INSTRUMENTATION.split_whitespace().collect();
    let flags = flags.join("\u{1f}");
    process::run(build.env("CARGO_ENCODED_RUSTFLAGS", flags))?;
    Ok(folder.join(host).join("fuzz"))
}

/// The folder in which inputs become files: in memory where there is such a folder, since thousands of files
/// are written every second.
fn scratch() -> Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let made = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    made.context("no temporary folder can be made")
}

struct Fuzzing {
    /// The folder of the programs, one for each target.
    programs: PathBuf,
    /// The package lb-fuzz.
    committed: PathBuf,
    /// Where everything else is kept.
    folder: PathBuf,
    scratch: TempDir,
    /// The number of targets that are tried at the same time.
    jobs: usize,
    arguments: FuzzArguments,
}

impl Fuzzing {
    fn try_target(&self, target: &str) -> Result<Tried> {
        let found = self.folder.join("corpus").join(target);
        if self.arguments.fresh && found.exists() {
            fs::remove_dir_all(&found)?;
        }
        let record = self.scratch.path().join(format!("{target}.record"));
        let seeds = self.scratch.path().join(format!("{target}.seeds"));
        let log = self.folder.join(format!("{target}.log"));
        let artifacts = self.folder.join("failures");
        for folder in [&found, &seeds, &artifacts] {
            fs::create_dir_all(folder)?;
        }
        let seconds = (self.arguments.minutes * 60.0).ceil();
        let mut fuzz = self.program_for(target)?;
        fuzz.env("LB_FUZZ_RECORD", &record)
            .env("LB_FUZZ_SEEDS", &seeds);
        fuzz.args(self.corpora(target, &found)).arg(&seeds);
        fuzz.arg(format!("-max_total_time={seconds}"));
        fuzz.arg(format!("-seed={}", self.arguments.seed));
        fuzz.arg(format!(
            "-artifact_prefix={}/{target}-",
            artifacts.display()
        ));
        fuzz.arg("-print_final_stats=1");
        let output = fs::File::create(&log)?;
        fuzz.stdout(output.try_clone()?)
            .stderr(output)
            .stdin(Stdio::null());
        let status = fuzz
            .status()
            .with_context(|| format!("the program of {target} could not be run"))?;
        let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let (slowest, memory) = read_record(&fs::read_to_string(&record).unwrap_or_default());
        let inputs = statistic(&said, "number_of_executed_units").unwrap_or_default();
        let is_slow = slowest > Duration::from_secs(LONGEST_RUN.into());
        let tried = Tried {
            targets: 1,
            inputs,
            fewest: inputs,
            failures: usize::from(!status.success() || is_slow),
            slowest,
            memory,
        };
        println!(
            "{target}: {} inputs, slowest {:.3} s, {} MB{}",
            tried.inputs,
            tried.slowest.as_secs_f64(),
            tried.memory / 1_000_000,
            failure(&said, status.success(), &log),
        );
        if self.arguments.merge && status.success() {
            self.merge(target, &found)?;
        }
        Ok(tried)
    }

    /// A call of the program for a target, with the limits for one input.
    fn program_for(&self, target: &str) -> Result<Command> {
        // What a process that died has left there must not disturb the next one.
        let scratch = self.scratch.path().join(target);
        fs::create_dir_all(&scratch)?;
        let mut fuzz = Command::new(self.programs.join(target));
        fuzz.env("TMPDIR", scratch);
        // libFuzzer measures time, in which other targets have a part if there are more than processors.
        let shares = self.jobs.div_ceil(processors()) as u32;
        fuzz.arg(format!("-timeout={}", LONGEST_RUN * shares));
        fuzz.arg(format!("-rss_limit_mb={MOST_MEMORY}"));
        Ok(fuzz)
    }

    /// The folders of inputs; libFuzzer adds what it finds to the first one.
    fn corpora(&self, target: &str, found: &Path) -> Vec<PathBuf> {
        let committed = ["past", "corpus"].map(|kind| self.committed.join(kind).join(target));
        let there = committed.into_iter().filter(|folder| folder.is_dir());
        [found.to_owned()].into_iter().chain(there).collect()
    }

    /// Adds inputs to the committed corpus that reach code which it does not reach yet.
    fn merge(&self, target: &str, found: &Path) -> Result<()> {
        let short = self.scratch.path().join(format!("{target}.short"));
        fs::create_dir_all(&short)?;
        for entry in fs::read_dir(found)? {
            let entry = entry?;
            if entry.metadata()?.len() <= LONGEST_KEPT {
                fs::copy(entry.path(), short.join(entry.file_name()))?;
            }
        }
        let corpus = self.committed.join("corpus").join(target);
        let mut merge = self.program_for(target)?;
        // Which code is reached counts, and not how often.
        merge.args(["-set_cover_merge=1", "-use_counters=0", "-use_cmp=0"]);
        merge.arg(&corpus).arg(&short);
        merge.stdout(Stdio::null()).stderr(Stdio::null());
        process::run(&mut merge)?;
        let paths = fs::read_dir(&corpus)?.map(|entry| Ok(entry?.path()));
        let mut paths = paths.collect::<Result<Vec<_>>>()?;
        paths.sort();
        for path in paths.iter().skip(MOST_KEPT) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// A number that libFuzzer prints at the end.
fn statistic(log: &str, name: &str) -> Option<u64> {
    let start = format!("stat::{name}:");
    let value = log.lines().find_map(|line| line.strip_prefix(&start))?;
    value.trim().parse().ok()
}

/// The time of the slowest input and the most bytes that were allocated.
fn read_record(record: &str) -> (Duration, u64) {
    let mut numbers = record
        .split_whitespace()
        .map(|word| word.parse().unwrap_or_default());
    let slowest = Duration::from_micros(numbers.next().unwrap_or_default());
    (slowest, numbers.next().unwrap_or_default())
}

/// What is printed behind a target that failed: the input, and what it caused.
fn failure(log: &str, succeeded: bool, path: &Path) -> String {
    if succeeded {
        return String::new();
    }
    let cause = |line: &&str| {
        ["panicked at", "ERROR: libFuzzer", "memory allocation of"]
            .iter()
            .any(|cause| line.contains(cause))
    };
    let cause = log.lines().find(cause).unwrap_or("it ended unexpectedly");
    let input = log
        .lines()
        .find_map(|line| line.split_once("Test unit written to "));
    let input = input.map_or("no input was written", |(_, path)| path);
    format!(
        "\n  FAILED: {cause}\n  input: {input}\n  log: {}",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_libfuzzer_and_of_the_record_are_read() {
        let log = "Done 7 runs\nstat::number_of_executed_units: 1234\nstat::peak_rss_mb:  40\n";
        assert_eq!(statistic(log, "number_of_executed_units"), Some(1234));
        assert_eq!(statistic(log, "peak_rss_mb"), Some(40));
        assert_eq!(statistic("", "peak_rss_mb"), None);
        assert_eq!(read_record("1500 20\n"), (Duration::from_micros(1500), 20));
        assert_eq!(read_record(""), (Duration::ZERO, 0));
    }

    #[test]
    fn a_failure_names_its_cause_and_its_input() {
        let log = "#12 NEW\nthread panicked at a.rs:3:\n==1== ERROR: libFuzzer: deadly signal\n\
                   artifact_prefix='x'; Test unit written to target/fuzz/failures/job-crash-1\n";
        let shown = failure(log, false, Path::new("job.log"));
        assert!(shown.contains("panicked at a.rs:3"), "{shown}");
        assert!(
            shown.contains("input: target/fuzz/failures/job-crash-1"),
            "{shown}"
        );
        assert_eq!(failure(log, true, Path::new("job.log")), "");
    }

    #[test]
    fn totals_add_up_and_keep_the_worst() {
        let one = Tried {
            targets: 1,
            inputs: 10,
            fewest: 10,
            failures: 1,
            slowest: Duration::from_millis(5),
            memory: 7,
        };
        let other = Tried {
            inputs: 5,
            fewest: 5,
            failures: 0,
            slowest: Duration::from_millis(9),
            ..one
        };
        let both = Tried::default().and(one).and(other);
        assert_eq!((both.targets, both.inputs, both.failures), (2, 15, 1));
        assert_eq!(both.fewest, 5);
        assert_eq!((both.slowest, both.memory), (Duration::from_millis(9), 7));
    }
}
