//! MP4 without any other program: H.264 by openh264, the container by muxide.
//!
//! The pictures are encoded as they come. The encoded stream stays in memory until the end (a
//! hundredth of the pictures), because the index stands before it and can only be written then.

use muxide::api::{MuxerBuilder, MuxerError, VideoCodec};
use std::sync::Arc;

use image::RgbImage;

use crate::color::YuvPlanes;
use crate::completed::CompletedFilm;
use crate::error::VideoError;
use crate::frame_rate::FrameRate;
use crate::metadata::mp4::Describing;
use crate::place::Place;
use crate::sink::h264::H264Encoder;
use crate::sink::{Sink, check_film_sides};
use crate::staging::StagedFile;

/// A container's last frame lasts as long as the one before it, so there must be one.
const FEWEST_FRAMES: usize = 2;

/// H.264 by openh264, in a container by muxide.
pub(crate) struct Mp4Sink {
    encoder: H264Encoder,
    muxer: muxide::api::Muxer<Describing<StagedFile>>,
    place: Place,
    planes: YuvPlanes,
    frame_rate: FrameRate,
    frames: usize,
}

impl Mp4Sink {
    pub(crate) fn new(
        output: StagedFile,
        (width, height): (usize, usize),
        frame_rate: FrameRate,
        quantizer: u8,
        description: Option<String>,
    ) -> Result<Self, VideoError> {
        check_film_sides(width, height)?;
        if width.max(height) > 3840 || width.min(height) > 2160 {
            return Err(VideoError::FilmTooLarge { width, height });
        }
        let encoder = H264Encoder::new((width, height), frame_rate, quantizer)
            .map_err(|error| refused(0, error))?;
        let frames_per_second = 1.0 / frame_rate.time(1);
        let place = output.place();
        let muxer = MuxerBuilder::new(Describing::new(output, description))
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
            place,
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
            place,
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
        let refused_by_disk = |source| place.refused(source);
        muxer.finish_in_place().map_err(|error| match error {
            MuxerError::Io(source) => refused_by_disk(source),
            other => refused(frames, other),
        })?;
        let output = muxer.into_writer().into_output().map_err(refused_by_disk)?;
        CompletedFilm::file(output, frames, frame_rate.time(frames))
    }
}
