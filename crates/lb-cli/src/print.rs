//! Printing that does not fail when the other end of a pipe is closed, and that does not write through
//! the progress bar.
//!
//! The standard library's macros panic when a pipe is closed, as in `lb plan … | head -1`. In this crate,
//! macros of the same names replace them: text that nobody reads is dropped, and the work continues. Any
//! other failure of standard output, such as a full disk, is kept for [`finish`].

use std::fmt::{Arguments, Display};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::Mutex;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::ProgressBar;

static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);

/// The bar that is on the screen, if there is one.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

macro_rules! print {
    ($($argument:tt)+) => { $crate::print::output(format_args!($($argument)+), "") };
}

macro_rules! println {
    () => { $crate::print::output(format_args!(""), "\n") };
    ($($argument:tt)+) => { $crate::print::output(format_args!($($argument)+), "\n") };
}

macro_rules! eprintln {
    ($($argument:tt)+) => { $crate::print::line(format_args!($($argument)+)) };
}

pub(crate) fn output(text: Arguments<'_>, end: &str) {
    note(write!(io::stdout().lock(), "{text}{end}"));
}

/// Prints a line on standard error.
pub(crate) fn line(text: Arguments<'_>) {
    above_bar(|| {
        // If standard error is closed, the failure cannot be reported anywhere.
        let _ = writeln!(AutoStream::auto(io::stderr().lock()), "{text}");
    });
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
    line(format_args!("{style}{label}:{style:#} {message}"));
}

/// Whether text on standard error may be coloured. It follows the terminal and the variables
/// `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE` (<https://bixense.com/clicolors>).
pub(crate) fn allows_colour() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// Prints everything above this bar until [`without_bar`] is called.
pub(crate) fn with_bar(bar: &ProgressBar) {
    if let Ok(mut current) = BAR.lock() {
        *current = Some(bar.clone());
    }
}

/// Prints where the cursor is again.
pub(crate) fn without_bar() {
    if let Ok(mut current) = BAR.lock() {
        *current = None;
    }
}

/// Takes the bar off the screen while `print` runs.
fn above_bar(print: impl FnOnce()) {
    // The bar is cloned, so that nothing is locked while something is printed.
    let bar = BAR.lock().ok().and_then(|bar| bar.clone());
    match bar {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

/// Standard error for the log, whose lines appear above the progress bar.
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = Ok(bytes.len());
        above_bar(|| written = io::stderr().lock().write(bytes));
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Whether somebody can be asked a question.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
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
