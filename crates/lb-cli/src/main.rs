//! `lb`: films in which one prompt's picture becomes another's.
//!
//! The command line is thin: `lb-render` does the work. [`usage`] reads the arguments that
//! [`arguments`] declares. A command in [`commands`] turns them into a job ([`film`]), outputs
//! ([`outputs`]), a renderer ([`machine`]) and a cache ([`cache`]); [`surroundings`] supplies what
//! depends on the environment. This crate also shows progress ([`progress`]), warnings ([`warnings`])
//! and errors with hints and exit codes ([`error`]).
//!
//! Unsafe code is denied except in [`telemetry`], because setting an environment variable is unsafe.

#![deny(unsafe_code)]

#[macro_use]
mod print;
#[macro_use]
mod facts;

mod arguments;
mod cache;
mod commands;
mod error;
mod film;
mod interrupt;
mod machine;
mod outputs;
mod progress;
mod sound;
mod surroundings;
mod telemetry;
mod usage;
mod warnings;
mod write;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command};
use crate::error::CommandError;
use crate::surroundings::Surroundings;
use crate::usage::Parsed;

fn main() -> ExitCode {
    telemetry::switch_off();
    print::panics();
    let arguments = match usage::parse() {
        Parsed::Arguments(arguments) => arguments,
        Parsed::Help => return ended(finish()),
        Parsed::Refused(code) => return code,
    };
    trace(arguments.verbose);
    ended(run(&arguments).and_then(|()| finish()))
}

/// Prints the error, if there is one, and returns the exit code.
fn ended(result: Result<(), CommandError>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    print::error(&error);
    for detail in error.details() {
        errln!("{detail}");
    }
    if let Some(hint) = error.hint() {
        print::hint(hint);
    }
    error.exit_code()
}

fn run(Arguments { command, quiet, .. }: &Arguments) -> Result<(), CommandError> {
    let surroundings = Surroundings::look();
    let quiet = *quiet;
    match command {
        Command::Render(render) => commands::render::run(render, quiet, &surroundings),
        Command::Seeds(seeds) => commands::seeds::run(seeds, quiet, &surroundings),
        Command::Studio(studio) => commands::studio::run(studio, quiet, &surroundings),
        Command::Upscale(upscale) => commands::upscale::run(upscale, quiet, &surroundings),
        Command::Plan(plan) => commands::plan::run(plan, quiet, &surroundings),
        Command::Measure(measure) => commands::measure::run(measure),
        Command::Show(show) => commands::show::run(show),
        Command::Import(import) => commands::import::run(import, quiet, &surroundings),
        Command::Pull(pull) => commands::pull::run(pull, quiet, &surroundings),
        Command::Models(models) => commands::models::run(models, quiet, &surroundings),
        Command::Cache(cache) => commands::cache::run(cache, quiet, &surroundings),
        Command::Doctor(doctor) => commands::doctor::run(doctor, &surroundings),
        Command::Completions(completions) => {
            commands::completions::run(completions, arguments::command())
        }
        Command::Man(man) => commands::man::run(man, arguments::command()),
    }
}

fn finish() -> Result<(), CommandError> {
    print::finish().map_err(|error| CommandError::write("standard output", error))
}

fn trace(verbose: u8) {
    let filter = match verbose {
        // If a failure in ONNX Runtime matters, our own error contains its message.
        0 => EnvFilter::new("warn,ort=off"),
        1 => EnvFilter::new("info,ort=warn"),
        _ => EnvFilter::new("debug,ort=info"),
    };
    print::log(filter, verbose > 1);
}
