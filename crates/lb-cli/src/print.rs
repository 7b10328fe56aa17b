//! Printing that does not fail when the other end of a pipe is closed.
//!
//! The standard library's macros panic then, as in `lb plan … | head -1`. In this crate, macros of the
//! same names replace them: text that nobody reads is dropped, and the work continues. Any other
//! failure of standard output, such as a full disk, is kept for [`finish`].

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
    // If standard error is closed, the failure cannot be reported anywhere.
    let _ = writeln!(io::stderr().lock(), "{text}");
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
