//! Pictures to a stream of H.264, by openh264.
//!
//! Most pictures are coded as what has changed since the picture before them. Every ten seconds one is
//! coded by itself, as a keyframe, so that a player can jump there. Both kinds lose something: the
//! losses of a picture stay in the pictures that follow, until a keyframe replaces all of them at once by
//! its own. In a film that hardly moves, this is visible as a pulse: at the default quantiser, the step to
//! the keyframe is half as large again as those around it. A keyframe is therefore made from the picture
//! that would have been shown there otherwise, or from the source, whichever gives the keyframe that is
//! closer to that picture. Only the keyframe's own loss remains visible. Where the film rests, even that
//! would be a flicker, because nothing else moves: a keyframe that comes due there waits until the film
//! moves again. A player that jumps into the rest begins at the keyframe before it.

use openh264::OpenH264API;
use openh264::decoder::{Decoder, DecoderConfig, Flush};
use openh264::encoder::{
    BitRate, Encoder, EncoderConfig, FrameRate as MaxFrameRate, FrameType, IntraFramePeriod,
    QpRange, RateControlMode, VuiConfig,
};
use openh264::formats::{YUVSlices, YUVSource};

use crate::colour::YuvPlanes;
use crate::error::VideoError;
use crate::limits::QUANTIZERS;
use lb_schedule::FrameRate;

/// By how much the quantiser grows when a picture that does not fit is tried again. It is openh264's own
/// step for a block.
const COARSER: u8 = 2;

/// There is a keyframe this often where the film moves, so that a player can jump.
pub(crate) const SECONDS_BETWEEN_KEYFRAMES: f64 = 10.0;

/// Checks what H.264 in 4:2:0 demands: even sides, none below 16 pixels (a macroblock).
pub(crate) fn validate_sides((width, height): (usize, usize)) -> Result<(), VideoError> {
    let is_fit = |side: usize| side >= 16 && side.is_multiple_of(2);
    if is_fit(width) && is_fit(height) {
        return Ok(());
    }
    Err(VideoError::FilmSides { width, height })
}

/// Bits a pixel that a film hardly ever needs. Together with the size they decide which H.264 level the
/// stream declares to players; no bit rate is aimed at.
const BITS_PER_PIXEL: f64 = 0.5;

/// openh264 at a fixed quantiser.
pub(crate) struct H264Encoder {
    encoder: Encoder,
    size: (usize, usize),
    frame_rate: FrameRate,
    /// The quantiser that the options ask for.
    quantizer: u8,
    /// The quantiser in use until the next keyframe.
    quantizer_now: u8,
    /// The picture that was encoded last.
    last: YuvPlanes,
    /// Keyframes that `encoder` has made.
    keyframes: usize,
    /// The stream from the last keyframe on, picture by picture.
    group: Vec<Vec<u8>>,
}

/// One picture of the stream, in units behind start codes.
pub(crate) struct EncodedPicture<'a> {
    pub(crate) stream: &'a [u8],
    pub(crate) is_keyframe: bool,
}

impl H264Encoder {
    pub(crate) fn new(
        size: (usize, usize),
        frame_rate: FrameRate,
        quantizer: u8,
    ) -> Result<Self, openh264::Error> {
        Ok(Self {
            encoder: encoder(size, frame_rate, quantizer)?,
            size,
            frame_rate,
            quantizer,
            quantizer_now: quantizer,
            last: YuvPlanes::default(),
            keyframes: 0,
            group: Vec::new(),
        })
    }

    pub(crate) fn encode(
        &mut self,
        picture: &YuvPlanes,
    ) -> Result<EncodedPicture<'_>, openh264::Error> {
        let (mut stream, mut is_keyframe) = self.encode_coarser(picture)?;
        let due = self.frame_rate.frames_in(SECONDS_BETWEEN_KEYFRAMES).max(1);
        let rests = *picture == self.last;
        if !rests {
            self.last.clone_from(picture);
        }
        if !is_keyframe && self.group.len() >= due && !rests {
            self.group.push(stream);
            (stream, is_keyframe) = self.restart(picture)?;
        }
        if is_keyframe {
            self.group.clear();
        }
        self.group.push(stream);
        Ok(EncodedPicture {
            stream: self.group.last().map_or(&[], Vec::as_slice),
            is_keyframe,
        })
    }

    /// Makes a keyframe in place of the last picture of the group, whose source is given.
    fn restart(&mut self, source: &YuvPlanes) -> Result<(Vec<u8>, bool), openh264::Error> {
        if self.quantizer_now != self.quantizer {
            self.replace_encoder(self.quantizer)?;
        }
        let Some(shown) = decoded(&self.group, self.size) else {
            return self.keyframe(source);
        };
        let is_source_closer = self.loss(source, &shown)? < self.loss(&shown, &shown)?;
        self.keyframe(if is_source_closer { source } else { &shown })
    }

    /// How far a keyframe made of this picture would be from the one that is shown.
    fn loss(&mut self, picture: &YuvPlanes, shown: &YuvPlanes) -> Result<u64, openh264::Error> {
        let (stream, _) = self.keyframe(picture)?;
        let decoded = decoded(&[stream], self.size);
        Ok(decoded.map_or(u64::MAX, |decoded| decoded.square_error(shown)))
    }

    fn keyframe(&mut self, picture: &YuvPlanes) -> Result<(Vec<u8>, bool), openh264::Error> {
        self.encoder.force_intra_frame();
        self.encode_coarser(picture)
    }

    /// Encodes a picture; the second value says whether it is a keyframe.
    ///
    /// openh264 has no room for pictures that hardly compress, such as noise at full contrast. They
    /// become keyframes with as coarse a quantiser as they need.
    fn encode_coarser(&mut self, picture: &YuvPlanes) -> Result<(Vec<u8>, bool), openh264::Error> {
        loop {
            match encode(&mut self.encoder, picture, self.size) {
                Ok((stream, is_keyframe)) => {
                    self.keyframes += usize::from(is_keyframe);
                    return Ok((stream, is_keyframe));
                }
                Err(error) if self.quantizer_now == *QUANTIZERS.end() => return Err(error),
                Err(_) => {
                    self.replace_encoder((self.quantizer_now + COARSER).min(*QUANTIZERS.end()))?
                }
            }
        }
    }

    /// Starts a new encoder, because the last one has another quantiser or has failed, after which it
    /// never works again.
    fn replace_encoder(&mut self, quantizer: u8) -> Result<(), openh264::Error> {
        self.encoder = encoder(self.size, self.frame_rate, quantizer)?;
        self.quantizer_now = quantizer;
        let last = std::mem::take(&mut self.keyframes);
        // Keyframes are numbered, and two in a row may not have one number (H.264, idr_pic_id).
        if last == 1 {
            encode(&mut self.encoder, &YuvPlanes::grey(self.size), self.size)?;
            self.encoder.force_intra_frame();
            self.keyframes = 1;
        }
        Ok(())
    }
}

/// An encoder on one thread. With more, openh264 cuts pictures into slices by the number of cores, and
/// the bytes would depend on the machine.
fn encoder(
    (width, height): (usize, usize),
    frame_rate: FrameRate,
    quantizer: u8,
) -> Result<Encoder, openh264::Error> {
    let frames_per_second = frame_rate.as_f64();
    let bits_per_second = ((width * height) as f64 * frames_per_second * BITS_PER_PIXEL)
        .clamp(64_000.0, 200_000_000.0);
    let config = EncoderConfig::new()
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
        // Keyframes are asked for.
        .intra_frame_period(IntraFramePeriod::auto())
        .num_threads(1)
        .vui(VuiConfig::bt709());
    Encoder::with_api_config(OpenH264API::from_source(), config)
}

fn encode(
    encoder: &mut Encoder,
    picture: &YuvPlanes,
    (width, height): (usize, usize),
) -> Result<(Vec<u8>, bool), openh264::Error> {
    let planes: [&[u8]; 3] = picture.planes();
    let strides = (width, width / 2, width / 2);
    let picture = YUVSlices::new(planes.into(), (width, height), strides);
    let stream = encoder.encode(&picture)?;
    let is_keyframe = matches!(stream.frame_type(), FrameType::IDR | FrameType::I);
    Ok((stream.to_vec(), is_keyframe))
}

/// The last picture of a stream that begins with a keyframe, if it can be decoded.
fn decoded(group: &[Vec<u8>], size: (usize, usize)) -> Option<YuvPlanes> {
    let (last, before) = group.split_last()?;
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    let mut decoder = Decoder::with_api_config(OpenH264API::from_source(), config).ok()?;
    for picture in before {
        decoder.decode(picture).ok()?;
    }
    let shown = decoder.decode(last).ok()??;
    let planes = [shown.y(), shown.u(), shown.v()];
    Some(YuvPlanes::copy(planes, shown.strides(), size))
}
