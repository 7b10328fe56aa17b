//! Reading the pictures of an MP4: H.264 by openh264, and other codecs by the program ffmpeg.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use image::RgbImage;
use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use super::boxes::BoxReader;
use super::ffmpeg::FfmpegReader;
use super::track::{Sample, Track};
use crate::colour;
use crate::error::VideoError;
use crate::film_frame::{FilmFrame, Frames, ReadOptions};
use crate::flaw::{Flaw, validate_declared_size};
use crate::picture;

/// The most bytes of one encoded picture.
const MOST_PICTURE: u32 = 1 << 27;
/// The profiles that openh264 decodes: baseline, main, high (Rec. ITU-T H.264, annex A.2).
const PROFILES: [u8; 3] = [66, 77, 100];

pub(in crate::format) fn read(
    path: &Path,
    file: File,
    options: &ReadOptions,
) -> Result<Frames, VideoError> {
    let mut boxes = BoxReader::new(BufReader::new(file));
    let damaged = |reason: &str| Flaw::damaged(reason).of(path);
    let track = Track::read(&mut boxes).map_err(|flaw| flaw.of(path))?;
    let track = track.ok_or_else(|| damaged("it has no pictures"))?;
    if track.samples.is_empty() {
        return Err(damaged(
            "its index names no pictures (it may be fragmented)",
        ));
    }
    let mut times = FrameTimes::of(&track);
    let mut picture: NextPicture = match track.configuration.as_deref().map(Configuration::read) {
        Some(Some(configuration)) if PROFILES.contains(&configuration.profile) => {
            let decoder = Decoder::with_api_config(
                OpenH264API::from_source(),
                DecoderConfig::new().flush_after_decode(Flush::NoFlush),
            );
            let mut reader = H264Reader {
                file: boxes.file,
                decoder: decoder.map_err(|error| damaged(&error.to_string()))?,
                stream: configuration.parameter_sets,
                length_size: configuration.length_size,
                samples: track.samples.into_iter(),
                decoded: VecDeque::new(),
                ended: false,
            };
            Box::new(move || reader.picture())
        }
        Some(None) => return Err(damaged("its H.264 configuration is cut short")),
        _ => {
            let codec = track.codec.escape_ascii().to_string();
            let mut reader = FfmpegReader::start(path, codec, options)?;
            Box::new(move || reader.picture())
        }
    };
    let path = path.to_path_buf();
    Ok(Box::new(std::iter::from_fn(move || {
        let frame = picture().and_then(|picture| times.frame(picture));
        frame.map_err(|flaw| flaw.of(&path)).transpose()
    })))
}

/// Decodes the picture that is shown next; `None` at the end.
type NextPicture = Box<dyn FnMut() -> Result<Option<RgbImage>, Flaw>>;

/// When a film's pictures are shown and for how long, in seconds, in the order in which they are shown.
struct FrameTimes(VecDeque<(f64, f64)>);

impl FrameTimes {
    fn of(track: &Track) -> Self {
        let seconds = |ticks: i64| ticks as f64 / f64::from(track.ticks_per_second);
        let samples = track.samples.iter();
        let mut times: Vec<(f64, f64)> = samples
            .map(|sample| (seconds(sample.begins), seconds(sample.lasts.into())))
            .collect();
        times.sort_by(|left, right| left.0.total_cmp(&right.0));
        Self(times.into())
    }

    /// The frame of the picture that was decoded next, or the film's end if there is no more.
    fn frame(&mut self, picture: Option<RgbImage>) -> Result<Option<FilmFrame>, Flaw> {
        match (picture, self.0.pop_front()) {
            (Some(picture), Some((begins, lasts))) => Ok(Some(FilmFrame {
                picture,
                begins,
                lasts,
            })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(Flaw::damaged("it has more pictures than its index says")),
            (None, Some(_)) => {
                let missing = self.0.len() + 1;
                Err(Flaw::damaged(format!(
                    "{missing} pictures cannot be decoded"
                )))
            }
        }
    }
}

/// The box `avcC`, which configures the decoder before the first picture.
struct Configuration {
    profile: u8,
    /// Bytes of the length before each unit of the stream.
    length_size: usize,
    /// The stream's parameter sets, each behind a start code.
    parameter_sets: Vec<u8>,
}

impl Configuration {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[_version, profile, _, _, length_size, count], mut rest) =
            bytes.split_first_chunk::<6>()?;
        let mut parameter_sets = Vec::new();
        let mut take = |count: u8, rest: &mut &[u8]| {
            for _ in 0..count {
                let (length, behind) = rest.split_first_chunk()?;
                let (unit, behind) = behind.split_at_checked(u16::from_be_bytes(*length).into())?;
                push_unit(&mut parameter_sets, unit);
                *rest = behind;
            }
            Some(())
        };
        take(count & 31, &mut rest)?;
        let (&count, behind) = rest.split_first()?;
        rest = behind;
        take(count, &mut rest)?;
        Some(Self {
            profile,
            length_size: usize::from(length_size & 3) + 1,
            parameter_sets,
        })
    }
}

fn push_unit(stream: &mut Vec<u8>, unit: &[u8]) {
    stream.extend([0, 0, 0, 1]);
    stream.extend(unit);
}

struct H264Reader {
    file: BufReader<File>,
    decoder: Decoder,
    /// Bytes for the decoder's next call.
    stream: Vec<u8>,
    length_size: usize,
    samples: std::vec::IntoIter<Sample>,
    decoded: VecDeque<RgbImage>,
    ended: bool,
}

impl H264Reader {
    /// Decodes one sample; pictures come out in the order in which they are shown.
    fn decode(&mut self, sample: Sample) -> Result<(), Flaw> {
        if sample.length > MOST_PICTURE {
            return Err(Flaw::damaged(format!(
                "a picture of {} bytes, more than {MOST_PICTURE}",
                sample.length
            )));
        }
        self.file.seek(SeekFrom::Start(sample.offset))?;
        let mut bytes = Vec::new();
        let length = u64::from(sample.length);
        self.file.by_ref().take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(Flaw::damaged("it ends before its last picture"));
        }
        let mut rest = bytes.as_slice();
        while let Some((length, behind)) = rest.split_at_checked(self.length_size) {
            let length = length
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            let (unit, behind) = behind
                .split_at_checked(length)
                .ok_or_else(|| Flaw::damaged("a picture is cut short"))?;
            push_unit(&mut self.stream, unit);
            rest = behind;
        }
        let picture = self.decoder.decode(&self.stream);
        let picture = picture.map_err(|error| Flaw::damaged(error.to_string()))?;
        if let Some(picture) = picture {
            self.decoded.push_back(to_rgb(&picture)?);
        }
        self.stream.clear();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Flaw> {
        let rest = self.decoder.flush_remaining();
        let rest = rest.map_err(|error| Flaw::damaged(error.to_string()))?;
        for picture in &rest {
            self.decoded.push_back(to_rgb(picture)?);
        }
        Ok(())
    }

    fn picture(&mut self) -> Result<Option<RgbImage>, Flaw> {
        while self.decoded.is_empty() && !self.ended {
            match self.samples.next() {
                Some(sample) => self.decode(sample)?,
                None => {
                    self.ended = true;
                    self.flush()?;
                }
            }
        }
        Ok(self.decoded.pop_front())
    }
}

fn to_rgb(decoded: &DecodedYUV<'_>) -> Result<RgbImage, Flaw> {
    let (width, height) = decoded.dimensions();
    validate_declared_size(width, height)?;
    let planes = [decoded.y(), decoded.u(), decoded.v()];
    let strides = decoded.strides();
    let pixels = colour::to_rgb(planes, strides, (width, height));
    picture::from_rgb(width, height, pixels).map_err(|error| Flaw::damaged(error.to_string()))
}
