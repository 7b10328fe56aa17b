//! The tasks of this workspace, run as `cargo xtask <task>`.

#![forbid(unsafe_code)]
// The output of a task is what it prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod archive;
mod attack;
mod bench;
mod demo;
mod dependencies;
mod distribution;
mod docs;
mod fuzz;
mod lint;
mod onnx;
mod page;
mod pictures;
mod process;
mod publishing;
mod python;
mod setup;
mod testing;
mod tidy;
mod wheel;
#[cfg(test)]
mod workflows;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use workspace::Workspace;

/// The tasks of this workspace.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", after_help = NOTES)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

/// A task, in the order in which they are listed.
#[derive(Subcommand)]
enum Task {
    /// set up, build, and render a film with a bundled model into demo/
    Demo(demo::DemoArguments),
    /// set up, then run all tests and examples (arguments of cargo test)
    Test(HandedOn),
    /// run the tests that need CUDA on a stand-in for it (Linux on x86-64)
    TestCuda(HandedOn),
    /// try every reader of foreign bytes with invented inputs, a minute for each target
    Fuzz(fuzz::FuzzArguments),
    /// attack the program with foreign bytes, signals, pipes and full disks, and count what it withstands
    Attack(attack::AttackArguments),
    /// check formatting, tidy, dependencies, clippy and documentation
    Lint,
    /// check the rules of this workspace that no compiler checks
    Tidy,
    /// check licences, duplicate versions and sources by deny.toml
    Dependencies,
    /// fetch ONNX Runtime (24 MB), its build for NVIDIA GPUs (1.2 GB, or 256 MB without CUDA), or a plugin
    Setup {
        /// fetch the library for NVIDIA GPUs, with CUDA 13 and cuDNN 9
        #[arg(long)]
        gpu: bool,
        /// leave out CUDA and cuDNN, which the machine has already
        #[arg(long, requires = "gpu")]
        system_cuda: bool,
        /// fetch the plugin for this device as well
        #[arg(long, value_name = "NAME")]
        device: Option<setup::PluginDevice>,
    },
    /// render the pictures of the documents, or those whose paths contain a part
    Docs { parts: Vec<String> },
    /// check and build the page of lb studio (needs Node)
    Page(page::PageArguments),
    /// test the page of lb studio in Chromium (arguments of node --test)
    PageTest(HandedOn),
    /// measure lb beside PyTorch, few steps beside many, perceptual beside fixed spacing, or lb on a device
    Bench {
        /// render, few-steps (a part of render), spacing, guidance, studio, gpu, cpu or cpu-full; render and spacing if none is named
        parts: Vec<String>,
    },
    /// build the Python package that carries lb, the models and their licences
    Wheel(wheel::WheelArguments),
    /// build the archive with lb, the models, man pages and completions
    Archive(archive::ArchiveArguments),
    /// pack every crate, and build each one from what its package contains
    Package,
    /// print the section of the changelog for a release
    Notes { tag: String },
    /// write ONNX graphs into a diffusers model directory
    ExportOnnx { directory: PathBuf },
    /// exchange models with Optimum in both directions, and compare the pictures
    Interop,
    /// write the fixtures of the tests again, with the scripts beside them
    Golden,
    /// train the model pocket (arguments of models/pocket/train/train.py)
    TrainPocket(HandedOn),
    /// distil pocket to few steps (arguments of models/pocket-turbo/train/train.py)
    TrainPocketTurbo(HandedOn),
    /// train an inpainting model from pocket (arguments of models/pocket-inpaint/train/train.py)
    TrainPocketInpaint(HandedOn),
    /// train a depth model from pocket (arguments of models/pocket-depth/train/train.py)
    TrainPocketDepth(HandedOn),
}

/// Arguments for the program that a task runs.
#[derive(clap::Args)]
struct HandedOn {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

const NOTES: &str = "\
Environment: ORT_DYLIB_PATH names an ONNX Runtime library to use instead of fetching one;
LB_PYTHON names a Python that has what a task needs, instead of making an environment;
LB_BINARY names the lb that makes the pictures of the documents, instead of building one.
Exit codes: 0 done; 1 the task failed; 2 the request was wrong.";

fn main() -> ExitCode {
    let Arguments { task } = parse(std::env::args()).unwrap_or_else(|error| error.exit());
    match Workspace::find().and_then(|workspace| run(&workspace, task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line. clap drops a `--` that comes first among the arguments that are handed on,
/// so it gets a second one.
fn parse(arguments: impl Iterator<Item = String>) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(arguments.enumerate().flat_map(|(index, argument)| {
        let times = if index == 2 && argument == "--" { 2 } else { 1 };
        std::iter::repeat_n(argument, times)
    }))
}

fn run(workspace: &Workspace, task: Task) -> Result<()> {
    match task {
        Task::Demo(arguments) => demo::run(workspace, &arguments),
        Task::Test(HandedOn { arguments }) => testing::run(workspace, &arguments),
        Task::TestCuda(HandedOn { arguments }) => testing::run_cuda(workspace, &arguments),
        Task::Fuzz(arguments) => fuzz::run(workspace, &arguments),
        Task::Attack(arguments) => attack::run(workspace, &arguments),
        Task::Lint => lint::run(workspace),
        Task::Tidy => tidy::run(workspace),
        Task::Dependencies => dependencies::run(workspace),
        Task::Setup {
            gpu,
            system_cuda,
            device,
        } => setup::run(workspace, gpu, system_cuda, device),
        Task::Docs { parts } => docs::run(workspace, &parts),
        Task::Page(arguments) => page::build(workspace, &arguments),
        Task::PageTest(HandedOn { arguments }) => page::test(workspace, &arguments),
        Task::Bench { parts } => bench::run(workspace, &parts),
        Task::Wheel(arguments) => wheel::run(workspace, &arguments),
        Task::Archive(arguments) => archive::run(workspace, &arguments),
        Task::Package => publishing::package(workspace),
        Task::Notes { tag } => publishing::notes(workspace, &tag),
        Task::ExportOnnx { directory } => onnx::export(&directory),
        Task::Interop => onnx::interop(workspace),
        Task::Golden => python::golden(workspace),
        Task::TrainPocket(HandedOn { arguments }) => python::train(workspace, "pocket", &arguments),
        Task::TrainPocketTurbo(HandedOn { arguments }) => {
            python::train(workspace, "pocket-turbo", &arguments)
        }
        Task::TrainPocketInpaint(HandedOn { arguments }) => {
            python::train(workspace, "pocket-inpaint", &arguments)
        }
        Task::TrainPocketDepth(HandedOn { arguments }) => {
            python::train(workspace, "pocket-depth", &arguments)
        }
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_task_is_listed_on_one_line() {
        Arguments::command().debug_assert();
        let usage = Arguments::command().term_width(125).render_help();
        for task in Arguments::command().get_subcommands() {
            let help = task.get_about().unwrap().to_string();
            assert!(usage.to_string().contains(&help), "{help}");
        }
    }

    #[test]
    fn arguments_are_understood_in_any_order_but_not_system_cuda_alone() {
        let setup = |arguments: &[&str]| {
            let arguments = ["xtask", "setup"].iter().chain(arguments);
            match Arguments::try_parse_from(arguments).ok()?.task {
                Task::Setup {
                    gpu, system_cuda, ..
                } => Some((gpu, system_cuda)),
                _ => None,
            }
        };
        assert_eq!(setup(&[]), Some((false, false)));
        assert_eq!(setup(&["--gpu"]), Some((true, false)));
        assert_eq!(setup(&["--gpu", "--system-cuda"]), Some((true, true)));
        assert_eq!(setup(&["--system-cuda", "--gpu"]), Some((true, true)));
        assert_eq!(setup(&["--system-cuda"]), None);
    }

    #[test]
    fn flags_of_other_programs_are_handed_on() {
        for given in [
            &["-p", "lb-video", "--", "--ignored"][..],
            &["--", "--ignored"],
        ] {
            let command = ["xtask", "test"].iter().chain(given);
            match parse(command.map(|part| part.to_string())).unwrap().task {
                Task::Test(HandedOn { arguments }) => assert_eq!(arguments, given),
                _ => panic!("another task"),
            }
        }
    }

    #[test]
    fn a_cause_is_not_repeated() {
        let error = anyhow::anyhow!("no file")
            .context("a: no file")
            .context("it failed");
        assert_eq!(with_causes(&error), "it failed: a: no file");
    }
}
