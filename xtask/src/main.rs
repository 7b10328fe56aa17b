//! The tasks of this workspace, run as `cargo xtask <task>`.
//!
//! ```text
//! setup ──► demo         fetch ONNX Runtime, build a release, render a film
//!       ├─► test         all tests, with that library
//!       ├─► test-cuda    the tests on a stand-in for CUDA
//!       ├─► docs         the pictures of the documents
//!       └─► bench        lb compared with a PyTorch script
//! lint  ──► tidy         the rules that no compiler checks
//!       └─► dependencies the rules of `deny.toml`
//! export-onnx, interop, golden, train-pocket
//! ```

#![forbid(unsafe_code)]
// The output of a task is what it prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod demo;
mod dependencies;
mod docs;
mod lint;
mod onnx;
mod pictures;
mod process;
mod python;
mod setup;
mod testing;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

use workspace::Workspace;

/// A task that `cargo xtask` offers.
struct Task {
    name: &'static str,
    /// The arguments that it takes, for the usage text.
    arguments: &'static str,
    help: &'static str,
    run: fn(&Workspace, &[String]) -> Result<()>,
}

/// All tasks, in the order in which they are listed.
const TASKS: &[Task] = &[
    Task {
        name: "demo",
        arguments: "",
        help: "set up, build, and render a film with the bundled model into demo/",
        run: |workspace, arguments| no_more(arguments).and_then(|()| demo::run(workspace)),
    },
    Task {
        name: "test",
        arguments: "[arguments]",
        help: "set up, then run all tests and examples (arguments of cargo test)",
        run: testing::run,
    },
    Task {
        name: "test-cuda",
        arguments: "[arguments]",
        help: "run the tests that need CUDA on a stand-in for it (Linux on x86-64)",
        run: testing::run_cuda,
    },
    Task {
        name: "lint",
        arguments: "",
        help: "check formatting, tidy, dependencies, clippy and documentation",
        run: |workspace, arguments| no_more(arguments).and_then(|()| lint::run(workspace)),
    },
    Task {
        name: "tidy",
        arguments: "",
        help: "check the rules of this workspace that no compiler checks",
        run: |workspace, arguments| no_more(arguments).and_then(|()| tidy::run(workspace)),
    },
    Task {
        name: "dependencies",
        arguments: "",
        help: "check licences, duplicate versions and sources by deny.toml",
        run: |workspace, arguments| no_more(arguments).and_then(|()| dependencies::run(workspace)),
    },
    Task {
        name: "setup",
        arguments: "[--gpu [--system-cuda]]",
        help: "fetch ONNX Runtime (24 MB); for NVIDIA GPUs with CUDA (1.2 GB), or without (256 MB)",
        run: setup::run,
    },
    Task {
        name: "docs",
        arguments: "[part…]",
        help: "render the pictures of the documents, or those whose paths contain a part",
        run: docs::run,
    },
    Task {
        name: "bench",
        arguments: "[render] [spacing]",
        help: "measure lb compared with PyTorch, and perceptual compared with fixed spacing",
        run: bench::run,
    },
    Task {
        name: "export-onnx",
        arguments: "<directory>",
        help: "write ONNX graphs into a diffusers model directory",
        run: onnx::export,
    },
    Task {
        name: "interop",
        arguments: "",
        help: "exchange models with Optimum in both directions, and compare the pictures",
        run: |workspace, arguments| no_more(arguments).and_then(|()| onnx::interop(workspace)),
    },
    Task {
        name: "golden",
        arguments: "",
        help: "write the fixtures of the tests again, with the scripts beside them",
        run: |workspace, arguments| no_more(arguments).and_then(|()| python::golden(workspace)),
    },
    Task {
        name: "train-pocket",
        arguments: "[arguments]",
        help: "train the bundled model (arguments of models/pocket/train/train.py)",
        run: python::train_pocket,
    },
];

const NOTES: &str = "\
Environment: ORT_DYLIB_PATH names an ONNX Runtime library to use instead of fetching one;
LB_PYTHON names a Python that has what a task needs, instead of making an environment;
LB_BINARY names the lb that makes the pictures of the documents, instead of building one.
Exit codes: 0 done; 1 the task failed; 2 the request was wrong.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        eprint!("{}", usage());
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "-h" | "--help") {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let result = match TASKS.iter().find(|task| task.name == name) {
        Some(task) => Workspace::find().and_then(|workspace| (task.run)(&workspace, rest)),
        None => Err(WrongRequest(format!("there is no task `{name}`")).into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<WrongRequest>() => {
            eprint!("error: {error}\n\n{}", usage());
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = "cargo xtask <task>\n\n".to_owned();
    for task in TASKS {
        let call = format!("{} {}", task.name, task.arguments);
        text.push_str(&format!("  {:<30} {}\n", call.trim_end(), task.help));
    }
    text + "\n" + NOTES
}

/// Refuses arguments, for a task that takes no more of them.
fn no_more(arguments: &[String]) -> Result<()> {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => Err(WrongRequest(format!("`{argument}` was not expected")).into()),
    }
}

/// An error and its causes, without the causes that its message contains already.
fn with_causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// A command line that no task understands.
#[derive(Debug)]
struct WrongRequest(String);

impl std::fmt::Display for WrongRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for WrongRequest {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_listed_on_one_line() {
        for line in usage().lines() {
            assert!(line.chars().count() <= 125, "{line}");
        }
        assert_eq!(
            usage()
                .lines()
                .filter(|line| line.starts_with("  "))
                .count(),
            TASKS.len()
        );
    }

    #[test]
    fn a_cause_is_not_repeated() {
        let error = anyhow::anyhow!("no file")
            .context("a: no file")
            .context("it failed");
        assert_eq!(with_causes(&error), "it failed: a: no file");
    }
}
