//! What can go wrong between pictures and files.

#![allow(missing_docs)]

use std::io;
use std::path::{Path, PathBuf};

use lb_files::FileError;

/// Why a picture or film was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// A file or folder could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A frame has no pixels, or absurdly many.
    #[error("a frame of {width}x{height} pixels: each side must be 1 to {max}")]
    FrameSize {
        width: usize,
        height: usize,
        max: usize,
    },
    /// The bytes are not those of a picture of this size.
    #[error("{bytes} bytes for a frame of {width}x{height}: it takes {expected}, 3 a pixel")]
    PixelCount {
        width: usize,
        height: usize,
        bytes: usize,
        expected: usize,
    },
    /// Two frames that belong together differ in size.
    #[error("a frame of {width}x{height} among frames of {expected_width}x{expected_height}")]
    SizesDiffer {
        width: usize,
        height: usize,
        expected_width: usize,
        expected_height: usize,
    },
    /// A cross-fade weight outside of 0 to 1.
    #[error("a cross-fade weight of {weight}: it must lie in 0 to 1")]
    Weight { weight: f64 },
    /// H.264 in 4:2:0 halves both sides for colour.
    #[error("a film of {width}x{height} pixels: H.264 (4:2:0) takes even sides of at least {min}")]
    FilmSides {
        width: usize,
        height: usize,
        min: usize,
    },
    /// Beyond what openh264 encodes.
    #[error(
        "a film of {width}x{height} pixels: openh264 encodes up to 3840x2160 or 2160x3840; the \
         ffmpeg encoder or a folder of PNG pictures takes more"
    )]
    FilmTooLarge { width: usize, height: usize },
    /// Frames per second that no film has.
    #[error("{frames_per_second} frames a second: it must be {min} to {max}")]
    FrameRate {
        frames_per_second: f64,
        min: f64,
        max: f64,
    },
    /// The quantiser is not one that openh264 keeps to.
    #[error("a quantiser of {quantizer}: it must be {min} (best) to {max} (smallest)")]
    Quantizer { quantizer: u8, min: u8, max: u8 },
    /// libx264's constant rate factor is out of range.
    #[error("a constant rate factor (crf) of {crf}: it must be 0 (lossless) to 51 (smallest)")]
    ConstantRateFactor { crf: u8 },
    /// WebP's quality is out of range.
    #[error("a WebP quality of {quality}: it must be 0 (smallest) to 100 (best)")]
    WebpQuality { quality: u8 },
    /// Not one of libx264's presets.
    #[error("'{preset}' is no preset of libx264; it has {allowed}")]
    Preset { preset: String, allowed: String },
    /// The output's ending names no format that is written here.
    #[error(
        "{}: films are written as {}, or as PNG pictures into a folder",
        path.display(), crate::format::endings()
    )]
    UnknownFormat { path: PathBuf },
    /// A file to read is nothing that is written here.
    #[error("{} is no film or picture that can be read here", path.display())]
    UnknownContent { path: PathBuf },
    /// A file to read breaks the rules of its format.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// A sound track for what is silent.
    #[error("{} cannot have sound: only a .mp4 film can", path.display())]
    Silent { path: PathBuf },
    /// A sound track, and no program to put it into the film.
    #[error("sound needs ffmpeg, and {} could not be started: {source}", program.display())]
    AudioWithoutFfmpeg { program: PathBuf, source: io::Error },
    /// A sound track that is none.
    #[error("{} has no sound that ffmpeg can read: {reason}", path.display())]
    NotAudio { path: PathBuf, reason: String },
    /// A film in a codec that is not decoded here.
    #[error("{} is coded as '{codec}', which takes ffmpeg to decode: {reason}", path.display())]
    Undecodable {
        path: PathBuf,
        codec: String,
        reason: String,
    },
    /// A folder to read has no pictures.
    #[error("the folder {} holds no PNG pictures", path.display())]
    NoPictures { path: PathBuf },
    /// The text that a film shall carry is too long.
    #[error("a description of {bytes} bytes: at most {max} are stored")]
    DescriptionTooLong { bytes: usize, max: usize },
    /// The text that a film shall carry holds what ends a text in some formats.
    #[error("a description with a NUL character, at byte {at}: it cannot be stored")]
    DescriptionNul { at: usize },
    /// A film of too few frames.
    #[error("{frames} frames make no film: it takes at least {min}")]
    TooFewFrames { frames: usize, min: usize },
    /// A contact sheet of nothing.
    #[error("a contact sheet needs at least one {of}")]
    EmptyContactSheet { of: &'static str },
    /// The encoder refused a frame.
    #[error("{encoder} failed at frame {frame}: {reason}")]
    Encoding {
        encoder: &'static str,
        frame: usize,
        reason: String,
    },
    /// The program is not there, or cannot be run.
    #[error("{} could not be started: {source}", program.display())]
    EncoderNotStarted { program: PathBuf, source: io::Error },
    /// The program gave up.
    #[error("{} failed ({status}): {stderr}", program.display())]
    EncoderProgram {
        program: PathBuf,
        status: String,
        stderr: String,
    },
    /// A bug: a stage of the pipeline panicked.
    #[error("the {stage} stage panicked: {message}")]
    StagePanicked {
        stage: &'static str,
        message: String,
    },
    /// The writer was used on after it had failed.
    #[error("the film had failed before; its first error was reported then")]
    FailedBefore,
}

impl VideoError {
    /// Whether what was asked for was wrong, so that repeating it cannot help; otherwise the work
    /// failed.
    #[must_use]
    pub fn is_request(&self) -> bool {
        if let Self::File(error) = self {
            return error.is_request();
        }
        matches!(
            self,
            Self::FrameSize { .. }
                | Self::FilmSides { .. }
                | Self::FilmTooLarge { .. }
                | Self::FrameRate { .. }
                | Self::Quantizer { .. }
                | Self::ConstantRateFactor { .. }
                | Self::WebpQuality { .. }
                | Self::Preset { .. }
                | Self::UnknownFormat { .. }
                | Self::UnknownContent { .. }
                | Self::Silent { .. }
                | Self::NotAudio { .. }
                | Self::Damaged { .. }
                | Self::NoPictures { .. }
                | Self::DescriptionTooLong { .. }
                | Self::DescriptionNul { .. }
                | Self::TooFewFrames { .. }
        )
    }

    /// For `map_err`: what was being done to which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let file_error = FileError::io(action, path);
        move |source| file_error(source).into()
    }
}
