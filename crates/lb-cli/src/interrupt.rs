//! Ctrl-C: the first one asks for a clean end, the second one ends at once.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::CommandError;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Listens from now on.
pub(crate) fn listen() -> Result<(), CommandError> {
    let handler = || {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(CommandError::INTERRUPTED));
        }
        // On a terminal, in the place of the progress bar, which is drawn again below.
        let line = if std::io::stderr().is_terminal() {
            "\r\x1b[2K"
        } else {
            ""
        };
        eprintln!("{line}interrupted: ending after this step (once more to end at once)");
    };
    ctrlc::set_handler(handler)
        .map_err(|error| CommandError::Unready(format!("cannot listen for interrupts: {error}")))
}

pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
