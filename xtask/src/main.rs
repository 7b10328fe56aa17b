//! The tasks of this workspace, run as `cargo xtask <task>`.
//!
//! ```text
//! setup ──► demo          (the library, a release build, a film)
//!       ├─► test          (all tests, with the library)
//!       ├─► test-cuda     (CUDA's provider, on a stand-in for CUDA)
//!       ├─► docs          (the pictures of the documents)
//!       └─► bench         (lb beside a PyTorch script)
//! lint  ──► tidy          (layering, file sizes and the like, which no compiler checks)
//! export-onnx, interop, golden, train-pocket
//! ```

#![forbid(unsafe_code)]
// What a task prints is its output.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod demo;
mod dependencies;
mod docs;
mod export_onnx;
mod golden;
mod interop;
mod lint;
mod pictures;
mod process;
mod python;
mod setup;
mod test;
mod test_cuda;
mod tidy;
mod train_pocket;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const USAGE: &str = "\
cargo xtask <task>

  demo                    set up, build, render a film with the bundled model into demo/
  test [cargo test args]  set up, then run all tests
  test-cuda [test args]   run what needs CUDA on a stand-in for it (Linux, x86-64)
  lint                    formatting, clippy, documentation, tidy
  tidy                    the rules of this workspace that no compiler checks
  setup                   fetch the ONNX Runtime library
  setup --gpu             fetch the one for NVIDIA GPUs too, with CUDA and cuDNN (1.2 GB);
                          --system-cuda: without these two (256 MB), where they are installed
  docs [part…]            make the pictures of the documents anew; parts of their names
  bench [part…]           measure lb beside PyTorch; parts: render, spacing
  export-onnx <dir>       write ONNX graphs into a diffusers model directory
  interop                 exchange models with Optimum, both ways
  golden                  write the fixtures of the tests anew
  train-pocket [args]     train the bundled model (arguments of models/pocket/train/train.py)

Environment: ORT_DYLIB_PATH names an ONNX Runtime library to use instead of fetching one;
LB_PYTHON names a Python that has what a task needs, instead of making an environment;
LB_BINARY names the lb that makes the pictures of the documents, instead of building one.
Exit codes: 0 done; 1 the task failed; 2 the request was wrong.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((task, rest)) = arguments.split_first() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    if matches!(task.as_str(), "help" | "-h" | "--help") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let result = Workspace::find().and_then(|workspace| match (task.as_str(), rest) {
        ("setup", _) => match setup::Request::of(rest) {
            Some(request) => setup::run(&workspace, request),
            None => Err(WrongRequest(arguments.join(" ")).into()),
        },
        ("demo", []) => demo::run(&workspace),
        ("test", _) => test::run(&workspace, rest),
        ("test-cuda", _) => test_cuda::run(&workspace, rest),
        ("lint", []) => lint::run(&workspace),
        ("tidy", []) => tidy::run(&workspace),
        ("docs", _) => docs::run(&workspace, rest),
        ("bench", _) => bench::run(&workspace, rest),
        ("export-onnx", [directory]) => export_onnx::run(directory.as_ref()),
        ("interop", []) => interop::run(&workspace),
        ("golden", []) => golden::run(&workspace),
        ("train-pocket", _) => train_pocket::run(&workspace, rest),
        _ => Err(WrongRequest(arguments.join(" ")).into()),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<WrongRequest>() => {
            eprint!("error: {error}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error and what caused it, without the causes that its message already tells.
fn with_causes(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |told, cause| {
            match (told.is_empty(), told.contains(&cause)) {
                (true, _) => cause,
                (_, true) => told,
                _ => format!("{told}: {cause}"),
            }
        })
}

/// A command line that no task understands.
#[derive(Debug)]
struct WrongRequest(String);

impl std::fmt::Display for WrongRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "there is no task `{}`", self.0)
    }
}

impl std::error::Error for WrongRequest {}
