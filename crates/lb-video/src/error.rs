//! Why a picture or film could not be written or read.

#![allow(missing_docs)] // The messages say what the variants and their fields are.

use std::io;
use std::path::{Path, PathBuf};

use lb_files::FileError;

use crate::limits::{MAX_DESCRIPTION, MOST_SCALE, PRESETS, QUANTIZERS};

/// Why a picture or film was not made or not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("a frame of {width}x{height} pixels: each side must be 1 to {max}")]
    FrameSize {
        width: usize,
        height: usize,
        max: usize,
    },
    #[error("the sheet would have {width}x{height} pixels; each side may have at most {max}")]
    SheetSize {
        width: usize,
        height: usize,
        max: usize,
    },
    #[error(
        "{bytes} bytes for a frame of {}x{}: it takes {}, 3 a pixel",
        size.0, size.1, 3 * size.0 * size.1
    )]
    PixelCount { size: (usize, usize), bytes: usize },
    #[error(
        "a frame of {}x{} among frames of {}x{}",
        found.0, found.1, expected.0, expected.1
    )]
    SizesDiffer {
        found: (usize, usize),
        expected: (usize, usize),
    },
    #[error("a cross-fade weight of {weight}: it must lie in 0 to 1")]
    Weight { weight: f64 },
    #[error("a film of {width}x{height} pixels: H.264 (4:2:0) takes even sides of at least 16")]
    FilmSides { width: usize, height: usize },
    #[error(
        "a film of {width}x{height} pixels: openh264 encodes up to 3840x2160 or 2160x3840; the \
         ffmpeg encoder or a folder of PNG pictures takes more"
    )]
    FilmTooLarge { width: usize, height: usize },
    #[error(
        "a quantiser of {quantizer}: it must be {} (best) to {} (smallest)",
        QUANTIZERS.start(), QUANTIZERS.end()
    )]
    Quantizer { quantizer: u8 },
    #[error("a constant rate factor (crf) of {crf}: it must be 0 (lossless) to 51 (smallest)")]
    ConstantRateFactor { crf: u8 },
    #[error("a WebP quality of {quality}: it must be 0 (smallest) to 100 (best)")]
    WebpQuality { quality: u8 },
    #[error("'{preset}' is no preset of libx264; it has {}", PRESETS.join(", "))]
    Preset { preset: String },
    #[error("a film may be 1 to {MOST_SCALE} times as wide and high as its frames, not {scale}")]
    Scale { scale: usize },
    #[error(
        "{}: films are written as {endings}, or as PNG pictures into a folder",
        path.display()
    )]
    UnknownFormat { path: PathBuf, endings: String },
    #[error("{} is no film or picture that can be read here", path.display())]
    UnknownContent { path: PathBuf },
    #[error("{} is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} cannot have sound: only a .mp4 film can", path.display())]
    Silent { path: PathBuf },
    #[error("sound needs ffmpeg, and {} could not be started: {source}", program.display())]
    AudioWithoutFfmpeg { program: PathBuf, source: io::Error },
    #[error("{} has no sound that ffmpeg can read: {reason}", path.display())]
    NotAudio { path: PathBuf, reason: String },
    /// openh264 does not decode the film's codec, and ffmpeg could not be used.
    #[error("{} is coded as '{codec}', which takes ffmpeg to decode: {reason}", path.display())]
    Undecodable {
        path: PathBuf,
        codec: String,
        reason: String,
    },
    #[error("the folder {} holds no PNG pictures", path.display())]
    NoPictures { path: PathBuf },
    #[error("a description of {bytes} bytes: at most {MAX_DESCRIPTION} are stored")]
    DescriptionTooLong { bytes: usize },
    #[error("a description with a NUL character, at byte {at}: it cannot be stored")]
    DescriptionNul { at: usize },
    #[error("{frames} frames make no film: it takes at least {min}")]
    TooFewFrames { frames: usize, min: usize },
    #[error("a contact sheet needs at least one {of}")]
    EmptyContactSheet { of: &'static str },
    #[error("{encoder} failed at frame {frame}: {reason}")]
    Encoding {
        encoder: &'static str,
        frame: usize,
        reason: String,
    },
    /// The program is not there, or the system does not run it.
    #[error("{} could not be started: {source}", program.display())]
    EncoderNotStarted { program: PathBuf, source: io::Error },
    #[error("{} failed ({status}): {stderr}", program.display())]
    EncoderProgram {
        program: PathBuf,
        status: String,
        stderr: String,
    },
    /// There is a bug: the encoder's thread panicked.
    #[error("the {stage} stage panicked: {message}")]
    StagePanicked {
        stage: &'static str,
        message: String,
    },
    /// A writer was used again after it had returned an error.
    #[error("the film had failed before; its first error was reported then")]
    FailedBefore,
}

impl VideoError {
    /// Whether what was asked for was wrong, so that repeating it cannot help; otherwise the work
    /// failed.
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::File(error) => error.is_request(),
            Self::PixelCount { .. }
            | Self::SizesDiffer { .. }
            | Self::Weight { .. }
            | Self::AudioWithoutFfmpeg { .. }
            | Self::Undecodable { .. }
            | Self::EmptyContactSheet { .. }
            | Self::Encoding { .. }
            | Self::EncoderNotStarted { .. }
            | Self::EncoderProgram { .. }
            | Self::StagePanicked { .. }
            | Self::FailedBefore => false,
            _ => true,
        }
    }

    /// For `map_err`: what was being done to which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let file_error = FileError::io(action, path);
        move |source| file_error(source).into()
    }
}
