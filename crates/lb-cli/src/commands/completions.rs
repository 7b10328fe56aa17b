//! `lb completions`: prints a script with which a shell completes the arguments of lb.

use clap::Args;

use crate::arguments::command;
use crate::error::CommandError;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    shell: clap_complete::Shell,
}

const EXAMPLES: &str = "Examples:
  source <(lb completions bash)
  lb completions zsh > ~/.zfunc/_lb";

pub(crate) fn run(arguments: &CompletionsArguments) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command(), "lb", &mut script);
    print!("{}", String::from_utf8_lossy(&script));
    Ok(())
}
