//! Decoding files of sound to mono samples, block by block.

use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use lb_files::contained;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use crate::AudioError;

/// The rates of sound that is analysed, in samples a second.
pub(crate) const RATES: RangeInclusive<u32> = 4_000..=768_000;

/// The longest sound that is analysed, in seconds.
pub(crate) const LONGEST: u32 = 2 * 3600;

/// A file of sound, which is decoded to one channel, the mean of all.
///
/// The file is not trusted: only regular files are opened, and a decoder that panics is an error of the file.
/// Samples that an encoder has added at the ends are left out where the file names them.
pub struct SoundFile {
    path: PathBuf,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    rate: u32,
    channels: Vec<f32>,
    mono: Vec<f32>,
}

impl SoundFile {
    /// Opens a file and finds its first track of sound.
    ///
    /// # Errors
    /// [`AudioError::File`], [`AudioError::Unsupported`], [`AudioError::NoSound`], [`AudioError::SampleRate`].
    pub fn open(path: &Path) -> Result<Self, AudioError> {
        let file = lb_files::open(path)?;
        let unsupported = |reason: String| AudioError::Unsupported {
            path: path.into(),
            reason,
        };
        let mut hint = Hint::new();
        if let Some(ending) = path.extension().and_then(|ending| ending.to_str()) {
            hint.with_extension(ending);
        }
        let opened = contained(|| {
            let stream = MediaSourceStream::new(Box::new(file), Default::default());
            let format = symphonia::default::get_probe().probe(
                &hint,
                stream,
                FormatOptions::default(),
                MetadataOptions::default(),
            )?;
            let Some(track) = format.default_track(TrackType::Audio) else {
                return Ok(None);
            };
            let id = track.id;
            let parameters = track.codec_params.as_ref().and_then(|all| all.audio());
            let Some(parameters) = parameters.cloned() else {
                return Ok(None);
            };
            let decoder = symphonia::default::get_codecs()
                .make_audio_decoder(&parameters, &AudioDecoderOptions::default())?;
            Ok(Some((format, id, parameters.sample_rate, decoder)))
        });
        let opened = opened.map_err(unsupported)?;
        let opened = opened.map_err(|error: Error| unsupported(error.to_string()))?;
        let Some((format, track, rate, decoder)) = opened else {
            return Err(AudioError::NoSound { path: path.into() });
        };
        let rate = rate.unwrap_or(0);
        validate_rate(rate)?;
        Ok(Self {
            path: path.into(),
            format,
            decoder,
            track,
            rate,
            channels: Vec::new(),
            mono: Vec::new(),
        })
    }

    /// Samples a second.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        self.rate
    }

    /// The next samples, from −1 to 1, or `None` at the end. Blocks differ in length, and may be empty. A block
    /// that is damaged counts as silence, and a file that is cut short ends where it ends, as in players.
    ///
    /// # Errors
    /// [`AudioError::Damaged`] if nothing more can be read, or if the rate changes in the middle.
    pub fn next_block(&mut self) -> Result<Option<&[f32]>, AudioError> {
        let read = contained(|| next_block(self));
        let damaged = |reason: String, path: &Path| AudioError::Damaged {
            path: path.into(),
            reason,
        };
        match read {
            Err(reason) => Err(damaged(reason, &self.path)),
            Ok(Err(error)) => Err(damaged(error.to_string(), &self.path)),
            Ok(Ok(None)) => Ok(None),
            Ok(Ok(Some(rate))) if rate != self.rate => Err(damaged(
                format!(
                    "its rate changes from {} to {rate} samples a second",
                    self.rate
                ),
                &self.path,
            )),
            Ok(Ok(Some(_))) => Ok(Some(&self.mono)),
        }
    }
}

/// Decodes the next packet to mono, and returns its rate; `None` at the end.
fn next_block(sound: &mut SoundFile) -> Result<Option<u32>, Error> {
    sound.mono.clear();
    let packet = loop {
        match sound.format.next_packet() {
            Ok(Some(packet)) if packet.track_id == sound.track => break packet,
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            // The file is cut short.
            Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    };
    let decoded = match sound.decoder.decode(&packet) {
        Ok(decoded) => decoded,
        Err(Error::DecodeError(_)) => {
            let silent = usize::try_from(packet.dur.get()).unwrap_or(0);
            sound.mono.resize(silent.min(LONGEST_PACKET), 0.0);
            return Ok(Some(sound.rate));
        }
        Err(error) => return Err(error),
    };
    let channels = decoded.spec().channels().count().max(1);
    let rate = decoded.spec().rate();
    decoded.copy_to_vec_interleaved(&mut sound.channels);
    let share = 1.0 / channels as f32;
    let frames = sound.channels.chunks_exact(channels);
    sound.mono.extend(frames.map(|frame| {
        let mean = frame.iter().sum::<f32>() * share;
        if mean.is_finite() {
            mean.clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }));
    Ok(Some(rate))
}

/// The longest silence that a damaged packet stands for, in samples.
const LONGEST_PACKET: usize = 1 << 16;

pub(crate) fn validate_rate(rate: u32) -> Result<(), AudioError> {
    match RATES.contains(&rate) {
        true => Ok(()),
        false => Err(AudioError::SampleRate { rate }),
    }
}
