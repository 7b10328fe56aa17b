//! What can go wrong between a folder of weights and a picture.

use std::path::PathBuf;

use lb_checkpoint::CheckpointError;
use lb_export::ExportError;

use crate::device::DeviceProblem;
use crate::kind::ModelKind;

/// A broken rule of loading or running a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// No ONNX Runtime library lies in any of the places that were named.
    #[error("no ONNX Runtime library found (looked in: {})", list(searched))]
    RuntimeMissing {
        /// Every place that was tried, in order.
        searched: Vec<PathBuf>,
    },
    /// The library is there, and cannot be used: not a library, the wrong machine, or too old.
    #[error("the ONNX Runtime library {} cannot be used: {reason}", path.display())]
    RuntimeUnusable {
        /// The library.
        path: PathBuf,
        /// The loader's own words.
        reason: String,
    },
    /// A process has one runtime; a second one was asked for.
    #[error(
        "ONNX Runtime is already loaded from {}; a process cannot also load {}",
        loaded.display(), asked.display()
    )]
    RuntimeAlreadyLoaded {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        asked: PathBuf,
    },
    /// An execution provider was asked for by name and cannot work here.
    #[error("device `{device}` cannot be used: {reason}")]
    DeviceUnavailable {
        /// The device as the user names it.
        device: String,
        /// Why not.
        reason: DeviceProblem,
    },
    /// A device name that is none.
    #[error("unknown device `{found}`; known are auto, cpu, cuda, tensorrt")]
    UnknownDevice {
        /// What was given.
        found: String,
    },
    /// No model of this name lies in any of the folders.
    #[error("no model named `{name}` found (looked in: {})", list(searched))]
    ModelMissing {
        /// The name asked for.
        name: String,
        /// Every folder that was tried, in order.
        searched: Vec<PathBuf>,
    },
    /// A file of the model directory cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's or the parser's words.
        reason: String,
    },
    /// A folder for prepared models cannot be made.
    #[error("cannot write {}: {reason}", path.display())]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A configuration value that this program does not know or cannot use.
    #[error("{}: `{key}` is {found}; allowed: {allowed}", path.display())]
    Config {
        /// The configuration file.
        path: PathBuf,
        /// The key in it.
        key: String,
        /// Its value.
        found: String,
        /// What it may be.
        allowed: String,
    },
    /// A configuration or weights cannot be read, are not supported, or do not fit together.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Graphs cannot be written.
    #[error(transparent)]
    Export(ExportError),
    /// A graph's inputs or outputs are not those of its component.
    #[error("the graph of the {component} {rule}: found {found}, expected {expected}")]
    Signature {
        /// Which component.
        component: &'static str,
        /// What is wrong.
        rule: &'static str,
        /// What the graph has.
        found: String,
        /// What it should have.
        expected: String,
    },
    /// A tensor of a wrong length or shape was handed in, or came out of a model.
    #[error("{what}: found {found}, expected {expected}")]
    Shape {
        /// Which tensor.
        what: String,
        /// What it was.
        found: String,
        /// What it should have been.
        expected: String,
    },
    /// Height or width that the model cannot draw.
    #[error("picture size {width}x{height} is not allowed: {rule}")]
    PictureSize {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// The rule.
        rule: String,
    },
    /// A picture that is given to a model has another size than the film.
    #[error(
        "the {what} has {}x{} pixels; {}x{} are needed", found.0, found.1, expected.0, expected.1
    )]
    InputSize {
        /// Which picture.
        what: &'static str,
        /// Its width and height in pixels.
        found: (usize, usize),
        /// The width and height it must have.
        expected: (usize, usize),
    },
    /// A picture without any pixel.
    #[error("the {what} has no pixels")]
    EmptyPicture {
        /// Which picture.
        what: &'static str,
    },
    /// A pixel that is NaN or infinite.
    #[error(
        "the {what}'s pixel in column {column}, row {row} (from 0) is {value}; it must be finite"
    )]
    PixelNotFinite {
        /// Which picture.
        what: &'static str,
        /// Its column, from 0.
        column: usize,
        /// Its row, from 0.
        row: usize,
        /// Its value.
        value: f32,
    },
    /// A mask that leaves a model nothing to do.
    #[error(
        "the mask repaints nothing: none of its {pixels} pixels is white (0.5 or more); \
         black is kept, white is repainted"
    )]
    MaskRepaintsNothing {
        /// Pixels of the mask.
        pixels: usize,
    },
    /// A mask that leaves nothing of the picture.
    #[error(
        "the mask repaints everything: none of its {pixels} pixels is black (below 0.5); \
         black is kept, white is repainted"
    )]
    MaskRepaintsEverything {
        /// Pixels of the mask.
        pixels: usize,
    },
    /// A mask whose white parts slip between the pixels that the model sees of it.
    #[error(
        "the mask's white parts ({repainted} pixels) are too small: the model sees one \
         pixel of every {step}x{step}, the upper left one, and none of those is white"
    )]
    MaskTooFine {
        /// White pixels.
        repainted: usize,
        /// Side of the squares of which it sees one pixel.
        step: usize,
    },
    /// More noise than an upscaler knows, or than its files allow.
    #[error("the noise level is {found}; this upscaler takes 0 to {most}")]
    NoiseLevel {
        /// The level asked for.
        found: usize,
        /// The highest level.
        most: usize,
    },
    /// Something that a model of another kind takes.
    #[error("the model `{model}` is for {kind}; {what} needs one for {needed}")]
    WrongKind {
        /// The model's name.
        model: String,
        /// Its kind.
        kind: ModelKind,
        /// What was given, with its article.
        what: &'static str,
        /// The kind that takes it.
        needed: ModelKind,
    },
    /// A request with other channels than the model takes.
    #[error(
        "a model for {kind} takes {expected} channels beside the latents; the request has {found}"
    )]
    ConcatenatedChannels {
        /// The model's kind.
        kind: ModelKind,
        /// The request's channels.
        found: usize,
        /// The model's.
        expected: usize,
    },
    /// The noise schedule of an upscaler's pictures of low resolution cannot be followed.
    #[error(transparent)]
    Schedule(#[from] lb_blend::SamplerError),
    /// A model gave numbers that are not numbers.
    #[error("the {component} gave a value that is not finite")]
    NotFinite {
        /// Which component.
        component: &'static str,
    },
    /// A setting outside of its range.
    #[error("{setting} is {found}; allowed: {allowed}")]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// The memory of the device, or of the machine, does not hold what was to be done.
    #[error("out of memory, {doing}: {reason}")]
    OutOfMemory {
        /// What it was.
        doing: String,
        /// ONNX Runtime's own words.
        reason: String,
    },
    /// ONNX Runtime refused to load or to run a graph.
    #[error("ONNX Runtime, {doing}: {reason}")]
    Runtime {
        /// What it was asked to do.
        doing: String,
        /// Its own words.
        reason: String,
    },
}

/// How ONNX Runtime's arena, CUDA, cuDNN or cuBLAS, and C++ say that there is no more memory.
const ALLOCATIONS_THAT_FAIL: &[&str] = &[
    "Failed to allocate memory",
    "out of memory",
    "ALLOC_FAILED",
    "bad_alloc",
];

impl From<ExportError> for ModelError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Checkpoint(error) => Self::Checkpoint(error),
            error => Self::Export(error),
        }
    }
}

impl ModelError {
    pub(crate) fn runtime(doing: impl Into<String>) -> impl FnOnce(ort::Error) -> Self {
        let doing = doing.into();
        move |error| {
            let reason = error.to_string();
            match ALLOCATIONS_THAT_FAIL
                .iter()
                .any(|words| reason.contains(words))
            {
                true => Self::OutOfMemory { doing, reason },
                false => Self::Runtime { doing, reason },
            }
        }
    }

    pub(crate) fn unreadable(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::Unreadable {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "nowhere".into();
    }
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
