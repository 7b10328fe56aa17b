//! Reading the pictures of an MP4: H.264 by openh264, and other codecs by the program ffmpeg.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use openh264::OpenH264API;
use openh264::decoder::{Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use super::boxes::BoxReader;
use super::ffmpeg::FfmpegReader;
use super::track::{Sample, Track};
use super::units::{Gate, Kind, PROFILES, SequenceParameters};
use crate::colour;
use crate::error::VideoError;
use crate::film_frame::{FilmFrame, Frames, ReadOptions};
use crate::flaw::{Flaw, validate_declared_size};
use crate::picture;
use crate::work::Work;

/// The most bytes of one encoded picture: more than the largest has before it is encoded.
const MOST_PICTURE: u32 = 16 << 20;

pub(in crate::format) fn read(
    path: &Path,
    file: File,
    options: &ReadOptions,
) -> Result<Frames, VideoError> {
    let damaged = |reason: &str| Flaw::damaged(reason).of(path);
    let (boxes, track) = open(file).map_err(|flaw| flaw.of(path))?;
    let mut times = FrameTimes::of(&track);
    let mut picture: NextPicture = match track.configuration.as_deref().map(Configuration::read) {
        Some(Some(configuration)) if configuration.is_for_openh264() => {
            let reader = H264Reader::new(boxes, configuration, track.samples);
            let mut reader = reader.map_err(|flaw| flaw.of(path))?;
            Box::new(move || reader.picture())
        }
        Some(None) => return Err(damaged("its H.264 configuration is cut short")),
        _ => {
            let codec = track.codec.escape_ascii().to_string();
            let mut reader = FfmpegReader::start(path, codec, options)?;
            Box::new(move || Ok(reader.picture()?.map(Arc::new)))
        }
    };
    let path = path.to_path_buf();
    Ok(Box::new(std::iter::from_fn(move || {
        let frame = picture().and_then(|picture| times.frame(picture));
        frame.map_err(|flaw| flaw.of(&path)).transpose()
    })))
}

/// For how many seconds each frame is shown.
pub(in crate::format) fn read_durations(file: File) -> Result<Vec<f64>, Flaw> {
    let (_, track) = open(file)?;
    let times = FrameTimes::of(&track).0;
    Ok(times.into_iter().map(|(_, lasts)| lasts).collect())
}

/// Reads the index of a film that has pictures.
fn open(file: File) -> Result<(BoxReader<BufReader<File>>, Track), Flaw> {
    let mut boxes = BoxReader::new(BufReader::new(file));
    let track = Track::read(&mut boxes)?;
    let track = track.ok_or_else(|| Flaw::damaged("it has no pictures"))?;
    if track.samples.is_empty() {
        return Err(Flaw::damaged(
            "its index names no pictures (it may be fragmented)",
        ));
    }
    Ok((boxes, track))
}

/// Decodes the picture that is shown next; `None` at the end.
type NextPicture = Box<dyn FnMut() -> Result<Option<Arc<RgbImage>>, Flaw>>;

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
    fn frame(&mut self, picture: Option<Arc<RgbImage>>) -> Result<Option<FilmFrame>, Flaw> {
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
    /// The stream's parameter sets.
    parameter_sets: Vec<Vec<u8>>,
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
                parameter_sets.push(unit.to_vec());
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

    /// Whether openh264 decodes such a stream, within the memory that it is given.
    fn is_for_openh264(&self) -> bool {
        let mut sequences = self.parameter_sets.iter();
        let is_too_large = |unit: &Vec<u8>| {
            Kind::of(unit) == Kind::SequenceParameters
                && SequenceParameters::read(unit).is_some_and(|read| read.validate().is_err())
        };
        PROFILES.contains(&self.profile) && !sequences.any(is_too_large)
    }
}

/// What stands before each unit of a stream.
const START_CODE: [u8; 4] = [0, 0, 0, 1];

struct H264Reader {
    file: BufReader<File>,
    /// `None` after the last picture of the stream, because a decoder takes several times the memory of a
    /// picture.
    decoder: Option<Decoder>,
    gate: Gate,
    /// Bytes for the decoder's next call.
    stream: Vec<u8>,
    length_size: usize,
    samples: std::vec::IntoIter<Sample>,
    /// The last picture, as it was decoded and as it is shown.
    last: Option<(Planes, Arc<RgbImage>)>,
    /// The pictures that the decoder still had at the end of the stream.
    rest: VecDeque<Planes>,
}

impl H264Reader {
    fn new(
        mut boxes: BoxReader<BufReader<File>>,
        configuration: Configuration,
        samples: Vec<Sample>,
    ) -> Result<Self, Flaw> {
        let length = boxes.whole()?.end;
        let mut gate = Gate::new(Work::of_bytes(length));
        let mut stream = Vec::new();
        for unit in configuration.parameter_sets {
            if gate.admit(&unit)? {
                stream.extend(START_CODE);
                stream.extend(unit);
            }
        }
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let decoder = Decoder::with_api_config(OpenH264API::from_source(), config);
        Ok(Self {
            file: boxes.file,
            decoder: Some(decoder.map_err(|error| Flaw::damaged(error.to_string()))?),
            gate,
            stream,
            length_size: configuration.length_size,
            samples: samples.into_iter(),
            last: None,
            rest: VecDeque::new(),
        })
    }

    /// Reads one sample into the stream.
    fn read(&mut self, sample: Sample) -> Result<(), Flaw> {
        if sample.length > MOST_PICTURE {
            return Err(Flaw::damaged(format!(
                "a picture of {} bytes, more than {MOST_PICTURE}",
                sample.length
            )));
        }
        self.file.seek(SeekFrom::Start(sample.offset))?;
        let mut left = u64::from(sample.length);
        while let Some(rest) = left.checked_sub(self.length_size as u64) {
            let mut length = [0; 4];
            let length = &mut length[..self.length_size];
            self.file
                .read_exact(length)
                .map_err(|error| match error.kind() {
                    ErrorKind::UnexpectedEof => Flaw::damaged("it ends before its last picture"),
                    _ => Flaw::Io(error),
                })?;
            let length = length.iter();
            let length = length.fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            left = rest
                .checked_sub(length)
                .ok_or_else(|| Flaw::damaged("a picture is cut short"))?;
            self.unit(length)?;
        }
        Ok(())
    }

    /// Reads a unit of this length into the stream, if it is one for the decoder.
    fn unit(&mut self, length: u64) -> Result<(), Flaw> {
        let before = self.stream.len();
        self.stream.extend(START_CODE);
        let start = self.stream.len();
        let read = (&mut self.file)
            .take(length)
            .read_to_end(&mut self.stream)?;
        if read as u64 != length {
            return Err(Flaw::damaged("it ends before its last picture"));
        }
        if !self.gate.admit(&self.stream[start..])? {
            self.stream.truncate(before);
        }
        Ok(())
    }

    /// Decodes up to the picture that is shown next; pictures come out in the order in which they are shown.
    fn picture(&mut self) -> Result<Option<Arc<RgbImage>>, Flaw> {
        while let Some(decoder) = &mut self.decoder {
            let Some(sample) = self.samples.next() else {
                let rest = decoder.flush_remaining();
                let rest = rest.map_err(|error| Flaw::damaged(error.to_string()))?;
                self.rest = rest.iter().map(Planes::of).collect();
                self.decoder = None;
                break;
            };
            self.read(sample)?;
            let Some(decoder) = &mut self.decoder else {
                break;
            };
            let picture = decoder.decode(&self.stream);
            let picture = picture.map_err(|error| Flaw::damaged(error.to_string()))?;
            self.stream.clear();
            if let Some(picture) = picture {
                return shown(&mut self.last, &picture).map(Some);
            }
        }
        match self.rest.pop_front() {
            Some(planes) => shown(&mut self.last, &planes).map(Some),
            None => Ok(None),
        }
    }
}

/// The picture that is shown for a decoded one, which may be equal to the last.
fn shown(
    last: &mut Option<(Planes, Arc<RgbImage>)>,
    decoded: &impl YUVSource,
) -> Result<Arc<RgbImage>, Flaw> {
    if let Some((planes, picture)) = last
        && planes.are_those_of(decoded)
    {
        return Ok(Arc::clone(picture));
    }
    let (width, height) = decoded.dimensions();
    validate_declared_size(width, height)?;
    let planes = [decoded.y(), decoded.u(), decoded.v()];
    let pixels = colour::to_rgb(planes, decoded.strides(), (width, height));
    let picture = picture::from_rgb(width, height, pixels);
    let picture = Arc::new(picture.map_err(|error| Flaw::damaged(error.to_string()))?);
    match last {
        Some(last) => {
            last.0.copy(decoded);
            last.1 = Arc::clone(&picture);
        }
        None => *last = Some((Planes::of(decoded), Arc::clone(&picture))),
    }
    Ok(picture)
}

/// A copy of a decoded picture in Y'CbCr 4:2:0.
#[derive(Default)]
struct Planes {
    planes: [Vec<u8>; 3],
    strides: (usize, usize, usize),
    size: (usize, usize),
}

impl Planes {
    fn of(decoded: &impl YUVSource) -> Self {
        let mut planes = Self::default();
        planes.copy(decoded);
        planes
    }

    fn copy(&mut self, decoded: &impl YUVSource) {
        self.strides = decoded.strides();
        self.size = decoded.dimensions();
        let planes = [decoded.y(), decoded.u(), decoded.v()];
        for (plane, decoded) in self.planes.iter_mut().zip(planes) {
            plane.clear();
            plane.extend(decoded);
        }
    }

    fn are_those_of(&self, decoded: &impl YUVSource) -> bool {
        (self.strides, self.size) == (decoded.strides(), decoded.dimensions())
            && self.planes.each_ref().map(Vec::as_slice) == [decoded.y(), decoded.u(), decoded.v()]
    }
}

impl YUVSource for Planes {
    fn dimensions_i32(&self) -> (i32, i32) {
        (self.size.0 as i32, self.size.1 as i32)
    }

    fn dimensions(&self) -> (usize, usize) {
        self.size
    }

    fn strides(&self) -> (usize, usize, usize) {
        self.strides
    }

    fn strides_i32(&self) -> (i32, i32, i32) {
        let (luma, blue, red) = self.strides;
        (luma as i32, blue as i32, red as i32)
    }

    fn y(&self) -> &[u8] {
        &self.planes[0]
    }

    fn u(&self) -> &[u8] {
        &self.planes[1]
    }

    fn v(&self) -> &[u8] {
        &self.planes[2]
    }
}
