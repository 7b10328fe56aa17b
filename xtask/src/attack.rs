//! `attack`: does to `lb` what strangers and accidents may do to it, and counts what it withstands.
//!
//! The attacks are tests, which make each of them a few times whenever the tests run (`tests/it/attack.rs`
//! and the package lb-fuzz). Here they are made many times, and the counts become the table in
//! `docs/security.md`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::fuzz::{self, FuzzArguments, Tried};
use crate::workspace::{Profile, Workspace};
use crate::{bench, process, setup};

/// The document that has the table.
const DOCUMENT: &str = "docs/security.md";
/// What is between these lines is written by `--write`.
const BEGIN: &str = "<!-- written by cargo xtask attack --write -->";
const END: &str = "<!-- end of what is written -->";

/// How often each attack is made.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AttackArguments {
    /// minutes of fuzzing for each target; 0 leaves fuzzing out
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// targets that are fuzzed at the same time [default: the number of processors]
    #[arg(long)]
    jobs: Option<usize>,
    /// signals at random moments
    #[arg(long, default_value_t = 200)]
    kills: usize,
    /// runs with text that would control a terminal; there are a few hundred different ones
    #[arg(long, default_value_t = 1000)]
    escapes: usize,
    /// runs with an input that never ends; there are more than a hundred different ones
    #[arg(long, default_value_t = 1000)]
    pipes: usize,
    /// runs on a disk that becomes full
    #[arg(long, default_value_t = 50)]
    disks: usize,
    /// the seed from which all choices follow
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// folder of the counts; attacks whose counts are there already are not made again
    #[arg(long)]
    reports: Option<PathBuf>,
    /// write the table into docs/security.md
    #[arg(long)]
    write: bool,
}

/// The attacks that are tests: their names in the reports, and those of their modules.
const TESTS: [(&str, &str); 5] = [
    ("directories", "mutations::"),
    ("kills", "attack::kills::"),
    ("escapes", "attack::escapes::"),
    ("pipes", "attack::pipes::"),
    ("disks", "attack::disks::"),
];

pub(crate) fn run(workspace: &Workspace, arguments: &AttackArguments) -> Result<()> {
    let temporary = tempfile::tempdir_in(&workspace.target)?;
    let reports = arguments.reports.as_deref().unwrap_or(temporary.path());
    fs::create_dir_all(reports)?;
    let reports = &reports.canonicalize()?;
    let fuzzed = fuzz(workspace, arguments, reports)?;
    let attacked = attack(workspace, arguments, reports);
    let table = table(fuzzed, |name| report(reports, name));
    println!("\n{table}");
    attacked?;
    if let Some(Tried { failures, .. }) = fuzzed {
        ensure!(failures == 0, "{failures} targets failed");
    }
    if arguments.write {
        ensure!(fuzzed.is_some(), "the table is not written without fuzzing");
        let path = workspace.root.join(DOCUMENT);
        let document = fs::read_to_string(&path).with_context(|| DOCUMENT.to_owned())?;
        fs::write(&path, with_table(&document, &table)?)?;
        println!("written to {DOCUMENT}");
    }
    Ok(())
}

/// Fuzzes all targets, unless that has been done; `None` if it is left out.
fn fuzz(
    workspace: &Workspace,
    arguments: &AttackArguments,
    reports: &Path,
) -> Result<Option<Tried>> {
    let &AttackArguments {
        minutes,
        jobs,
        seed,
        ..
    } = arguments;
    let known: Option<Tried> = serde_json::from_value(report(reports, "fuzz"))?;
    if known.is_some() || minutes == 0.0 {
        return Ok(known);
    }
    let fuzzing = FuzzArguments::of_all_targets(minutes, jobs, seed);
    let tried = fuzz::try_targets(workspace, &fuzzing)?;
    fs::write(reports.join("fuzz.json"), serde_json::to_vec(&tried)?)?;
    Ok(Some(tried))
}

/// Runs the tests that attack the program and have not been counted, one after the other, because some
/// measure time.
fn attack(workspace: &Workspace, arguments: &AttackArguments, reports: &Path) -> Result<()> {
    let to_do = TESTS
        .iter()
        .filter(|(name, _)| report(reports, name).is_null());
    let to_do: Vec<&str> = to_do.map(|(_, module)| *module).collect();
    if to_do.is_empty() {
        return Ok(());
    }
    let library = setup::library(workspace)?;
    let program = workspace.build_lb(Profile::Debug)?;
    let mut test = process::cargo(&workspace.root);
    workspace.prepare(&mut test, &library);
    test.env("LB_BINARY", program)
        .env("LB_ATTACK_REPORT", reports);
    for (variable, value) in [
        ("LB_ATTACK_KILLS", arguments.kills.to_string()),
        ("LB_ATTACK_ESCAPES", arguments.escapes.to_string()),
        ("LB_ATTACK_PIPES", arguments.pipes.to_string()),
        ("LB_ATTACK_DISKS", arguments.disks.to_string()),
        ("LB_ATTACK_SEED", arguments.seed.to_string()),
    ] {
        test.env(variable, value);
    }
    test.args(["test", "-p", "lb-tests", "--test", "it", "--no-fail-fast"]);
    process::run(test.args(["--", "--test-threads=1"]).args(to_do))
}

/// The numbers of an attack; `null` if it was not made or failed before it was counted.
fn report(folder: &Path, name: &str) -> Value {
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// A table of what was done and what happened.
fn table(fuzzed: Option<Tried>, report: impl Fn(&str) -> Value) -> String {
    let mut rows = Vec::new();
    if let Some(tried) = fuzzed {
        rows.push([
            format!(
                "bytes that libFuzzer invents, for {} readers",
                tried.targets
            ),
            format!(
                "{} inputs in all, and at least {} for each reader",
                grouped(tried.inputs),
                grouped(tried.fewest)
            ),
            format!(
                "{} panics or broken limits; the slowest input took {:.2} s (of 5 s), and the most \
                 memory was {} MB (of 315 MB)",
                tried.failures,
                tried.slowest.as_secs_f64(),
                tried.memory / 1_000_000
            ),
        ]);
    }
    // Each attack is one row: its name in the reports, and the texts with the names of its numbers.
    for (name, what, often, happened) in [
        (
            "directories",
            "model directories and checkpoints that are damaged in one way each",
            "{runs} directories",
            "{failures} gave no clear message in time",
        ),
        (
            "kills",
            "SIGKILL, SIGTERM and SIGHUP at random moments, to two renders with the same cache and an \
             import",
            "{signals} signals in {rounds} rounds",
            "all outputs of the next run were equal to undisturbed ones; {leftovers_after_runs} \
             unfinished files were left after it",
        ),
        (
            "escapes",
            "text that would control a terminal, in every place from which text is shown",
            "{runs} runs ({ways} places, {texts} texts)",
            "{obeyed} printed a control character",
        ),
        (
            "pipes",
            "pipes, sockets and links to /dev/zero as inputs",
            "{runs} runs, {pipes} of them with pipes",
            "{hung} waited for ever; the slowest run, of a debug build, took {slowest_seconds} s",
        ),
        (
            "disks",
            "disks that become full",
            "{runs} runs; in {refused} of them the disk became full",
            "{leftovers} unfinished files were left",
        ),
    ] {
        let numbers = report(name);
        if !numbers.is_null() {
            rows.push([
                what.into(),
                filled(often, &numbers),
                filled(happened, &numbers),
            ]);
        }
    }
    let rows = rows
        .iter()
        .map(|cells| format!("| {} |", cells.join(" | ")));
    let mut lines = vec![
        "| attack | how often | what happened |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    lines.extend(rows);
    lines.push(format!("\nMachine: {}.", bench::machine()));
    lines.join("\n")
}

/// The text with the numbers in the places of their names.
fn filled(text: &str, numbers: &Value) -> String {
    let mut filled = text.to_owned();
    for (name, value) in numbers.as_object().into_iter().flatten() {
        let value = match (value.as_u64(), value.as_f64()) {
            (Some(count), _) => grouped(count),
            (None, Some(number)) => format!("{number:.2}"),
            _ => value.to_string(),
        };
        filled = filled.replace(&format!("{{{name}}}"), &value);
    }
    filled
}

/// A number with a comma before each group of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The document with another table.
fn with_table(document: &str, table: &str) -> Result<String> {
    let (Some((before, rest)), true) = (document.split_once(BEGIN), document.contains(END)) else {
        bail!("{DOCUMENT} has no place for the table: the lines {BEGIN} and {END}");
    };
    let (_, after) = rest
        .split_once(END)
        .context("the lines are in the wrong order")?;
    Ok(format!("{before}{BEGIN}\n\n{table}\n\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_take_the_places_of_their_names() {
        let numbers = json!({ "runs": 12_345, "slowest_seconds": 0.256 });
        assert_eq!(
            filled("{runs} in {slowest_seconds} s", &numbers),
            "12,345 in 0.26 s"
        );
        assert_eq!(
            (grouped(999), grouped(1_000_000)),
            ("999".into(), "1,000,000".into())
        );
    }

    #[test]
    fn a_row_is_missing_if_its_attack_was_not_made() {
        let tried = Tried {
            targets: 20,
            inputs: 10_000_000,
            fewest: 7_000,
            failures: 0,
            slowest: Duration::from_millis(1234),
            memory: 56_000_000,
        };
        let disks = json!({ "runs": 4, "refused": 2, "leftovers": 0 });
        let report = |name: &str| {
            if name == "disks" {
                disks.clone()
            } else {
                Value::Null
            }
        };
        let table = table(Some(tried), report);
        let inputs = "| 10,000,000 inputs in all, and at least 7,000 for each reader |";
        assert!(table.contains(inputs), "{table}");
        assert!(table.contains("took 1.23 s (of 5 s), and the most memory was 56 MB"));
        assert!(table.contains("| 4 runs; in 2 of them the disk became full | 0 unfinished files"));
        assert!(
            !table.contains("SIGKILL") && !table.contains('{'),
            "{table}"
        );
    }

    #[test]
    fn only_the_table_of_the_document_is_replaced() {
        let document = format!("# A\n{BEGIN}\nold\n{END}\nB\n");
        let written = with_table(&document, "new").unwrap();
        assert_eq!(written, format!("# A\n{BEGIN}\n\nnew\n\n{END}\nB\n"));
        assert_eq!(with_table(&written, "new").unwrap(), written);
        assert!(with_table("# A\n", "new").is_err());
    }
}
