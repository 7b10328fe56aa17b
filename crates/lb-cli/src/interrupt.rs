//! Ctrl-C: the first time the work ends cleanly, the second time the program ends at once.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::CommandError;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Begins to listen for Ctrl-C.
pub(crate) fn listen() -> Result<(), CommandError> {
    let handler = || {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(CommandError::INTERRUPTED));
        }
        // On a terminal, the message replaces the progress bar, which is drawn again below it.
        let line = if std::io::stderr().is_terminal() {
            "\r\x1b[2K"
        } else {
            ""
        };
        eprintln!(
            "{line}interrupted: stopping after this step (press Ctrl-C again to stop at once)"
        );
    };
    ctrlc::set_handler(handler)
        .map_err(|error| CommandError::unready(format!("cannot listen for interrupts: {error}")))
}

/// Whether Ctrl-C was pressed.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
