//! A sound track for an MP4, by the program ffmpeg. The encoded pictures are copied as they are.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use lb_files::StagedFile;

use super::child::EncoderChild;
use super::ffmpeg::{absolute, ffmpeg};
use crate::error::VideoError;
use crate::options::AudioTrack;
use crate::sink::{CompletedFilm, NextFrame, Sink};

/// The bits a second of the AAC, at which stereo is thought to sound like the original.
const BIT_RATE: &str = "192k";

/// The formats of sound that ffmpeg may read, by its own names. Playlists are not among them, because they
/// may name any other file of the disk.
const FORMATS: &str = "wav,w64,rf64,aiff,au,caf,mp3,flac,ogg,aac,ac3,eac3,dts,ape,wv,tta,tak,amr,asf,mov,\
                       matroska,mpegts,mpeg,avi";

/// The samples a second at which a track is measured, with a byte for each.
const MEASURED_RATE: u64 = 8000;

impl AudioTrack {
    /// How many seconds the track lasts, to a thousandth. ffmpeg decodes all of it for this, because
    /// some files have no length in them, or an estimate.
    ///
    /// # Errors
    /// [`VideoError::File`], [`VideoError::AudioWithoutFfmpeg`], [`VideoError::NotAudio`].
    pub fn seconds(&self) -> Result<f64, VideoError> {
        // If the track cannot be decoded, this knows the reason.
        validate(self)?;
        let mut command = input(&self.program, None, &self.file);
        command.args("-map 0:a:0 -ac 1 -f u8 -ar".split(' '));
        command.args([&MEASURED_RATE.to_string(), "-"]);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|source| VideoError::AudioWithoutFfmpeg {
            program: self.program.clone(),
            source,
        })?;
        let mut samples = 0;
        if let Some(stdout) = &mut child.stdout {
            let counted = io::copy(stdout, &mut io::sink());
            samples = counted.map_err(VideoError::io("read", &self.file))?;
        }
        let ended = child.wait();
        ended.map_err(VideoError::io("awaited", &self.program))?;
        Ok((1000 * samples / MEASURED_RATE) as f64 / 1000.0)
    }
}

/// Puts the film that another sink makes, and a track, into one file.
pub(super) struct AudioSink {
    pub(super) film: Box<dyn Sink>,
    pub(super) track: AudioTrack,
    /// Another file than the one that `film` writes to.
    pub(super) output: StagedFile,
}

/// Tries the track and the program, so that what cannot work fails before the frames are made.
pub(super) fn validate(track: &AudioTrack) -> Result<(), VideoError> {
    let AudioTrack { file, program } = track;
    lb_files::open(file)?;
    let mut command = input(program, None, file);
    command.args("-map 0:a:0 -t 1 -f null -".split(' '));
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| VideoError::AudioWithoutFfmpeg {
        program: program.clone(),
        source,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let messages = String::from_utf8_lossy(&output.stderr);
    let reason = messages.lines().next().unwrap_or("ffmpeg gave no reason");
    Err(VideoError::NotAudio {
        path: file.clone(),
        reason: reason.trim().to_owned(),
    })
}

/// ffmpeg with its inputs: a film, if there is one, and the track.
fn input(program: &Path, film: Option<&Path>, track: &Path) -> Command {
    let mut command = ffmpeg(program);
    command.args(["-nostdin", "-y"]);
    if let Some(film) = film {
        command.arg("-i").arg(absolute(film));
    }
    // The track must not make ffmpeg fetch anything or read other files.
    command.args(["-protocol_whitelist", "file"]);
    command.args(["-format_whitelist", FORMATS, "-i"]);
    command.arg(absolute(track));
    command
}

impl Sink for AudioSink {
    fn name(&self) -> &'static str {
        self.film.name()
    }

    fn fewest_frames(&self) -> usize {
        self.film.fewest_frames()
    }

    fn write(&mut self, frame: &NextFrame<'_>) -> Result<(), VideoError> {
        self.film.write(frame)
    }

    fn complete(self: Box<Self>, frames: usize, seconds: f64) -> Result<CompletedFilm, VideoError> {
        let (track, output) = (self.track, self.output);
        let film = self.film.complete(frames, seconds)?;
        let mut command = input(&track.program, Some(film.temporary_path()), &track.file);
        command.args("-map 0:v:0 -map 1:a:0 -c:v copy -af".split(' '));
        // The track is followed by silence, and cut to the film's length.
        command.arg(format!("asetpts=PTS-STARTPTS,apad,atrim=end={seconds:.6}"));
        command.args(["-c:a", "aac", "-b:a", BIT_RATE, "-ac", "2"]);
        command.args("-map_metadata 0 -map_metadata:s:a -1 -map_chapters -1".split(' '));
        command.args("-fflags +bitexact -flags:a +bitexact".split(' '));
        command.args("-movflags +faststart -f mp4".split(' '));
        command.arg(output.temporary_path());
        EncoderChild::start(&track.program, command, output.unfinished())?.finish()?;
        CompletedFilm::file(output, frames, seconds)
    }
}
