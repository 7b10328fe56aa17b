//! Printing that outlives its readers.
//!
//! The standard library's macros panic where the other end of a pipe is closed, as in
//! `lb plan … | head -1`. These take their names in this crate: what nobody reads is dropped, and
//! the work goes on. Any other failure of standard output (a full disk) is kept for [`finish`].

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::Mutex;

static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);

macro_rules! print {
    ($($argument:tt)+) => { $crate::print::output(format_args!($($argument)+), "") };
}

macro_rules! println {
    () => { $crate::print::output(format_args!(""), "\n") };
    ($($argument:tt)+) => { $crate::print::output(format_args!($($argument)+), "\n") };
}

macro_rules! eprintln {
    ($($argument:tt)+) => { $crate::print::error(format_args!($($argument)+)) };
}

pub(crate) fn output(text: Arguments<'_>, end: &str) {
    note(write!(io::stdout().lock(), "{text}{end}"));
}

pub(crate) fn error(text: Arguments<'_>) {
    // Where standard error is closed, there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Hands on what is still held back.
///
/// # Errors
///
/// The first failure of standard output, unless it was that nobody reads it.
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
