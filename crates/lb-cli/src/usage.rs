//! Reads the command line, shortens what `-h` shows, and advises about arguments that are wrong.

use std::ffi::OsString;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};
use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use lb_job::InvalidFilmLength;

use crate::arguments::{Arguments, command};
use crate::print;

/// The arguments that `lb render -h` and `lb plan -h` show; `--help` shows all of them.
const USED_MOST: &str = "prompts output force contact_sheet frames_dir audio svg json seed size \
    negative_prompt quality within depth_strength seconds film_seconds fps hold loop from to model";

/// What other programs call our options, with our names.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["--duration", "--time", "--length"], "--seconds"),
    (&["--total-seconds", "--film-length"], "--film-seconds"),
    (&["--framerate", "--frame-rate", "--rate"], "--fps"),
    (
        &["--width", "--height", "--resolution", "-W", "-H"],
        "--size",
    ),
    (&["--cfg", "--cfg-scale", "--guidance"], "--guidance-scale"),
    (&["--num-inference-steps", "--inference-steps"], "--steps"),
    (&["--num-frames", "--num-inter-frames"], "--frames"),
    (&["--scheduler"], "--sampler"),
    (&["--negative", "--neg"], "--negative-prompt"),
    (&["--clip-stop-at-last-layers"], "--clip-skip"),
    (&["--cfg-rescale", "--rescale-cfg"], "--guidance-rescale"),
    (&["--init-image", "--start", "--first"], "--from"),
    (&["--end", "--last"], "--to"),
    (&["--gif", "--mp4", "--webp", "--file"], "--output"),
    (&["--overwrite", "-y", "-f"], "--force"),
    (&["--gpu", "--cuda", "--cpu"], "--device"),
    (&["--sound", "--music"], "--audio"),
    (&["--budget", "--time-budget", "--max-time"], "--within"),
    (&["--batch-size"], "--batch"),
    (&["--strength", "--denoise"], "--depth-strength"),
];

/// What the command line asks for.
pub(crate) enum Parsed {
    /// To run a command.
    Arguments(Box<Arguments>),
    /// The help or the version, which has been printed.
    Help,
    /// Nothing that is understood: a message has been printed, and this is the exit code.
    Refused(ExitCode),
}

/// Reads the command line.
pub(crate) fn parse() -> Parsed {
    let given: Vec<OsString> = std::env::args_os().collect();
    let error = match read(&given) {
        Ok(arguments) => return Parsed::Arguments(Box::new(arguments)),
        Err(error) => error,
    };
    if !error.use_stderr() {
        print::help(&error.render().ansi().to_string());
        return Parsed::Help;
    }
    print::usage_error(&message(&error, &given));
    Parsed::Refused(ExitCode::from(2))
}

/// The message of an error about these arguments. clap and the errors of values quote arguments in it, so
/// they get the arguments once more in the form in which they may be shown.
fn message(error: &Error, given: &[OsString]) -> String {
    let shown = given.iter().map(|argument| {
        let text = argument.to_string_lossy();
        OsString::from(&*print::line(&text))
    });
    let shown: Vec<OsString> = shown.collect();
    if shown == given {
        return error.render().ansi().to_string();
    }
    match read(&shown) {
        Err(same) if same.kind() == error.kind() => same.render().ansi().to_string(),
        // Without its colours, all of the text is escaped.
        _ => error.render().to_string(),
    }
}

fn read(arguments: &[OsString]) -> Result<Arguments, Error> {
    let mut command = command();
    if arguments.iter().any(|argument| argument == "-h") {
        command = brief(command);
    }
    let read = command.try_get_matches_from_mut(arguments);
    read.and_then(|matches| Arguments::from_arg_matches(&matches))
        .map_err(|error| explained(error, &command, arguments))
}

/// The command with the rarely used options hidden, so that the help fits on a screen.
fn brief(command: clap::Command) -> clap::Command {
    ["render", "plan"]
        .into_iter()
        .fold(command, |command, name| {
            command.mut_subcommand(name, |command| {
                let examples = command.get_after_help().cloned().unwrap_or_default();
                command
                    .mut_args(|argument| {
                        let id = argument.get_id().as_str();
                        let rare = USED_MOST.split(' ').all(|used| used != id);
                        argument.hide(rare)
                    })
                    .after_help(format!(
                        "{examples}\n\nThese are the most common options; `lb {name} --help` lists all."
                    ))
            })
        })
}

/// The same error, with better advice if there is any.
fn explained(mut error: Error, command: &clap::Command, arguments: &[OsString]) -> Error {
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let ours = text(&error, ContextKind::InvalidArg).and_then(|name| from_elsewhere(&name));
            if let Some(ours) = ours {
                error.remove(ContextKind::Suggested);
                error.remove(ContextKind::Usage);
                error.insert(
                    ContextKind::SuggestedArg,
                    ContextValue::String(ours.to_owned()),
                );
            }
            error
        }
        ErrorKind::InvalidSubcommand => {
            let given = text(&error, ContextKind::InvalidSubcommand).unwrap_or_default();
            if is_for_render(&given, command) {
                error.remove(ContextKind::SuggestedSubcommand);
                let arguments = arguments.iter().skip(1);
                let line = render_command(arguments.map(|at| at.to_string_lossy().into_owned()));
                suggest(
                    &mut error,
                    &format!("to render a film, put `render` in front: {line}"),
                );
            }
            error
        }
        ErrorKind::ValueValidation => match number_advice(&error) {
            Some(advice) => {
                // A new error, because the old one would also print clap's own reason.
                let mut new = Error::new(ErrorKind::ValueValidation).with_cmd(command);
                for (kind, value) in error.context() {
                    new.insert(kind, value.clone());
                }
                suggest(&mut new, &advice);
                new
            }
            None => error,
        },
        _ => error,
    }
}

fn from_elsewhere(name: &str) -> Option<&'static str> {
    let name = name.split('=').next().unwrap_or(name);
    ELSEWHERE
        .iter()
        .find(|(names, _)| names.contains(&name))
        .map(|(_, ours)| *ours)
}

/// A word that is at least this similar to a command's name is taken for a typing mistake. Other words
/// are prompts or files, and `render` was left out.
const NEAR: f64 = 0.85;

fn is_for_render(given: &str, command: &clap::Command) -> bool {
    let mut commands = command.get_subcommands();
    !commands.any(|known| strsim::jaro_winkler(given, known.get_name()) >= NEAR)
}

/// The command line with `render` in front: prompts in quotes, and the rest as it was given.
fn render_command(arguments: impl Iterator<Item = String>) -> String {
    let mut flags = false;
    let words = arguments.map(|argument| {
        flags |= argument.starts_with('-');
        let is_plain = argument
            .chars()
            .all(|letter| letter.is_alphanumeric() || "-_=./,:+".contains(letter));
        match flags && is_plain {
            true => argument,
            false => format!("\"{argument}\""),
        }
    });
    let words: Vec<String> = words.collect();
    format!("lb render {}", words.join(" "))
}

/// Advice about a value that is not a number.
fn number_advice(error: &Error) -> Option<String> {
    use std::error::Error as _;
    let reason = error.source()?;
    let given = text(error, ContextKind::InvalidValue)?;
    let is_number = reason.is::<ParseFloatError>() || reason.is::<InvalidFilmLength>();
    if is_number && given.contains(',') || reason.is::<ParseFloatError>() {
        let comma = given.replacen(',', ".", 1);
        return Some(match comma.parse::<f64>() {
            Ok(_) => format!("write {comma}"),
            Err(_) => "give a plain number, as in 2.5".into(),
        });
    }
    let reason = reason.downcast_ref::<ParseIntError>()?;
    Some(match reason.kind() {
        IntErrorKind::PosOverflow => format!("give a number of at most {}", u64::MAX),
        _ => "give a whole number, 0 or more".into(),
    })
}

fn text(error: &Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        _ => None,
    }
}

fn suggest(error: &mut Error, advice: &str) {
    let advice = vec![advice.to_owned().into()];
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(advice));
}
