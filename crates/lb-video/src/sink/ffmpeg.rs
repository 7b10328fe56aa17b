//! MP4 by the program ffmpeg, with libx264.
//!
//! ffmpeg gets the frames in Y'CbCr, converted here: given RGB, it would convert them by BT.601
//! whatever the stream is labelled.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use image::RgbImage;
use tempfile::NamedTempFile;

use crate::color::YuvPlanes;
use crate::completed::CompletedFilm;
use crate::error::VideoError;
use crate::frame_rate::FrameRate;
use crate::sink::h264::SECONDS_BETWEEN_KEYFRAMES;
use crate::sink::{Sink, check_film_sides};
use crate::staging::StagedFile;

pub(super) mod child;
use child::EncoderChild;

/// libx264's presets, fastest first (x264 --fullhelp).
const PRESETS: [&str; 10] = [
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
];

pub(crate) fn check_ffmpeg(crf: u8, preset: &str) -> Result<(), VideoError> {
    if crf > 51 {
        return Err(VideoError::ConstantRateFactor { crf });
    }
    if !PRESETS.contains(&preset) {
        return Err(VideoError::Preset {
            preset: preset.into(),
            allowed: PRESETS.join(", "),
        });
    }
    Ok(())
}

/// The version that `program -version` tells, or `None` if it does not run or is no ffmpeg.
pub fn ffmpeg_version(program: &Path) -> Option<String> {
    let told = tell(program, "-version")?;
    let version = told.strip_prefix("ffmpeg version ")?;
    Some(version.split_whitespace().next()?.to_owned())
}

/// Whether `program` is an ffmpeg that has libx264.
pub fn ffmpeg_available(program: &Path) -> bool {
    ffmpeg_version(program).is_some()
        && tell(program, "-encoders").is_some_and(|encoders| encoders.contains("libx264"))
}

fn tell(program: &Path, what: &str) -> Option<String> {
    let told = Command::new(program)
        .args(["-hide_banner", what])
        .stdin(Stdio::null())
        .output();
    let told = told.ok().filter(|told| told.status.success())?;
    Some(String::from_utf8_lossy(&told.stdout).into_owned())
}

/// Frames through ffmpeg's standard input.
pub(crate) struct FfmpegSink {
    child: EncoderChild,
    output: StagedFile,
    /// Read by ffmpeg when it starts; removed with the sink.
    _description: Option<NamedTempFile>,
    planes: YuvPlanes,
    frame_rate: FrameRate,
    frames: usize,
}

impl FfmpegSink {
    pub(crate) fn new(
        output: StagedFile,
        (width, height): (usize, usize),
        frame_rate: FrameRate,
        (program, crf, preset): (&Path, u8, &str),
        description: Option<&str>,
    ) -> Result<Self, VideoError> {
        check_film_sides(width, height)?;
        let description = description
            .map(|text| description_file(&output, text))
            .transpose()?;
        let mut command = Command::new(program);
        command.args(["-hide_banner", "-loglevel", "error", "-y"]);
        command.args(["-f", "rawvideo", "-pixel_format", "yuv420p"]);
        command.args(["-video_size", &format!("{width}x{height}")]);
        let FrameRate {
            numerator,
            denominator,
        } = frame_rate;
        command.args([
            "-framerate",
            &format!("{numerator}/{denominator}"),
            "-i",
            "pipe:0",
        ]);
        if let Some(file) = &description {
            command.args(["-f", "ffmetadata", "-i"]).arg(file.path());
        }
        command.args([
            "-c:v",
            "libx264",
            "-crf",
            &crf.to_string(),
            "-preset",
            preset,
        ]);
        command.args([
            "-pix_fmt",
            "yuv420p",
            "-color_range",
            "tv",
            "-colorspace",
            "bt709",
        ]);
        command.args(["-color_primaries", "bt709", "-color_trc", "bt709"]);
        command.args([
            "-g",
            &frame_rate.frames_in(SECONDS_BETWEEN_KEYFRAMES).to_string(),
        ]);
        // The file says neither when nor by which version it was made.
        command.args([
            "-map",
            "0:v",
            "-map_metadata",
            if description.is_some() { "1" } else { "-1" },
            "-fflags",
            "+bitexact",
            "-flags:v",
            "+bitexact",
        ]);
        command
            .args(["-movflags", "+faststart", "-f", "mp4"])
            .arg(output.temporary_path());
        let child = EncoderChild::start(program, command, output.place())?;
        Ok(Self {
            child,
            output,
            _description: description,
            planes: YuvPlanes::default(),
            frame_rate,
            frames: 0,
        })
    }
}

/// ffmpeg's own format for metadata: an argument could not be as long as a description. Like the
/// film, it lies beside the final name.
fn description_file(output: &StagedFile, text: &str) -> Result<NamedTempFile, VideoError> {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        if matches!(character, '=' | ';' | '#' | '\\' | '\n' | '\r') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    let mut file = output.beside()?;
    file.write_all(b";FFMETADATA1\ncomment=")
        .and_then(|()| file.write_all(escaped.as_bytes()))
        .and_then(|()| file.write_all(b"\n"))
        .map_err(|source| output.place().refused(source))?;
    Ok(file)
}

impl Sink for FfmpegSink {
    fn name(&self) -> &'static str {
        "ffmpeg"
    }

    fn write(&mut self, frame: &Arc<RgbImage>) -> Result<(), VideoError> {
        self.planes.read(frame);
        let YuvPlanes {
            luma,
            blue_difference,
            red_difference,
        } = &self.planes;
        self.child.send(&[luma, blue_difference, red_difference])?;
        self.frames += 1;
        Ok(())
    }

    fn complete(self: Box<Self>) -> Result<CompletedFilm, VideoError> {
        let Self {
            child,
            output,
            frame_rate,
            frames,
            ..
        } = *self;
        if frames == 0 {
            return Err(VideoError::TooFewFrames { frames, min: 1 });
        }
        child.finish()?;
        CompletedFilm::file(output, frames, frame_rate.time(frames))
    }
}
