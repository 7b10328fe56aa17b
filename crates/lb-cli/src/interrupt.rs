//! Ctrl-C, and the other signals that ask a program to end: the first time the work ends cleanly, the second
//! time the program ends at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::CommandError;
use crate::print;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Begins to listen for Ctrl-C.
///
/// Signals that whoever started the program has set to be ignored stay ignored: `nohup` does so with that of
/// a closed terminal, and shells do so with Ctrl-C for what they run in the background.
pub(crate) fn listen() -> Result<(), CommandError> {
    let handler = || {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(CommandError::INTERRUPTED));
        }
        // Terminals show the keys that were pressed, as in `^C`.
        print::over_line(
            "interrupted: stopping after this step (press Ctrl-C again to stop at once)",
        );
    };
    signals::listen(handler)
        .map_err(|error| CommandError::unready(format!("cannot listen for interrupts: {error}")))
}

/// Whether Ctrl-C was pressed.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

#[cfg(not(unix))]
mod signals {
    pub(super) fn listen(handler: impl Fn() + Send + 'static) -> Result<(), ctrlc::Error> {
        ctrlc::set_handler(handler)
    }
}

#[cfg(unix)]
mod signals {
    use std::io;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    pub(super) fn listen(handler: impl Fn() + Send + 'static) -> io::Result<()> {
        let heeded = [SIGINT, SIGTERM, SIGHUP].into_iter();
        let mut signals = Signals::new(heeded.filter(|signal| !is_ignored(*signal)))?;
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || signals.forever().for_each(|_| handler()))?;
        Ok(())
    }

    fn is_ignored(signal: i32) -> bool {
        match lb_files::read_text(Path::new("/proc/self/status"), 1 << 16) {
            Ok(status) => is_ignored_in(&status, signal),
            // Only Linux has this file.
            Err(_) => is_ignored_by_child(signal),
        }
    }

    /// Whether a process with this status ignores a signal.
    fn is_ignored_in(status: &str, signal: i32) -> bool {
        let mut lines = status.lines();
        let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
        ignored.is_some_and(|ignored| ignored >> (signal - 1) & 1 == 1)
    }

    /// Whether a process that this one starts, which ignores the same signals, survives a signal.
    fn is_ignored_by_child(signal: i32) -> bool {
        let mut child = Command::new("sh");
        child.args(["-c", &format!("kill -{signal} $$")]);
        child.stdin(Stdio::null());
        child.stdout(Stdio::null()).stderr(Stdio::null());
        child.status().is_ok_and(|status| status.success())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn ignored_signals_are_the_bits_of_the_status() {
            let status = "SigBlk:\tffffffffffffffff\nSigIgn:\t0000000000000003\nSigCgt:\tffff\n";
            assert!(is_ignored_in(status, SIGHUP) && is_ignored_in(status, SIGINT));
            assert!(!is_ignored_in(status, SIGTERM));
            assert!(!is_ignored_in("", SIGHUP) && !is_ignored_in("SigIgn:\tx\n", SIGHUP));
        }

        #[test]
        fn both_ways_to_find_out_agree() {
            for signal in [SIGHUP, SIGINT, SIGTERM] {
                assert_eq!(is_ignored_by_child(signal), is_ignored(signal));
            }
        }
    }
}
