//! Animated WebP: libwebp makes the pictures and this module the container (RFC 9649, section 2.7), so
//! that each picture goes to the disk as soon as it is known how long it is shown. The film's text is
//! in an Exif chunk (section 2.7.1.4).

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use image::codecs::webp::WebPDecoder;
use lb_files::StagedFile;
use webp::{Encoder, WebPConfig};

use super::animation::{Timeline, read_with};
use crate::error::VideoError;
use crate::film_frame::Frames;
use crate::flaw::Flaw;
use crate::limits::MAX_DESCRIPTION;
use crate::options::WebpCompression;
use crate::sink::{CompletedFilm, NewFilm, NextFrame, Sink};

mod container;
mod exif;

/// The most bytes of Exif that are read: enough for a description and what a camera puts beside it.
const MAX_EXIF: u32 = 2 * MAX_DESCRIPTION as u32;

/// The longest side of a picture in WebP.
const MAX_SIDE: usize = 16_383;
/// Browsers show frames of 10 ms and less for 100 ms.
const SHORTEST: u64 = 11;
/// A frame's duration has 24 bits.
const LONGEST: u64 = 0xff_ffff;
const ANIMATION: u8 = 1 << 1;
const EXIF: u8 = 1 << 3;
/// The flag of a frame that replaces what was shown, rather than being blended with it.
const DO_NOT_BLEND: u8 = 1 << 1;

pub(super) fn read(path: &Path, file: File) -> Result<Frames, Flaw> {
    let mut file = BufReader::new(file);
    container::frame_times(&mut file)?;
    let decoder = WebPDecoder::new(file)?;
    if !decoder.has_animation() {
        return Err(Flaw::damaged("it is a single picture, no animation"));
    }
    read_with(path, decoder)
}

/// Checks what the decoder of single pictures does not check before it allocates.
pub(crate) fn validate_picture(file: &mut BufReader<File>) -> Result<(), Flaw> {
    container::frame_times(file).map(drop)
}

/// For how many seconds each frame is shown.
pub(super) fn read_durations(file: File) -> Result<Vec<f64>, Flaw> {
    let times = container::frame_times(&mut BufReader::new(file))?;
    Ok(times
        .into_iter()
        .map(|time| f64::from(time) / 1000.0)
        .collect())
}

/// Pictures in RIFF chunks.
pub(super) struct WebpSink {
    config: WebPConfig,
    output: BufWriter<StagedFile>,
    timeline: Timeline,
    description: Option<String>,
    size: (usize, usize),
    /// The picture that is shown now, and its chunks.
    shown: Option<(Arc<RgbImage>, Vec<u8>)>,
}

impl WebpSink {
    pub(super) fn new(film: &NewFilm<'_>) -> Result<Self, VideoError> {
        let ((width, height), animation) = (film.size, film.options.animation);
        let output = StagedFile::create(film.path, film.options.overwrite)?;
        if width.max(height) > MAX_SIDE {
            return Err(VideoError::FrameSize {
                width,
                height,
                max: MAX_SIDE,
            });
        }
        let mut sink = Self {
            config: config(animation.webp)?,
            output: BufWriter::new(output),
            timeline: Timeline::new(film.frame_rate, 1000, SHORTEST),
            description: film.options.stored_description(),
            size: (width, height),
            shown: None,
        };
        let mut flags = ANIMATION;
        if sink.description.is_some() {
            flags |= EXIF;
        }
        let [width, height] = [width, height].map(|side| three(side as u64 - 1));
        let repeats = if animation.repeats { 0_u16 } else { 1 };
        // The length is filled in at the end.
        sink.put(b"RIFF\0\0\0\0WEBP")?;
        sink.chunk(b"VP8X", &[&[flags, 0, 0, 0], &width, &height])?;
        sink.chunk(b"ANIM", &[&[0xff; 4], &repeats.to_le_bytes()])?;
        Ok(sink)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), VideoError> {
        let written = self.output.write_all(bytes);
        written.map_err(|source| self.output.get_ref().unfinished().refused(source).into())
    }

    /// A chunk has an even length on the disk.
    fn chunk(&mut self, name: &[u8; 4], parts: &[&[u8]]) -> Result<(), VideoError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.put(name)?;
        self.put(&(length as u32).to_le_bytes())?;
        for part in parts {
            self.put(part)?;
        }
        self.put(&[0][..length % 2])
    }

    /// Writes the picture that was shown, which lasted for this many milliseconds. One that lasts longer
    /// than a duration can say is written several times.
    fn flush(&mut self, mut lasted: u64) -> Result<(), VideoError> {
        let Some((_, picture)) = self.shown.take() else {
            return Ok(());
        };
        let origin = [0; 6];
        let (width, height) = self.size;
        let [width, height] = [width, height].map(|side| three(side as u64 - 1));
        while lasted > 0 {
            let now = lasted.min(LONGEST);
            let duration = three(now);
            let parts = [&origin[..], &width, &height, &duration, &[DO_NOT_BLEND]];
            self.chunk(b"ANMF", &[&parts.concat(), &picture])?;
            lasted -= now;
        }
        Ok(())
    }

    fn refused(&self, reason: String) -> VideoError {
        VideoError::Encoding {
            encoder: "libwebp",
            frame: self.timeline.frames().saturating_sub(1),
            reason,
        }
    }
}

fn config(compression: WebpCompression) -> Result<WebPConfig, VideoError> {
    let mut config = WebPConfig::new().map_err(|()| VideoError::Encoding {
        encoder: "libwebp",
        frame: 0,
        reason: "its version is not the one it was built for".into(),
    })?;
    match compression {
        WebpCompression::Lossy { quality } => {
            config.quality = f32::from(quality);
            // Colours of 4:2:0 that look right at edges, at a quarter more time.
            config.use_sharp_yuv = 1;
        }
        WebpCompression::Lossless => {
            config.lossless = 1;
            config.quality = 75.0;
        }
    }
    Ok(config)
}

/// 24 bits, little-endian.
fn three(value: u64) -> [u8; 3] {
    let [low, middle, high, ..] = value.to_le_bytes();
    [low, middle, high]
}

impl Sink for WebpSink {
    fn name(&self) -> &'static str {
        "webp"
    }

    fn write(&mut self, frame: &NextFrame<'_>) -> Result<(), VideoError> {
        let (shown, frame) = (&self.shown, frame.picture);
        let different = || shown.as_ref().is_none_or(|(shown, _)| shown != frame);
        let Some(lasted) = self.timeline.take(different) else {
            return Ok(());
        };
        self.flush(lasted)?;
        let file = Encoder::from_rgb(frame.as_raw(), frame.width(), frame.height())
            .encode_advanced(&self.config)
            .map_err(|error| self.refused(format!("{error:?}")))?;
        // A file of one picture is the same chunks behind 12 bytes.
        let picture = file.get(12..).map(<[u8]>::to_vec).unwrap_or_default();
        self.shown = Some((Arc::clone(frame), picture));
        Ok(())
    }

    fn complete(
        mut self: Box<Self>,
        frames: usize,
        seconds: f64,
    ) -> Result<CompletedFilm, VideoError> {
        self.flush(self.timeline.rest())?;
        if let Some(text) = self.description.take() {
            self.chunk(b"EXIF", &[&exif::write(&text)])?;
        }
        let unfinished = self.output.get_ref().unfinished();
        let refused_by_disk = |source| VideoError::from(unfinished.refused(source));
        let length = self.output.stream_position().map_err(refused_by_disk)?;
        let Ok(length) = u32::try_from(length - 8) else {
            return Err(self.refused(format!("a WebP holds 4 GiB, not {length} bytes")));
        };
        self.output
            .seek(SeekFrom::Start(4))
            .map_err(refused_by_disk)?;
        self.put(&length.to_le_bytes())?;
        let output = self
            .output
            .into_inner()
            .map_err(|error| refused_by_disk(error.into_error()))?;
        CompletedFilm::file(output, frames, seconds)
    }
}

/// Finds the description in the Exif chunk; other chunks are jumped over.
pub(super) fn read_text(mut file: BufReader<File>) -> Result<Option<String>, Flaw> {
    let mut start = [0; 12];
    file.read_exact(&mut start)?;
    let length = u32::from_le_bytes([start[4], start[5], start[6], start[7]]);
    let end = u64::from(length) + 8;
    let mut at = start.len() as u64;
    while end.saturating_sub(at) >= 8 {
        let mut header = [0; 8];
        file.read_exact(&mut header)?;
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        if header.starts_with(b"EXIF") {
            if length > MAX_EXIF {
                return Err(Flaw::too_long(length.into()));
            }
            let mut bytes = vec![0; length as usize];
            file.read_exact(&mut bytes)?;
            return exif::read(&bytes);
        }
        let padded = i64::from(length) + i64::from(length % 2);
        file.seek_relative(padded)?;
        at += 8 + padded as u64;
    }
    Ok(None)
}
