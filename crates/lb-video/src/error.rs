//! What can go wrong between pictures and files.

use std::io;
use std::path::PathBuf;

mod kind;

/// Why a picture or film was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// A frame has no pixels, or absurdly many.
    #[error("a frame of {width}x{height} pixels: each side must be 1 to {max}")]
    FrameSize {
        /// Width asked for, in pixels.
        width: usize,
        /// Height asked for, in pixels.
        height: usize,
        /// Longest side allowed.
        max: usize,
    },
    /// The bytes are not those of a picture of this size.
    #[error("{bytes} bytes for a frame of {width}x{height}: it takes {expected}, 3 a pixel")]
    PixelCount {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes given.
        bytes: usize,
        /// Bytes needed.
        expected: usize,
    },
    /// Two frames that belong together differ in size.
    #[error("a frame of {width}x{height} among frames of {expected_width}x{expected_height}")]
    SizesDiffer {
        /// The odd one's width.
        width: usize,
        /// The odd one's height.
        height: usize,
        /// Width of the others.
        expected_width: usize,
        /// Height of the others.
        expected_height: usize,
    },
    /// A cross-fade weight outside of 0 to 1.
    #[error("a cross-fade weight of {weight}: it must lie in 0 to 1")]
    Weight {
        /// The weight.
        weight: f64,
    },
    /// H.264 in 4:2:0 halves both sides for colour.
    #[error("a film of {width}x{height} pixels: H.264 (4:2:0) takes even sides of at least {min}")]
    FilmSides {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Shortest side.
        min: usize,
    },
    /// Beyond what openh264 encodes.
    #[error(
        "a film of {width}x{height} pixels: openh264 encodes up to 3840x2160 or 2160x3840; the \
         ffmpeg encoder or a folder of PNG pictures takes more"
    )]
    FilmTooLarge {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// Frames per second that no film has.
    #[error("{frames_per_second} frames a second: it must be {min} to {max}")]
    FrameRate {
        /// The rate asked for.
        frames_per_second: f64,
        /// Slowest allowed.
        min: f64,
        /// Fastest allowed.
        max: f64,
    },
    /// The quantiser is not one that openh264 keeps to.
    #[error("a quantiser of {quantizer}: it must be {min} (best) to {max} (smallest)")]
    Quantizer {
        /// The quantiser asked for.
        quantizer: u8,
        /// Best quality.
        min: u8,
        /// Smallest file.
        max: u8,
    },
    /// libx264's constant rate factor is out of range.
    #[error("a constant rate factor (crf) of {crf}: it must be 0 (lossless) to 51 (smallest)")]
    ConstantRateFactor {
        /// The factor asked for.
        crf: u8,
    },
    /// WebP's quality is out of range.
    #[error("a WebP quality of {quality}: it must be 0 (smallest) to 100 (best)")]
    WebpQuality {
        /// The quality asked for.
        quality: u8,
    },
    /// Not one of libx264's presets.
    #[error("'{preset}' is no preset of libx264; it has {allowed}")]
    Preset {
        /// The preset asked for.
        preset: String,
        /// Those there are.
        allowed: String,
    },
    /// The output's ending names no format that is written here.
    #[error("{}: films are written as .mp4, .gif or .webp, or as PNG pictures into a folder", path.display())]
    UnknownFormat {
        /// The output.
        path: PathBuf,
    },
    /// A file to read is nothing that is written here.
    #[error("{} is no film or picture that can be read here", path.display())]
    UnknownContent {
        /// The file.
        path: PathBuf,
    },
    /// A file to read breaks the rules of its format.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which rule.
        reason: String,
    },
    /// A sound track for what is silent.
    #[error("{} cannot have sound: only a .mp4 film can", path.display())]
    Silent {
        /// The output.
        path: PathBuf,
    },
    /// A sound track, and no program to put it into the film.
    #[error("sound needs ffmpeg, and {} could not be started: {source}", program.display())]
    AudioWithoutFfmpeg {
        /// The program asked for.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A sound track that is none.
    #[error("{} has no sound that ffmpeg can read: {reason}", path.display())]
    NotAudio {
        /// The file.
        path: PathBuf,
        /// What ffmpeg said.
        reason: String,
    },
    /// A film in a codec that is not decoded here.
    #[error("{} is coded as '{codec}', which takes ffmpeg to decode: {reason}", path.display())]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// Its codec, as MP4 calls it.
        codec: String,
        /// Why ffmpeg does not.
        reason: String,
    },
    /// A folder to read has no pictures.
    #[error("the folder {} holds no PNG pictures", path.display())]
    NoPictures {
        /// The folder.
        path: PathBuf,
    },
    /// The text that a film shall carry is too long.
    #[error("a description of {bytes} bytes: at most {max} are stored")]
    DescriptionTooLong {
        /// Its length.
        bytes: usize,
        /// Most bytes.
        max: usize,
    },
    /// The text that a film shall carry holds what ends a text in some formats.
    #[error("a description with a NUL character, at byte {at}: it cannot be stored")]
    DescriptionNul {
        /// Where the first one is.
        at: usize,
    },
    /// The output is there already.
    #[error("{} exists", path.display())]
    OutputExists {
        /// The output.
        path: PathBuf,
    },
    /// A folder of pictures is asked for where other things lie.
    #[error("the folder {} is not empty", path.display())]
    FolderNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A folder where a file should go, or a file where a folder should.
    #[error("{} is {found}, {wanted} was asked for", path.display())]
    WrongKind {
        /// The output.
        path: PathBuf,
        /// What is there.
        found: &'static str,
        /// What would be written.
        wanted: &'static str,
    },
    /// The folder that the output should lie in is missing.
    #[error("{} cannot be made: there is no folder {}", path.display(), folder.display())]
    NoFolder {
        /// The output.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// Reading or writing failed: no permission, a full disk.
    #[error("{} could not be {action}: {source}", path.display())]
    Io {
        /// What was being done, as in "written".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk is full, or what the user may have of it.
    #[error(
        "no space left on the disk for {}: {written} bytes were written, and are removed again",
        path.display()
    )]
    NoSpace {
        /// The output.
        path: PathBuf,
        /// Bytes that did fit.
        written: u64,
    },
    /// A film of too few frames.
    #[error("{frames} frames make no film: it takes at least {min}")]
    TooFewFrames {
        /// Frames written.
        frames: usize,
        /// Fewest allowed.
        min: usize,
    },
    /// A contact sheet of nothing.
    #[error("a contact sheet needs at least one {of}")]
    EmptyContactSheet {
        /// What it was given none of.
        of: &'static str,
    },
    /// The encoder refused a frame.
    #[error("{encoder} failed at frame {frame}: {reason}")]
    Encoding {
        /// Which encoder.
        encoder: &'static str,
        /// Index of the frame, from 0.
        frame: usize,
        /// What it said.
        reason: String,
    },
    /// The program is not there, or cannot be run.
    #[error("{} could not be started: {source}", program.display())]
    EncoderNotStarted {
        /// The program asked for.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program gave up.
    #[error("{} failed ({status}): {stderr}", program.display())]
    EncoderProgram {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: String,
        /// The last lines of what it said.
        stderr: String,
    },
    /// A bug: a stage of the pipeline panicked.
    #[error("the {stage} stage panicked: {message}")]
    StagePanicked {
        /// The stage.
        stage: &'static str,
        /// Its last words.
        message: String,
    },
    /// The writer was used on after it had failed.
    #[error("the film had failed before; its first error was reported then")]
    FailedBefore,
}
