//! `lb show`: prints the job that a film carries.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use lb_render::embedded_job;

use crate::error::CommandError;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowArguments {
    /// A film, a picture, or a folder of frames that lb made.
    #[arg(value_name = "FILE|DIR")]
    file: PathBuf,
}

const EXAMPLES: &str = "Examples:
  lb show film.mp4
  lb show film.mp4 > film.toml";

pub(crate) fn run(arguments: &ShowArguments) -> Result<(), CommandError> {
    let mut text = embedded_job(&arguments.file)?;
    if std::io::stdout().is_terminal() {
        text = for_terminal(&text);
    }
    print!("{text}");
    Ok(())
}

/// The text without control characters. A film may come from anybody, and a terminal obeys them.
fn for_terminal(text: &str) -> String {
    let is_obeyed = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    text.replace(is_obeyed, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(
            for_terminal("a\n\u{1b}[2J\tb\u{9b}"),
            "a\n\u{fffd}[2J\tb\u{fffd}"
        );
    }
}
