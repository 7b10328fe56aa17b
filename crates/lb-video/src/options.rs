//! How a film is written.

use std::path::PathBuf;

use crate::description;
use crate::error::VideoError;
use crate::limits::{self, PRESETS, QUANTIZERS};
#[cfg(doc)]
use crate::picture;
use lb_schedule::FrameRate;

/// The encoder of an MP4. Other formats have one encoder each.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Encoder {
    /// openh264, which is built in: constrained-baseline H.264 at a fixed quantiser.
    OpenH264 {
        /// 12 (best) to 51 (smallest). The default is the best: where a film moves by less than two grey
        /// levels from frame to frame, the losses of a coarser one come and go more visibly than the
        /// film moves. 18 makes files half as large.
        quantizer: u8,
    },
    /// The program `ffmpeg` with libx264, which needs half to two thirds of the bytes for the same
    /// quality.
    Ffmpeg {
        /// The program, by its path or its name on the search path.
        program: PathBuf,
        /// Constant rate factor, 0 (lossless) to 51 (smallest).
        crf: u8,
        /// One of libx264's presets, `ultrafast` to `placebo`.
        preset: String,
    },
}

impl Default for Encoder {
    fn default() -> Self {
        Self::OpenH264 { quantizer: 12 }
    }
}

/// A sound track for an MP4, muxed by the program ffmpeg as AAC.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AudioTrack {
    /// The track, in any format of sound that ffmpeg reads, which a playlist is not. A longer track is cut to
    /// the film's length, and a shorter one is followed by silence.
    pub file: PathBuf,
    /// The program, by its path or its name on the search path.
    pub program: PathBuf,
}

impl AudioTrack {
    /// A track that the `ffmpeg` on the search path muxes.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            program: "ffmpeg".into(),
        }
    }
}

/// How the pictures of an animated WebP are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WebpCompression {
    /// Compression with losses, for small files.
    Lossy {
        /// 0 (smallest) to 100 (best). 90 keeps about 42 dB, measured on films of the bundled model.
        quality: u8,
    },
    /// Compression that keeps every pixel, for files that are several times larger.
    Lossless,
}

/// Options of the animated formats, GIF and WebP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnimationOptions {
    /// Whether the film plays again from its beginning, for ever.
    pub repeats: bool,
    /// How a WebP's pictures are compressed.
    pub webp: WebpCompression,
}

impl Default for AnimationOptions {
    fn default() -> Self {
        Self {
            repeats: true,
            webp: WebpCompression::Lossy { quality: 90 },
        }
    }
}

/// How a film is written.
#[derive(Clone, PartialEq, Debug)]
pub struct FilmOptions {
    /// Frames per second.
    pub frame_rate: FrameRate,
    /// How many times wider and higher the film is than the frames that it is given, 1 to
    /// [`FilmOptions::MOST_SCALE`]. They are [enlarged](picture::enlarged) on the encoder's thread.
    pub scale: usize,
    /// The encoder of an MP4.
    pub encoder: Encoder,
    /// How a GIF or WebP is written.
    pub animation: AnimationOptions,
    /// The sound track, for an MP4 only.
    pub audio: Option<AudioTrack>,
    /// A text that the film carries and [`metadata::read`](crate::metadata::read) finds, such as the job that it was made
    /// from. It has up to [`MAX_DESCRIPTION`](crate::metadata::MAX_DESCRIPTION) bytes and no NUL; an empty text
    /// counts as none. In a folder, every picture carries it.
    pub description: Option<String>,
    /// Whether an existing output may be replaced. In a folder, only the pictures `frame_*.png` are.
    pub overwrite: bool,
}

impl Default for FilmOptions {
    fn default() -> Self {
        Self {
            frame_rate: FrameRate::default(),
            scale: 1,
            encoder: Encoder::default(),
            animation: AnimationOptions::default(),
            audio: None,
            description: None,
            overwrite: false,
        }
    }
}

impl FilmOptions {
    /// The largest scale.
    pub const MOST_SCALE: usize = limits::MOST_SCALE;

    /// Checks the options as far as that is possible without a film.
    ///
    /// # Errors
    /// [`VideoError::Scale`], [`VideoError::DescriptionTooLong`], [`VideoError::DescriptionNul`],
    /// [`VideoError::Quantizer`], [`VideoError::ConstantRateFactor`], [`VideoError::Preset`] or
    /// [`VideoError::WebpQuality`].
    pub fn validate(&self) -> Result<(), VideoError> {
        if !(1..=Self::MOST_SCALE).contains(&self.scale) {
            return Err(VideoError::Scale { scale: self.scale });
        }
        self.description
            .as_deref()
            .map_or(Ok(()), description::validate)?;
        if let WebpCompression::Lossy { quality } = self.animation.webp
            && quality > 100
        {
            return Err(VideoError::WebpQuality { quality });
        }
        match &self.encoder {
            Encoder::OpenH264 { quantizer } if !QUANTIZERS.contains(quantizer) => {
                Err(VideoError::Quantizer {
                    quantizer: *quantizer,
                })
            }
            Encoder::Ffmpeg { crf, .. } if *crf > 51 => {
                Err(VideoError::ConstantRateFactor { crf: *crf })
            }
            Encoder::Ffmpeg { preset, .. } if !PRESETS.contains(&preset.as_str()) => {
                Err(VideoError::Preset {
                    preset: preset.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    /// The description, if there is one. ffmpeg cannot tell an empty text from none.
    pub(crate) fn stored_description(&self) -> Option<String> {
        self.description.clone().filter(|text| !text.is_empty())
    }
}
