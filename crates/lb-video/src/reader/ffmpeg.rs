//! Pictures by the program ffmpeg, through a pipe, as one PPM after another.

use std::collections::VecDeque;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::{FilmFrame, ReadOptions, checked_size};
use crate::error::VideoError;
use crate::metadata::Flaw;
use crate::picture;

pub(super) struct FfmpegReader {
    path: PathBuf,
    child: Child,
    pictures: BufReader<ChildStdout>,
    /// When pictures are shown and for how long.
    times: VecDeque<(f64, f64)>,
}

impl FfmpegReader {
    /// `codec` is what the film is coded in, for the error.
    pub(super) fn start(
        path: &Path,
        codec: String,
        times: VecDeque<(f64, f64)>,
        options: &ReadOptions,
    ) -> Result<Self, VideoError> {
        let undecodable = |reason: String| VideoError::Undecodable {
            path: path.to_path_buf(),
            codec,
            reason,
        };
        let Some(program) = &options.ffmpeg else {
            return Err(undecodable("it was not to be used".into()));
        };
        let mut command = Command::new(program);
        command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-i"]);
        // A name that begins with a dash, or looks like an address, is still a file's.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        command.arg(absolute).args(["-map", "0:v:0"]);
        command.args(["-fps_mode", "passthrough", "-pix_fmt", "rgb24"]);
        command.args(["-f", "image2pipe", "-c:v", "ppm", "pipe:1"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                return Err(undecodable(format!(
                    "{} cannot be started: {error}",
                    program.display()
                )));
            }
        };
        let Some(pictures) = child.stdout.take() else {
            return Err(VideoError::FailedBefore);
        };
        Ok(Self {
            path: path.to_path_buf(),
            child,
            pictures: BufReader::new(pictures),
            times,
        })
    }

    fn step(&mut self) -> Result<Option<FilmFrame>, Flaw> {
        let mut start = [0; 3];
        if self.pictures.read(&mut start[..1])? == 0 {
            return match self.times.len() {
                0 => Ok(None),
                missing => Err(Flaw::damaged(format!(
                    "{missing} pictures cannot be decoded"
                ))),
            };
        }
        self.pictures.read_exact(&mut start[1..])?;
        if start != *b"P6\n" {
            return Err(Flaw::damaged("what ffmpeg gives is no PPM"));
        }
        let (width, height, _most) = (self.number()?, self.number()?, self.number()?);
        checked_size(width, height)?;
        let mut pixels = vec![0; width * height * 3];
        self.pictures.read_exact(&mut pixels)?;
        let picture = picture::from_rgb(width, height, pixels)
            .map_err(|error| Flaw::damaged(error.to_string()))?;
        let (begins, lasts) = self
            .times
            .pop_front()
            .ok_or_else(|| Flaw::damaged("it has more pictures than its index says"))?;
        Ok(Some(FilmFrame {
            picture,
            begins,
            lasts,
        }))
    }

    /// The next number, and the one space or line's end behind it.
    fn number(&mut self) -> Result<usize, Flaw> {
        let mut number = 0;
        for _ in 0..6 {
            let mut byte = [0];
            self.pictures.read_exact(&mut byte)?;
            match byte[0] {
                digit @ b'0'..=b'9' => number = number * 10 + usize::from(digit - b'0'),
                _ => return Ok(number),
            }
        }
        Err(Flaw::damaged("what ffmpeg gives is too large"))
    }
}

impl Iterator for FfmpegReader {
    type Item = Result<FilmFrame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().map_err(|flaw| flaw.of(&self.path)).transpose()
    }
}

impl Drop for FfmpegReader {
    /// Ended already, both calls do nothing.
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
