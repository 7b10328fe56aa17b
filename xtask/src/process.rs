//! Running other programs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

/// A call of the cargo that runs this task, in `folder`.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}

/// Runs a command to its end. An error names the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status();
    let status = status.with_context(|| format!("{} could not be run", shown(command)))?;
    ensure!(status.success(), "{} failed ({status})", shown(command));
    Ok(())
}

/// Runs a command to its end and returns what it wrote to standard output.
pub(crate) fn standard_output(command: &mut Command) -> Result<String> {
    let output = command.output();
    let output = output.with_context(|| format!("{} could not be run", shown(command)))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        let (command, status, message) = (shown(command), output.status, message.trim_end());
        bail!("{command} failed ({status}): {message}");
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed something that is not text", shown(command)))
}

/// A command as a user would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_stem().unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let error = standard_output(cargo(folder).arg("no-such-command")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cargo no-such-command failed"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let error = run(&mut Command::new("/nowhere/program")).unwrap_err();
        assert!(error.to_string().contains("could not be run"), "{error}");
    }
}
