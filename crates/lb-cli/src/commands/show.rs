//! `lb show`: prints the job that a film carries.

use std::borrow::Cow;
use std::path::PathBuf;

use clap::Args;
use lb_render::embedded_job;

use crate::error::CommandError;
use crate::print;

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
    let text = embedded_job(&arguments.file)?;
    print::text(&harmless(&text));
    Ok(())
}

/// The text with everything in it escaped that a terminal obeys. A film may come from anybody. What is a
/// job remains the same job.
fn harmless(text: &str) -> Cow<'_, str> {
    let escaped = print::in_strings(text);
    if matches!(escaped, Cow::Borrowed(_)) {
        return escaped;
    }
    let Ok(job) = text.parse::<toml::Table>() else {
        // It is no job, and is only looked at.
        return escaped;
    };
    let is_same = |text: &str| text.parse::<toml::Table>().is_ok_and(|other| other == job);
    if is_same(&escaped) {
        return escaped;
    }
    // Literal strings have no escapes, so all strings are written as basic ones.
    let written = as_basic_strings(&job);
    match is_same(&written) {
        true => written.into(),
        false => escaped,
    }
}

/// A table in TOML, with a line for each key and all strings in double quotes.
fn as_basic_strings(table: &toml::Table) -> String {
    let lines = entries(table).map(|entry| entry + "\n");
    lines.collect()
}

fn entries(table: &toml::Table) -> impl Iterator<Item = String> {
    table
        .iter()
        .map(|(key, item)| format!("{} = {}", basic_string(key), value(item)))
}

fn value(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => basic_string(text),
        toml::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(self::value).collect();
            format!("[{}]", items.join(", "))
        }
        toml::Value::Table(table) => {
            let entries: Vec<String> = entries(table).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// A string with JSON's escapes, all of which TOML has too.
fn basic_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    print::in_strings(&quoted).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_of_which_a_terminal_obeys_nothing_is_shown_as_it_is() {
        let text = "# A film\nprompt = \"an \u{c9}clair\"\n\tseed = 1\n";
        assert!(matches!(harmless(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn nothing_in_a_job_is_obeyed_and_it_means_the_same() {
        for text in [
            "# \u{9b}2J\nprompt = \"a\u{9b}31m\u{202e}b\"",
            // TOML has no escapes in these strings.
            "prompt = 'a\u{9b}31m\"'\n[[keyframe]]\nprompt = '''\na\u{85}\n'''\n'\u{9b}' = 1",
            "a = 1\r\nb = \"\u{9d}0;c\"\r\n",
        ] {
            let shown = harmless(text);
            let obeyed = |letter: char| letter.is_control() && letter != '\n';
            assert!(
                !shown.contains(obeyed) && !shown.contains('\u{202e}'),
                "{shown:?}"
            );
            let same = (shown.parse::<toml::Table>(), text.parse::<toml::Table>());
            assert_eq!(same.0.unwrap(), same.1.unwrap(), "{shown}");
        }
    }

    #[test]
    fn what_is_no_job_is_not_obeyed_either() {
        assert_eq!(harmless("a\n\u{1b}[2J\tb\u{9b}"), "a\n\\u001b[2J\tb\\u009b");
    }
}
