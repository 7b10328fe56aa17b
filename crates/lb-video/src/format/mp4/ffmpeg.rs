//! The program ffmpeg: encoding by libx264, and decoding of what openh264 does not decode.
//!
//! ffmpeg gets the frames in Y'CbCr, converted here. Given RGB, it would convert them by BT.601 whatever
//! the stream's label says.

use std::io::{BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use image::RgbImage;
use lb_files::{NamedTempFile, StagedFile};

use super::child::EncoderChild;
use super::h264::{SECONDS_BETWEEN_KEYFRAMES, validate_sides};
use crate::colour::YuvPlanes;
use crate::error::VideoError;
use crate::film_frame::ReadOptions;
use crate::flaw::{Flaw, validate_declared_size};
use crate::limits::MOST_FRAME_PIXELS;
use crate::picture;
use crate::sink::{CompletedFilm, NewFilm, NextFrame, Sink};

/// The program with the options of every call.
pub(super) fn ffmpeg(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["-hide_banner", "-loglevel", "error"]);
    command
}

/// An absolute path, which ffmpeg takes for neither an option nor an address.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// The version that `program -version` reports, or `None` if it does not run or is no ffmpeg.
pub fn ffmpeg_version(program: &Path) -> Option<String> {
    let output = output_of(program, "-version")?;
    let version = output.strip_prefix("ffmpeg version ")?;
    Some(version.split_whitespace().next()?.to_owned())
}

/// Whether `program` is an ffmpeg that has libx264.
pub fn ffmpeg_available(program: &Path) -> bool {
    ffmpeg_version(program).is_some()
        && output_of(program, "-encoders").is_some_and(|encoders| encoders.contains("libx264"))
}

fn output_of(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program)
        .args(["-hide_banner", argument])
        .stdin(Stdio::null())
        .output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Frames through ffmpeg's standard input.
pub(super) struct FfmpegSink {
    child: EncoderChild,
    output: StagedFile,
    /// The file that ffmpeg reads the description from; removed with the sink.
    _description: Option<NamedTempFile>,
    planes: YuvPlanes,
}

impl FfmpegSink {
    pub(super) fn new(
        film: &NewFilm<'_>,
        output: StagedFile,
        (program, crf, preset): (&Path, u8, &str),
    ) -> Result<Self, VideoError> {
        validate_sides(film.size)?;
        let description = film.options.stored_description();
        let description = description
            .map(|text| description_file(&output, &text))
            .transpose()?;
        let ((width, height), rate) = (film.size, film.frame_rate);
        let fraction = format!("{}/{}", rate.numerator(), rate.denominator());
        let mut command = ffmpeg(program);
        command.args("-y -f rawvideo -pixel_format yuv420p".split(' '));
        command.args(["-video_size", &format!("{width}x{height}")]);
        command.args(["-framerate", &fraction, "-i", "pipe:0"]);
        if let Some(file) = &description {
            command.args(["-f", "ffmetadata", "-i"]).arg(file.path());
        }
        command.args(["-c:v", "libx264", "-crf", &crf.to_string()]);
        command.args(["-preset", preset, "-pix_fmt", "yuv420p"]);
        command.args("-color_range tv -colorspace bt709".split(' '));
        command.args("-color_primaries bt709 -color_trc bt709".split(' '));
        let between = rate.frames_in(SECONDS_BETWEEN_KEYFRAMES).max(1);
        command.args(["-g", &between.to_string()]);
        // The film must not say when and by which version it was made.
        let metadata = if description.is_some() { "1" } else { "-1" };
        command.args(["-map", "0:v", "-map_metadata", metadata]);
        command.args("-fflags +bitexact -flags:v +bitexact".split(' '));
        command.args("-movflags +faststart -f mp4".split(' '));
        command.arg(output.temporary_path());
        let child = EncoderChild::start(program, command, output.unfinished())?;
        Ok(Self {
            child,
            output,
            _description: description,
            planes: YuvPlanes::default(),
        })
    }
}

/// Writes the description in ffmpeg's own format for metadata, since an argument could not be long
/// enough. Like the film, the file lies beside the final name.
fn description_file(output: &StagedFile, text: &str) -> Result<NamedTempFile, VideoError> {
    let mut escaped = String::from(";FFMETADATA1\ncomment=");
    for character in text.chars() {
        if matches!(character, '=' | ';' | '#' | '\\' | '\n' | '\r') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped.push('\n');
    let mut file = lb_files::temporary_file_beside(output.path())?;
    file.write_all(escaped.as_bytes())
        .map_err(|source| output.unfinished().refused(source))?;
    Ok(file)
}

impl Sink for FfmpegSink {
    fn name(&self) -> &'static str {
        "ffmpeg"
    }

    fn write(&mut self, frame: &NextFrame<'_>) -> Result<(), VideoError> {
        self.planes.read(frame.picture);
        self.child.send(&self.planes.planes())
    }

    fn complete(self: Box<Self>, frames: usize, seconds: f64) -> Result<CompletedFilm, VideoError> {
        self.child.finish()?;
        CompletedFilm::file(self.output, frames, seconds)
    }
}

/// Decoded pictures through a pipe, as one PPM after another.
pub(super) struct FfmpegReader {
    child: Child,
    pictures: BufReader<ChildStdout>,
}

impl FfmpegReader {
    /// Starts ffmpeg. `codec` is the film's codec, for the error.
    pub(super) fn start(
        path: &Path,
        codec: String,
        options: &ReadOptions,
    ) -> Result<Self, VideoError> {
        let undecodable = |reason: String| VideoError::Undecodable {
            path: path.into(),
            codec,
            reason,
        };
        let Some(program) = &options.ffmpeg else {
            return Err(undecodable("it was not to be used".into()));
        };
        let mut command = ffmpeg(program);
        // One thread keeps fewer pictures, and none may be larger than what is taken here.
        command.args(["-nostdin", "-threads", "1", "-max_pixels"]);
        command.arg(MOST_FRAME_PIXELS.to_string());
        command.arg("-i").arg(absolute(path));
        command.args("-map 0:v:0 -fps_mode passthrough -pix_fmt rgb24".split(' '));
        command.args("-f image2pipe -c:v ppm pipe:1".split(' '));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| {
            undecodable(format!("{} cannot be started: {error}", program.display()))
        })?;
        let Some(pictures) = child.stdout.take() else {
            return Err(VideoError::FailedBefore);
        };
        let pictures = BufReader::new(pictures);
        Ok(Self { child, pictures })
    }

    /// Reads the next picture; `None` at the end.
    pub(super) fn picture(&mut self) -> Result<Option<RgbImage>, Flaw> {
        let mut start = [0; 3];
        if self.pictures.read(&mut start[..1])? == 0 {
            return Ok(None);
        }
        self.pictures.read_exact(&mut start[1..])?;
        if start != *b"P6\n" {
            return Err(Flaw::damaged("what ffmpeg gives is no PPM"));
        }
        let (width, height, _most) = (self.number()?, self.number()?, self.number()?);
        validate_declared_size(width, height)?;
        let mut pixels = vec![0; width * height * 3];
        self.pictures.read_exact(&mut pixels)?;
        let picture = picture::from_rgb(width, height, pixels);
        let picture = picture.map_err(|error| Flaw::damaged(error.to_string()))?;
        Ok(Some(picture))
    }

    /// Reads the next number, and the one space or line's end behind it.
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

impl Drop for FfmpegReader {
    /// Stops the program. If it has ended already, both calls do nothing.
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
