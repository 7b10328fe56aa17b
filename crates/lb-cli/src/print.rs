//! Everything that the program shows goes through this module: results, errors, the log, and the
//! [progress bar](Bar).
//!
//! - What comes from files and arguments is [escaped], so that a terminal shows it and does not obey it.
//! - Printing does not fail when the other end of a pipe is closed, as in `lb plan … | head -1`: text that
//!   nobody reads is dropped, and the work continues. Any other failure of standard output, such as a full
//!   disk, is kept for [`finish`].
//! - Nothing is written through the progress bar.
//!
//! The standard library's macros do none of this, and are not used: `cargo xtask tidy` looks for them.

mod bar;
mod escaped;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::fmt::{Arguments, Display};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::sync::Mutex;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format;

pub(crate) use indicatif::HumanDuration;

pub(crate) use self::bar::Bar;
pub(crate) use self::escaped::{in_strings, line};

/// The most characters of an error, a warning or a hint that are printed. What it quotes may be long.
const LONGEST_MESSAGE: usize = 2000;

static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a line on standard output.
macro_rules! outln {
    () => { $crate::print::output(format_args!(""), "\n") };
    ($($argument:tt)+) => { $crate::print::output(format_args!($($argument)+), "\n") };
}

/// Prints a part of a line on standard output.
macro_rules! out {
    ($($argument:tt)+) => { $crate::print::output(format_args!($($argument)+), "") };
}

/// Prints a line on standard error.
macro_rules! errln {
    ($($argument:tt)+) => { $crate::print::error_line(format_args!($($argument)+)) };
}

pub(crate) fn output(text: Arguments<'_>, end: &str) {
    let text = plain(text);
    note(write!(io::stdout().lock(), "{}{end}", line(&text)));
}

/// Prints a text of several lines on standard output. It is the program's own, or has been made
/// [harmless](in_strings).
pub(crate) fn text(text: &str) {
    note(
        io::stdout()
            .lock()
            .write_all(escaped::lines(text).as_bytes()),
    );
}

/// Prints a line of JSON on standard output.
pub(crate) fn json(text: &str) {
    note(writeln!(io::stdout().lock(), "{}", escaped::json(text)));
}

/// Keeps the reason why something cannot be printed on standard output for [`finish`].
pub(crate) fn failed(reason: io::Error) {
    note(Err(reason));
}

/// Prints a help text of clap on standard output.
pub(crate) fn help(text: &str) {
    let text = escaped::styled(text);
    note(write!(AutoStream::auto(io::stdout().lock()), "{text}"));
}

/// Prints an error of clap on standard error.
pub(crate) fn usage_error(text: &str) {
    let text = escaped::styled(text);
    to_error(&text);
}

/// Prints a line on standard error.
pub(crate) fn error_line(text: Arguments<'_>) {
    to_error(&format!("{}\n", line(&plain(text))));
}

/// Prints a line on standard error. On a terminal it takes the place of the line that the cursor is in.
pub(crate) fn over_line(text: &str) {
    let clear = match is_terminal() {
        true => "\r\u{1b}[2K",
        false => "",
    };
    to_error(&format!("{clear}{}\n", line(text)));
}

/// Prints an error on standard error.
pub(crate) fn error(message: impl Display) {
    labelled("error", AnsiColor::Red, message);
}

/// Prints a warning on standard error.
pub(crate) fn warning(message: impl Display) {
    labelled("warning", AnsiColor::Yellow, message);
}

/// Prints a hint on standard error.
pub(crate) fn hint(message: impl Display) {
    labelled("hint", AnsiColor::Green, message);
}

fn labelled(label: &str, colour: AnsiColor, message: impl Display) {
    let style = Style::new().fg_color(Some(colour.into())).bold();
    let message = message.to_string();
    let (message, rest) = match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => message.split_at(end),
        None => (&message[..], ""),
    };
    let rest = match rest.chars().count() {
        0 => String::new(),
        more => format!("… ({more} more characters)"),
    };
    to_error(&format!(
        "{style}{label}:{style:#} {}{rest}\n",
        line(message)
    ));
}

/// Prints a text whose only escape sequences are the program's own.
fn to_error(text: &str) {
    bar::suspended(|| {
        // If standard error is closed, the failure cannot be reported anywhere.
        let _ = AutoStream::auto(io::stderr().lock()).write_all(text.as_bytes());
    });
}

fn plain(text: Arguments<'_>) -> Cow<'static, str> {
    text.as_str()
        .map_or_else(|| text.to_string().into(), Cow::from)
}

/// Whether text on standard error may be coloured. It follows the terminal and the variables
/// `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE` (<https://bixense.com/clicolors>).
fn allows_colour() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// Prints the log on standard error from now on.
pub(crate) fn log(filter: EnvFilter, with_target: bool) {
    // A message may quote a file, and so may the values of other fields.
    let fields = format::debug_fn(|writer, field, value| {
        let value = format!("{value:?}");
        match field.name() {
            "message" => write!(writer, "{}", line(&value)),
            name => write!(writer, "{name}={}", line(&value)),
        }
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Log)
        .with_target(with_target)
        .with_ansi(allows_colour())
        .fmt_fields(fields.delimited(" "))
        // If standard error is closed, reporting that there would panic.
        .log_internal_errors(false)
        .init();
}

/// Standard error for the log, whose lines appear above the progress bar.
struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = Ok(bytes.len());
        bar::suspended(|| written = AutoStream::auto(io::stderr().lock()).write(bytes));
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Prints panics on standard error from now on. The message of one may quote a file.
pub(crate) fn panics() {
    std::panic::set_hook(Box::new(panicked));
}

fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let reason = panic.payload_as_str().unwrap_or("no reason is given");
    error(format_args!(
        "lb panicked at {}: {reason}",
        place.as_deref().unwrap_or("an unknown place")
    ));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        to_error(&escaped::lines(&format!("{backtrace}\n")));
    }
    hint("this is a mistake in lb; RUST_BACKTRACE=1 shows where it happened");
}

/// Asks a question on the terminal, and reads a line.
///
/// # Errors
/// If standard error cannot be written or standard input cannot be read.
pub(crate) fn ask(question: &str) -> io::Result<String> {
    let mut stderr = io::stderr();
    write!(stderr, "{} ", line(question))?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer)
}

/// Whether somebody can be asked a question.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && is_terminal()
}

/// Whether standard error is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Writes what is still in the buffer.
///
/// # Errors
/// The first failure of standard output, other than a closed pipe.
pub(crate) fn finish() -> io::Result<()> {
    note(io::stdout().flush());
    let kept = FAILURE.lock().map(|mut kept| kept.take());
    kept.ok().flatten().map_or(Ok(()), Err)
}

fn note(written: io::Result<()>) {
    match (written, FAILURE.lock()) {
        (Err(failure), Ok(mut kept)) if failure.kind() != ErrorKind::BrokenPipe => {
            kept.get_or_insert(failure);
        }
        _ => {}
    }
}
