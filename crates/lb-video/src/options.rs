//! How a film is written.

use std::path::PathBuf;

use crate::error::VideoError;
use crate::format;
use crate::frame_rate::FrameRate;
use crate::metadata;

/// What encodes an MP4; other formats have one encoder each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Encoder {
    /// Built in: constrained-baseline H.264 at a fixed quantiser.
    OpenH264 {
        /// 12 (best) to 51 (smallest); 18 keeps about 47 dB of luma (pocket films).
        quantizer: u8,
    },
    /// The program `ffmpeg` with libx264: the same quality in one half to two thirds of the bytes.
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
        Self::OpenH264 { quantizer: 18 }
    }
}

/// A sound track for an MP4, muxed by the program ffmpeg as AAC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioTrack {
    /// The track, in any format that ffmpeg reads. It is cut to the film's length, or followed by
    /// silence.
    pub file: PathBuf,
    /// The program, by its path or its name on the search path.
    pub program: PathBuf,
}

impl AudioTrack {
    /// A file, muxed by the `ffmpeg` on the search path.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            program: "ffmpeg".into(),
        }
    }
}

/// How the pictures of an animated WebP are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WebpCompression {
    /// Like a photograph: small.
    Lossy {
        /// 0 (smallest) to 100 (best); 90 keeps about 42 dB (pocket films).
        quality: u8,
    },
    /// Every pixel as it is: several times larger.
    Lossless,
}

/// What holds for GIF and WebP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnimationOptions {
    /// Whether it begins anew when it has ended, for ever.
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
    /// 0.1 to 1000; 23.976, 29.97 and their like mean NTSC's exact fractions.
    pub frames_per_second: f64,
    /// What encodes an MP4.
    pub encoder: Encoder,
    /// How a GIF or WebP is written.
    pub animation: AnimationOptions,
    /// What is heard: of an MP4 only.
    pub audio: Option<AudioTrack>,
    /// A text that the film carries for [`metadata::read`], as what it was made from: up to
    /// [`MAX_DESCRIPTION`](metadata::MAX_DESCRIPTION) bytes, without NUL; an empty one
    /// counts as none. A folder's pictures carry it each.
    pub description: Option<String>,
    /// Whether what exists may be replaced. In a folder of pictures only `frame_*.png` are.
    pub overwrite: bool,
}

impl Default for FilmOptions {
    fn default() -> Self {
        Self {
            frames_per_second: 30.0,
            encoder: Encoder::default(),
            animation: AnimationOptions::default(),
            audio: None,
            description: None,
            overwrite: false,
        }
    }
}

impl FilmOptions {
    /// Checks what can be checked without the film.
    ///
    /// # Errors
    /// [`VideoError::FrameRate`], [`VideoError::DescriptionTooLong`],
    /// [`VideoError::DescriptionNul`], [`VideoError::Quantizer`],
    /// [`VideoError::ConstantRateFactor`], [`VideoError::Preset`] or [`VideoError::WebpQuality`].
    pub fn validate(&self) -> Result<(), VideoError> {
        FrameRate::new(self.frames_per_second)?;
        self.description
            .as_deref()
            .map_or(Ok(()), metadata::validate)?;
        if let WebpCompression::Lossy { quality } = self.animation.webp
            && quality > 100
        {
            return Err(VideoError::WebpQuality { quality });
        }
        format::validate_encoder(&self.encoder)
    }

    /// The description, if there is one. ffmpeg cannot tell an empty text from none.
    pub(crate) fn stored_description(&self) -> Option<String> {
        self.description.clone().filter(|text| !text.is_empty())
    }
}
