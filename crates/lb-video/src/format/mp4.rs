//! MP4 with H.264: without any other program by openh264, with the container by muxide, or by the
//! program ffmpeg.
//!
//! openh264's pictures are encoded as they come. The encoded stream, a hundredth of the size of the
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

use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use image::RgbImage;
use lb_files::{StagedFile, UnfinishedOutput};
use muxide::api::{MuxerBuilder, MuxerError, VideoCodec};

use self::audio::AudioSink;
use self::comment::Describing;
use self::ffmpeg::FfmpegSink;
use self::h264::{H264Encoder, MAX_QUANTIZER, MIN_QUANTIZER};
pub(super) use self::reader::read;
use super::NewFilm;
use crate::colour::YuvPlanes;
use crate::error::VideoError;
use crate::flaw::Flaw;
use crate::frame_rate::FrameRate;
use crate::options::Encoder;
use crate::sink::{CompletedFilm, Sink};

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
    let sink: Box<dyn Sink> = match &options.encoder {
        Encoder::OpenH264 { quantizer } => Box::new(Mp4Sink::new(film, output, *quantizer)?),
        Encoder::Ffmpeg {
            program,
            crf,
            preset,
        } => Box::new(FfmpegSink::new(film, output, (program, *crf, preset))?),
    };
    Ok(match sound {
        Some((track, output)) => Box::new(AudioSink::new(sink, track.clone(), output)),
        None => sink,
    })
}

/// Finds the comment of the film's metadata list.
pub(super) fn read_text(file: BufReader<File>) -> Result<Option<String>, Flaw> {
    comment::read(file)
}

/// Checks an encoder's quality without starting it.
pub(crate) fn validate_encoder(encoder: &Encoder) -> Result<(), VideoError> {
    match encoder {
        Encoder::OpenH264 { quantizer } => {
            let (min, max, quantizer) = (MIN_QUANTIZER, MAX_QUANTIZER, *quantizer);
            if (min..=max).contains(&quantizer) {
                Ok(())
            } else {
                Err(VideoError::Quantizer {
                    quantizer,
                    min,
                    max,
                })
            }
        }
        Encoder::Ffmpeg { crf, preset, .. } => ffmpeg::validate_quality(*crf, preset),
    }
}

/// Checks what H.264 in 4:2:0 demands: even sides, none below 16 pixels (a macroblock).
fn validate_sides((width, height): (usize, usize)) -> Result<(), VideoError> {
    const MIN: usize = 16;
    if [width, height]
        .iter()
        .all(|side| *side >= MIN && side.is_multiple_of(2))
    {
        Ok(())
    } else {
        Err(VideoError::FilmSides {
            width,
            height,
            min: MIN,
        })
    }
}

/// A container's last frame lasts as long as the frame before it, so there must be one.
const FEWEST_FRAMES: usize = 2;

/// H.264 by openh264, in a container by muxide.
struct Mp4Sink {
    encoder: H264Encoder,
    muxer: muxide::api::Muxer<Describing<StagedFile>>,
    unfinished: UnfinishedOutput,
    planes: YuvPlanes,
    frame_rate: FrameRate,
    frames: usize,
}

impl Mp4Sink {
    fn new(film: &NewFilm<'_>, output: StagedFile, quantizer: u8) -> Result<Self, VideoError> {
        let NewFilm {
            size: (width, height),
            frame_rate,
            ..
        } = *film;
        validate_sides(film.size)?;
        if width.max(height) > 3840 || width.min(height) > 2160 {
            return Err(VideoError::FilmTooLarge { width, height });
        }
        let encoder = H264Encoder::new((width, height), frame_rate, quantizer)
            .map_err(|error| refused(0, error))?;
        let frames_per_second = 1.0 / frame_rate.time(1);
        let unfinished = output.unfinished();
        let muxer = MuxerBuilder::new(Describing::new(output, film.options.stored_description()))
            .video(
                VideoCodec::H264,
                width as u32,
                height as u32,
                frames_per_second,
            )
            .with_fast_start(true)
            .build()
            .map_err(|error| refused(0, error))?;
        let planes = YuvPlanes::default();
        Ok(Self {
            encoder,
            muxer,
            unfinished,
            planes,
            frame_rate,
            frames: 0,
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

    fn write(&mut self, frame: &Arc<RgbImage>) -> Result<(), VideoError> {
        let index = self.frames;
        self.planes.read(frame);
        let picture = self
            .encoder
            .encode(&self.planes)
            .map_err(|error| refused(index, error))?;
        let time = self.frame_rate.time(index);
        self.muxer
            .write_video(time, picture.stream, picture.is_keyframe)
            .map_err(|error| refused(index, error))?;
        self.frames += 1;
        Ok(())
    }

    fn complete(self: Box<Self>) -> Result<CompletedFilm, VideoError> {
        let Self {
            mut muxer,
            unfinished,
            frame_rate,
            frames,
            ..
        } = *self;
        if frames < FEWEST_FRAMES {
            return Err(VideoError::TooFewFrames {
                frames,
                min: FEWEST_FRAMES,
            });
        }
        let refused_by_disk = |source| VideoError::from(unfinished.refused(source));
        muxer.finish_in_place().map_err(|error| match error {
            MuxerError::Io(source) => refused_by_disk(source),
            other => refused(frames, other),
        })?;
        let output = muxer.into_writer().into_output().map_err(refused_by_disk)?;
        CompletedFilm::file(output, frames, frame_rate.time(frames))
    }
}
