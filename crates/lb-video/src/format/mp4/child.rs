//! A running program that encodes, and its messages.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;

use lb_files::UnfinishedOutput;

use crate::error::VideoError;

/// How many lines of a program's messages are kept.
const LAST_LINES: usize = 8;

/// ffmpeg repeats these words of the system for a full disk (ENOSPC).
const NO_SPACE: &str = "No space left on device";

/// Messages of ffmpeg, up to version 5 at least, when it could not complete its output and yet ends as
/// if it had.
const UNFINISHED: [&str; 2] = ["Error writing trailer", "Error closing file"];

/// A program that takes bytes on its standard input. If this is dropped before `finish`, the program is
/// killed.
pub(super) struct EncoderChild {
    program: PathBuf,
    output: UnfinishedOutput,
    child: Child,
    messages: Option<JoinHandle<Vec<String>>>,
}

impl EncoderChild {
    pub(super) fn start(
        program: &Path,
        mut command: Command,
        output: UnfinishedOutput,
    ) -> Result<Self, VideoError> {
        let not_started = |source| VideoError::EncoderNotStarted {
            program: program.to_path_buf(),
            source,
        };
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(not_started)?;
        // The messages are read all the while, since a full pipe would stop the program.
        let messages = child
            .stderr
            .take()
            .map(|stderr| std::thread::spawn(move || last_lines(stderr)));
        Ok(Self {
            program: program.to_path_buf(),
            output,
            child,
            messages,
        })
    }

    pub(super) fn send(&mut self, parts: &[&[u8]]) -> Result<(), VideoError> {
        let Some(stdin) = &mut self.child.stdin else {
            return Err(VideoError::FailedBefore);
        };
        match parts.iter().try_for_each(|part| stdin.write_all(part)) {
            Ok(()) => Ok(()),
            // The program has closed its input, so it has ended, and its messages say why.
            Err(closed) => {
                self.wait()?;
                Err(VideoError::io("written to", &self.program)(closed))
            }
        }
    }

    pub(super) fn finish(mut self) -> Result<(), VideoError> {
        self.wait()
    }

    fn wait(&mut self) -> Result<(), VideoError> {
        drop(self.child.stdin.take());
        let status = self
            .child
            .wait()
            .map_err(VideoError::io("awaited", &self.program))?;
        let lines = self
            .messages
            .take()
            .and_then(|reader| reader.join().ok())
            .unwrap_or_default();
        let says = |words: &str| lines.iter().any(|line| line.contains(words));
        if says(NO_SPACE) {
            return Err(self.output.no_space().into());
        }
        if status.success() && !UNFINISHED.iter().any(|words| says(words)) {
            return Ok(());
        }
        Err(VideoError::EncoderProgram {
            program: self.program.clone(),
            status: status.to_string(),
            stderr: if lines.is_empty() {
                "it said nothing".into()
            } else {
                lines.join("; ")
            },
        })
    }
}

impl Drop for EncoderChild {
    /// Stops the program. If it has ended already, both calls do nothing.
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn last_lines(stderr: ChildStderr) -> Vec<String> {
    let mut lines = VecDeque::new();
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        lines.push_back(String::from_utf8_lossy(&line).trim().to_owned());
        if lines.len() > LAST_LINES {
            lines.pop_front();
        }
    }
    lines.into()
}
