//! `lb man`: writes man pages from the definitions of the arguments, for those who package lb.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::Man;

use crate::error::CommandError;
use crate::write::write;

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The folder for lb.1, lb-render.1 and so on; it must exist.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Replace pages that exist.
    #[arg(long)]
    force: bool,
}

/// Writes a page for `program` and for each of its commands.
pub(crate) fn run(arguments: &ManArguments, program: Command) -> Result<(), CommandError> {
    for (name, page) in pages(program) {
        let path = arguments.folder.join(name);
        write(&path, &page, arguments.force)?;
        outln!("{}", path.display());
    }
    Ok(())
}

/// The names and the texts of the pages: one page for the program and one for each command.
fn pages(mut program: Command) -> Vec<(String, String)> {
    program.build();
    let commands = program.get_subcommands().filter(|at| !at.is_hide_set());
    let commands = commands.map(|at| {
        let name = format!("lb-{}", at.get_name());
        at.clone()
            .display_name(name.clone())
            .bin_name(name.replacen('-', " ", 1))
    });
    std::iter::once(program.clone())
        .chain(commands)
        .map(|command| {
            let name = command.get_display_name().unwrap_or(command.get_name());
            let name = format!("{name}.1");
            let mut page = Vec::new();
            // Writing into memory does not fail.
            let _ = Man::new(command).render(&mut page);
            (name, String::from_utf8_lossy(&page).into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::command;

    #[test]
    fn every_flag_is_in_its_page() {
        let pages = pages(command());
        let page = |name: &str| {
            let found = pages.iter().find(|(page, _)| page == name);
            found.map(|(_, text)| text.replace('\\', "")).expect(name)
        };
        assert!(page("lb.1").contains("render"));
        assert!(pages.iter().all(|(name, _)| name != "lb-man.1"));
        for command in command().get_subcommands().filter(|at| !at.is_hide_set()) {
            let text = page(&format!("lb-{}.1", command.get_name()));
            for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(text.contains(&format!("--{flag}")), "{flag}: {text}");
            }
        }
        assert!(page("lb-render.1").contains("[default: 3]"));
    }
}
