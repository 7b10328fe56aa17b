//! MP4 with H.264, either encoded by openh264 in a container by muxide, or both by the program ffmpeg.
//!
//! openh264 encodes pictures as they come. The encoded stream, a hundredth of the size of the
//! pictures, stays in memory until the end, because the index stands before it and can only be written
//! then.

mod audio;
mod boxes;
mod child;
mod comment;
pub(super) mod ffmpeg;
mod h264;
mod reader;
mod track;
mod units;

use lb_files::{StagedFile, UnfinishedOutput};
use muxide::api::{MuxerBuilder, MuxerError, VideoCodec};

use self::audio::AudioSink;
use self::comment::Describing;
pub(super) use self::comment::read as read_text;
use self::ffmpeg::FfmpegSink;
use self::h264::{H264Encoder, validate_sides};
pub(super) use self::reader::{read, read_durations};
use crate::colour::YuvPlanes;
use crate::error::VideoError;
use crate::options::Encoder;
use crate::sink::{CompletedFilm, NewFilm, NextFrame, Sink};
use lb_schedule::FrameRate;

/// Begins an MP4 by the encoder that the options name, with a sound track if they name one.
pub(super) fn create(film: &NewFilm<'_>) -> Result<Box<dyn Sink>, VideoError> {
    let options = film.options;
    let output = StagedFile::create(film.path, options.overwrite)?;
    let sound = match &options.audio {
        Some(track) => {
            audio::validate(track)?;
            Some((track, StagedFile::create(film.path, options.overwrite)?))
        }
        None => None,
    };
    let film: Box<dyn Sink> = match &options.encoder {
        Encoder::OpenH264 { quantizer } => Box::new(Mp4Sink::new(film, output, *quantizer)?),
        Encoder::Ffmpeg {
            program,
            crf,
            preset,
        } => Box::new(FfmpegSink::new(film, output, (program, *crf, preset))?),
    };
    Ok(match sound {
        Some((track, output)) => Box::new(AudioSink {
            film,
            track: track.clone(),
            output,
        }),
        None => film,
    })
}

/// H.264 by openh264, in a container by muxide.
struct Mp4Sink {
    encoder: H264Encoder,
    muxer: muxide::api::Muxer<Describing<StagedFile>>,
    unfinished: UnfinishedOutput,
    planes: YuvPlanes,
    frame_rate: FrameRate,
}

impl Mp4Sink {
    fn new(film: &NewFilm<'_>, output: StagedFile, quantizer: u8) -> Result<Self, VideoError> {
        let ((width, height), frame_rate) = (film.size, film.frame_rate);
        validate_sides(film.size)?;
        if width.max(height) > 3840 || width.min(height) > 2160 {
            return Err(VideoError::FilmTooLarge { width, height });
        }
        let encoder = H264Encoder::new((width, height), frame_rate, quantizer)
            .map_err(|error| refused(0, error))?;
        let unfinished = output.unfinished();
        let muxer = MuxerBuilder::new(Describing::new(output, film.options.stored_description()))
            .video(
                VideoCodec::H264,
                width as u32,
                height as u32,
                frame_rate.as_f64(),
            )
            .with_fast_start(true)
            .build()
            .map_err(|error| refused(0, error))?;
        Ok(Self {
            encoder,
            muxer,
            unfinished,
            planes: YuvPlanes::default(),
            frame_rate,
        })
    }
}

fn refused(frame: usize, error: impl std::fmt::Display) -> VideoError {
    VideoError::Encoding {
        encoder: "openh264",
        frame,
        reason: error.to_string(),
    }
}

impl Sink for Mp4Sink {
    fn name(&self) -> &'static str {
        "openh264"
    }

    /// A container's last frame lasts as long as the frame before it, so there must be one.
    fn fewest_frames(&self) -> usize {
        2
    }

    fn write(&mut self, frame: &NextFrame<'_>) -> Result<(), VideoError> {
        let index = frame.index;
        self.planes.read(frame.picture);
        let picture = self
            .encoder
            .encode(&self.planes)
            .map_err(|error| refused(index, error))?;
        let time = self.frame_rate.time(index);
        self.muxer
            .write_video(time, picture.stream, picture.is_keyframe)
            .map_err(|error| refused(index, error))
    }

    fn complete(self: Box<Self>, frames: usize, seconds: f64) -> Result<CompletedFilm, VideoError> {
        let (mut muxer, unfinished) = (self.muxer, self.unfinished);
        let refused_by_disk = |source| VideoError::from(unfinished.refused(source));
        muxer.finish_in_place().map_err(|error| match error {
            MuxerError::Io(source) => refused_by_disk(source),
            other => refused(frames, other),
        })?;
        let output = muxer.into_writer().into_output().map_err(refused_by_disk)?;
        CompletedFilm::file(output, frames, seconds)
    }
}
