//! MP4 without any other program: H.264 by openh264, the container by muxide.
//!
//! The pictures are encoded as they come. The encoded stream stays in memory until the end (a
//! hundredth of the pictures), because the index stands before it and can only be written then.

use muxide::api::{MuxerBuilder, MuxerError, VideoCodec};
use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Encoder, EncoderConfig, FrameRate as MaxFrameRate, FrameType, IntraFramePeriod,
    QpRange, RateControlMode, VuiConfig,
};
use openh264::formats::YUVSlices;

use crate::color::YuvPlanes;
use crate::completed::CompletedFilm;
use crate::error::VideoError;
use crate::frame::Frame;
use crate::frame_rate::FrameRate;
use crate::metadata::mp4::Describing;
use crate::place::Place;
use crate::sink::{Sink, check_film_sides};
use crate::staging::StagedFile;

/// Finest quantiser: openh264's rate control goes no lower (rc.h, GOM_MIN_QP_MODE).
pub(crate) const MIN_QUANTIZER: u8 = 12;
/// Coarsest quantiser of H.264 in 8 bits.
pub(crate) const MAX_QUANTIZER: u8 = 51;

/// A keyframe at least this often, so that a player can jump.
pub(crate) const SECONDS_BETWEEN_KEYFRAMES: f64 = 1.0;

/// Bits a pixel that a film hardly ever has: with the size they choose the H.264 level that players
/// are told of. No rate is aimed at.
const BITS_PER_PIXEL: f64 = 0.5;

/// A container's last frame lasts as long as the one before it, so there must be one.
const FEWEST_FRAMES: usize = 2;

/// H.264 by openh264 at a fixed quantiser.
pub(crate) struct Mp4Sink {
    encoder: Encoder,
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
        let encoder = Encoder::with_api_config(
            OpenH264API::from_source(),
            config(width * height, frame_rate, quantizer),
        )
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

/// One thread: with more, openh264 cuts pictures into slices by the number of cores, and the bytes
/// would depend on the machine.
fn config(pixels: usize, frame_rate: FrameRate, quantizer: u8) -> EncoderConfig {
    let frames_per_second = 1.0 / frame_rate.time(1);
    let bits_per_second =
        (pixels as f64 * frames_per_second * BITS_PER_PIXEL).clamp(64_000.0, 200_000_000.0);
    EncoderConfig::new()
        // Off would ignore the quantiser; in this mode a range of one value fixes it, as long as no
        // change of scene is looked for. (So does the quality mode, but it prints a warning.)
        .rate_control_mode(RateControlMode::Bufferbased)
        .scene_change_detect(false)
        .qp(QpRange::new(quantizer, quantizer))
        .bitrate(BitRate::from_bps(bits_per_second as u32))
        .skip_frames(false)
        .adaptive_quantization(false)
        .background_detection(false)
        .max_frame_rate(MaxFrameRate::from_hz(frames_per_second as f32))
        .intra_frame_period(IntraFramePeriod::from_num_frames(
            frame_rate.frames_in(SECONDS_BETWEEN_KEYFRAMES),
        ))
        .num_threads(1)
        .vui(VuiConfig::bt709())
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

    fn write(&mut self, frame: &Frame) -> Result<(), VideoError> {
        let index = self.frames;
        let (width, height) = (frame.width(), frame.height());
        self.planes.read(frame);
        let planes = &self.planes;
        let picture = YUVSlices::new(
            (
                &planes.luma,
                &planes.blue_difference,
                &planes.red_difference,
            ),
            (width, height),
            (width, width / 2, width / 2),
        );
        let stream = self
            .encoder
            .encode(&picture)
            .map_err(|error| refused(index, error))?;
        let is_keyframe = matches!(stream.frame_type(), FrameType::IDR | FrameType::I);
        self.muxer
            .write_video(self.frame_rate.time(index), &stream.to_vec(), is_keyframe)
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
