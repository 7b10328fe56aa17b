//! A sound track for an MP4, by the program ffmpeg. The encoded pictures are copied as they are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use image::RgbImage;
use lb_files::StagedFile;

use super::child::EncoderChild;
use crate::error::VideoError;
use crate::options::AudioTrack;
use crate::sink::{CompletedFilm, Sink};

/// Bits a second of the AAC, at which stereo counts as transparent.
const BIT_RATE: &str = "192k";

/// Puts the film that another sink makes, and a track, into one file.
pub(super) struct AudioSink {
    film: Box<dyn Sink>,
    track: AudioTrack,
    output: StagedFile,
}

impl AudioSink {
    /// `film` writes to another file than `output`.
    pub(super) fn new(film: Box<dyn Sink>, track: AudioTrack, output: StagedFile) -> Self {
        Self {
            film,
            track,
            output,
        }
    }
}

/// Tries the track and the program, so that what cannot work fails before the frames are made.
pub(super) fn validate(track: &AudioTrack) -> Result<(), VideoError> {
    let AudioTrack { file, program } = track;
    lb_files::open(file)?;
    let mut command = input(program, None, file);
    command.args(["-map", "0:a:0", "-t", "1", "-f", "null", "-"]);
    let output =
        command
            .stdin(Stdio::null())
            .output()
            .map_err(|source| VideoError::AudioWithoutFfmpeg {
                program: program.clone(),
                source,
            })?;
    if output.status.success() {
        return Ok(());
    }
    let messages = String::from_utf8_lossy(&output.stderr);
    Err(VideoError::NotAudio {
        path: file.clone(),
        reason: messages
            .lines()
            .next()
            .unwrap_or("ffmpeg gave no reason")
            .trim()
            .to_owned(),
    })
}

/// ffmpeg with its inputs: a film, if there is one, and the track.
fn input(program: &Path, film: Option<&Path>, track: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"]);
    if let Some(film) = film {
        command.arg("-i").arg(absolute(film));
    }
    // A playlist must not make ffmpeg fetch things.
    command.args(["-protocol_whitelist", "file", "-i"]);
    command.arg(absolute(track));
    command
}

/// An absolute path, which ffmpeg takes for neither an option nor an address.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

impl Sink for AudioSink {
    fn name(&self) -> &'static str {
        self.film.name()
    }

    fn write(&mut self, frame: &Arc<RgbImage>) -> Result<(), VideoError> {
        self.film.write(frame)
    }

    fn complete(self: Box<Self>) -> Result<CompletedFilm, VideoError> {
        let Self {
            film,
            track,
            output,
        } = *self;
        let film = film.complete()?;
        let (frames, seconds) = (film.summary().frames, film.summary().seconds);
        let mut command = input(&track.program, Some(film.temporary_path()), &track.file);
        command.args(["-map", "0:v:0", "-map", "1:a:0", "-c:v", "copy"]);
        // The track is followed by silence, and cut to the film's length.
        command.args([
            "-af",
            &format!("asetpts=PTS-STARTPTS,apad,atrim=end={seconds:.6}"),
        ]);
        command.args(["-c:a", "aac", "-b:a", BIT_RATE, "-ac", "2"]);
        command.args([
            "-map_metadata",
            "0",
            "-map_metadata:s:a",
            "-1",
            "-map_chapters",
            "-1",
        ]);
        command.args(["-fflags", "+bitexact", "-flags:a", "+bitexact"]);
        command
            .args(["-movflags", "+faststart", "-f", "mp4"])
            .arg(output.temporary_path());
        EncoderChild::start(&track.program, command, output.unfinished())?.finish()?;
        CompletedFilm::file(output, frames, seconds)
    }
}
