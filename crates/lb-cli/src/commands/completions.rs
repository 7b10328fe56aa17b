//! `lb completions`: prints a script with which a shell completes the arguments of lb.

use clap::{Args, Command};

use crate::error::CommandError;
use crate::print;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    shell: clap_complete::Shell,
}

const EXAMPLES: &str = "Examples:
  source <(lb completions bash)
  lb completions zsh > ~/.zfunc/_lb";

/// Prints the script for the arguments of `program`.
pub(crate) fn run(
    arguments: &CompletionsArguments,
    mut program: Command,
) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "lb", &mut script);
    print::text(&String::from_utf8_lossy(&script));
    Ok(())
}
