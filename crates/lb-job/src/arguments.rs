//! The settings as arguments of a command line, with the feature `arguments`.
//!
//! [`JobSettings`] and its parts derive [`clap::Args`], so a program takes all flags of a film with
//! `#[command(flatten)]`. An argument's id is the setting's key: `seconds`, or `upscale.steps` for a
//! key of a table. [`with_defaults`] adds the defaults to the help texts.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, Resettable, StyledStr, TypedValueParser};
use lb_schedule::Choice;
use serde_json::Value;

use crate::JobSettings;

/// A parser for a named choice, which lists every name with its help.
pub fn choices<C>() -> impl TypedValueParser<Value = C>
where
    C: Choice + Send + Sync + 'static,
{
    let names = C::ALL.iter().map(|choice| {
        let help = choice.help();
        let help = help.strip_suffix('.').unwrap_or(help);
        PossibleValue::new(choice.name()).help(help)
    });
    PossibleValuesParser::new(names).try_map(|name| name.parse::<C>())
}

/// Reads an item of a list, with or without spaces around it.
///
/// # Errors
/// Those of the item's type.
pub fn list_item<N: FromStr>(text: &str) -> Result<N, N::Err> {
    text.trim().parse()
}

/// Adds `[default: …]` to the help of every setting that has a fixed default.
#[must_use]
pub fn with_defaults(command: clap::Command) -> clap::Command {
    let defaults = serde_json::to_value(JobSettings::defaults()).unwrap_or_default();
    command.mut_args(|argument| {
        let id = argument.get_id().as_str();
        match default_of(&defaults, id) {
            Some(default) => quoted(argument, &default),
            None => argument,
        }
    })
}

/// Adds a default to an argument's help.
#[must_use]
pub fn quoted(argument: clap::Arg, default: &str) -> clap::Arg {
    let with = |help: &StyledStr| StyledStr::from(format!("{help} [default: {default}]"));
    let short = Resettable::from(argument.get_help().map(with));
    let long = Resettable::from(argument.get_long_help().map(with));
    argument.help(short).long_help(long)
}

/// The default of the setting with this key, as it is written on a command line.
fn default_of(defaults: &Value, id: &str) -> Option<String> {
    let value = match id.split_once('.') {
        Some((table, key)) => &defaults[table][key],
        None => defaults.get(id).or_else(|| defaults["defaults"].get(id))?,
    };
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => number.as_f64().map(|number| number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};
    use lb_schedule::Quality;

    use super::*;

    fn command() -> Command {
        with_defaults(JobSettings::augment_args(Command::new("film")))
    }

    fn read(arguments: &[&str]) -> Result<JobSettings, clap::Error> {
        let arguments = ["film"].iter().chain(arguments);
        let matches = command().try_get_matches_from(arguments)?;
        JobSettings::from_arg_matches(&matches)
    }

    #[test]
    fn clap_accepts_the_definition() {
        command().debug_assert();
    }

    #[test]
    fn flags_are_read_into_the_settings_of_a_job_file() {
        let mut flags = read(&[
            "--quality=LOW",
            "--seconds=4",
            "--upscale=x4",
            "--upscale-steps=9",
            "--crossfeed-parental-decay=0.5",
            "--size=512x768",
        ])
        .unwrap();
        let text = "size = \"512x768\"\n[defaults]\nquality = \"low\"\nseconds = 4\n[upscale]\n\
                    model = \"x4\"\nsteps = 9\n[crossfeed]\nparental_decay = 0.5\n";
        let file = JobSettings::parse(text, std::path::Path::new("film.toml")).unwrap();
        // clap reads a switch that is not given as `false`, which a caller has to open again.
        flags.timing.looped = None;
        assert_eq!(flags, file);
        assert_eq!(file.defaults.branching.quality, Some(Quality::Low));
        assert!(read(&["--easing=bouncy"]).is_err());
    }

    #[test]
    fn every_setting_with_a_fixed_default_quotes_it() {
        let mut command = command();
        let help = command.render_long_help().to_string();
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for expected in [
            "Seconds of each transition [default: 3]",
            "Guidance scale of keyframes that are made from prompts; 1 means no guidance [default: 4]",
            "Seed of the second stage's noise, which is the same for all of its frames [default: 420]",
            "Sampler that denoises the latents [default: ddim]",
            "medium: 12 steps, 24 computed frames, 52 pictures",
        ] {
            assert!(words.contains(expected), "{expected}: {help}");
        }
    }
}
