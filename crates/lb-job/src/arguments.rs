//! The settings as arguments of a command line, with the feature `arguments`.
//!
//! [`JobSettings`] and its parts derive [`clap::Args`], so a program takes all flags of a film with
//! `#[command(flatten)]`. An argument's id is the setting's key: `seconds`, or `upscale.steps` for a
//! key of a table. [`with_defaults`] adds the defaults to the help texts.

use std::ffi::OsString;

use clap::builder::{Resettable, StyledStr};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use serde_json::Value;

use crate::JobSettings;

pub use crate::value_parsers::{choices, list_item};

/// Adds `[default: …]` to the help of every setting that has a fixed default.
#[must_use]
pub fn with_defaults(command: Command) -> Command {
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
pub fn quoted(argument: Arg, default: &str) -> Arg {
    let with = |help: &StyledStr| StyledStr::from(format!("{help} [default: {default}]"));
    let short = Resettable::from(argument.get_help().map(with));
    let long = Resettable::from(argument.get_long_help().map(with));
    argument.help(short).long_help(long)
}

/// The settings that shape single keyframes, as arguments: those of a program that makes stills.
///
/// They are declared with all others in [`JobSettings`]; the flags of transitions, timing and upscaling
/// are not among them, and neither is `--steps`, which has other companions in a film.
#[derive(Clone, PartialEq, Debug)]
pub struct StillArguments(pub JobSettings);

/// The keys of the settings that shape single keyframes.
const OF_STILLS: [&str; 18] = [
    "negative_prompt",
    "lora",
    "embedding",
    "size",
    "guidance_scale",
    "guidance_rescale",
    "guidance_every",
    "prompt_syntax",
    "clip_skip",
    "sampler",
    "timestep_spacing",
    "model",
    "vae",
    "inpaint.image",
    "inpaint.mask",
    "inpaint.feather",
    "fit",
    "depth.image",
];

impl StillArguments {
    /// A command with the flags of all settings, which is never run.
    fn all() -> Command {
        JobSettings::augment_args(Command::new("settings").no_binary_name(true))
    }

    fn arguments(all: &Command) -> impl Iterator<Item = &Arg> {
        all.get_arguments()
            .filter(|argument| OF_STILLS.contains(&argument.get_id().as_str()))
    }
}

impl Args for StillArguments {
    fn augment_args(command: Command) -> Command {
        command.args(Self::arguments(&Self::all()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for StillArguments {
    /// Hands what was given on to a command that has the flags of all settings, because the reader that
    /// is derived for them asks for each.
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let all = Self::all();
        let mut given = Vec::new();
        for argument in Self::arguments(&all) {
            let values = matches.get_raw(argument.get_id().as_str());
            for value in values.into_iter().flatten() {
                let mut flag = OsString::from(format!("--{}=", argument.get_long().unwrap_or("")));
                flag.push(value);
                given.push(flag);
            }
        }
        let mut settings = JobSettings::from_arg_matches(&all.try_get_matches_from(given)?)?;
        // A switch that is not given is read as turned off.
        settings.timing.looped = None;
        Ok(Self(settings))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
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
    fn stills_take_the_settings_of_keyframes_alone() {
        let command = || StillArguments::augment_args(Command::new("stills"));
        command().debug_assert();
        let read = |arguments: &[&str]| {
            let arguments = ["stills"].iter().chain(arguments);
            let matches = command().try_get_matches_from(arguments)?;
            StillArguments::from_arg_matches(&matches)
        };
        let given = [
            "--negative-prompt",
            "a, b=c",
            "--size=64x128",
            "--guidance-scale=3.5",
            "--sampler=dpmpp-2m",
            "--model",
            "./m",
            "--image=p.png",
            "--mask=m.png",
            "--feather=2",
            "--fit=crop",
            "--depth=d.png",
        ];
        let text = "negative_prompt = 'a, b=c'\nguidance_scale = 3.5\n[inpaint]\nimage = 'p.png'\n\
                    mask = 'm.png'\nfeather = 2\n[depth]\nimage = 'd.png'\n";
        let film =
            "size = '64x128'\nsampler = 'dpmpp-2m'\nmodel = './m'\nfit = 'crop'\n[defaults]\n";
        let path = std::path::Path::new("film.toml");
        let file = JobSettings::parse(&format!("{film}{text}"), path).unwrap();
        assert_eq!(read(&given).unwrap().0, file);
        assert_eq!(read(&[]).unwrap().0, JobSettings::default());
        assert_eq!(
            command().get_arguments().count(),
            OF_STILLS.len(),
            "each key is that of a setting"
        );
        for other in ["--fps=3", "--loop", "--quality=low", "--upscale=x4"] {
            assert!(read(&[other]).is_err(), "{other}");
        }
        assert!(read(&["--size=big"]).is_err());
    }

    #[test]
    fn every_setting_with_a_fixed_default_quotes_it() {
        let mut command = command();
        let help = command.render_long_help().to_string();
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for expected in [
            "Seconds of each transition [default: 3]",
            "Guidance scale of keyframes that are made from prompts; 1 and 0 mean no guidance [default: 4]",
            "Seed of the second stage's noise, which is the same for all of its frames [default: 420]",
            "Sampler that denoises the latents [default: ddim]",
            "medium: 12 steps, 24 computed frames, 52 pictures",
        ] {
            assert!(words.contains(expected), "{expected}: {help}");
        }
    }
}
