//! The errors of loading and running models.

use std::path::PathBuf;

use lb_checkpoint::{CheckpointError, ModelKind};
use lb_export::Precision;
use lb_schedule::UnknownChoice;

use crate::device::problem::DeviceProblem;

/// A broken rule of loading or running a model. The message says what was found and what is allowed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields hold the values of the message")]
pub enum ModelError {
    /// No ONNX Runtime library is in any of the folders that were searched, in this order.
    #[error("no ONNX Runtime library found (looked in: {})", list(searched))]
    RuntimeMissing { searched: Vec<PathBuf> },
    /// The library is there but cannot be used: it is no ONNX Runtime, is for another kind of
    /// machine, or is too old. The reason is the loader's message.
    #[error("the ONNX Runtime library {} cannot be used: {reason}", path.display())]
    RuntimeUnusable { path: PathBuf, reason: String },
    #[error(
        "ONNX Runtime is already loaded from {}; a process cannot also load {}",
        loaded.display(), asked.display()
    )]
    RuntimeAlreadyLoaded { loaded: PathBuf, asked: PathBuf },
    #[error("device `{device}` cannot be used: {reason}")]
    DeviceUnavailable {
        device: String,
        reason: DeviceProblem,
    },
    #[error(transparent)]
    UnknownDevice(#[from] UnknownChoice),
    /// No model of this name is in any of the folders that were searched, in this order.
    #[error("no model named `{name}` found (looked in: {})", list(searched))]
    ModelMissing {
        name: String,
        searched: Vec<PathBuf>,
    },
    /// A file of the model directory cannot be read. The reason is the message of the system or of
    /// the parser.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    /// The model's scheduler is one that no sampler equals. The setting is the first reason.
    #[error(
        "{} asks for {setting}, which no sampler has; name a sampler to use another one instead",
        path.display()
    )]
    UnsupportedScheduler { path: PathBuf, setting: String },
    /// A VAE decoder was chosen that decodes other latents than those of the model, or makes other
    /// pictures.
    #[error(
        "{}: this VAE decoder does not fit the model `{model}`: {what}: found {found}, expected {expected}",
        path.display()
    )]
    UnsuitableDecoder {
        path: PathBuf,
        model: String,
        what: &'static str,
        found: usize,
        expected: usize,
    },
    /// A LoRA changes a component of which there are no weights, only an exported graph.
    #[error(
        "{}: a LoRA cannot change {}, because nothing can be added to a graph that was exported; it needs \
         a model with its weights as safetensors",
        lora.display(), path.display()
    )]
    LoraOfOnnx { lora: PathBuf, path: PathBuf },
    /// A clip skip names a layer that the text encoder does not have.
    #[error(
        "the clip skip is {found}; the text encoder of the model `{model}` has {most} layers, so 1 (the last \
         one) to {most} are allowed"
    )]
    ClipSkip {
        found: usize,
        model: String,
        most: usize,
    },
    /// A clip skip leaves out layers of a text encoder of which there are no weights, only an exported graph.
    #[error(
        "{}: a clip skip cannot leave out layers of a graph that was exported; it needs a model with its \
         weights as safetensors",
        path.display()
    )]
    ClipSkipOfOnnx { path: PathBuf },
    /// LoRAs are too large together, in numbers.
    #[error("the LoRAs have {found} numbers together; at most {most} are allowed")]
    LorasTooLarge { found: usize, most: usize },
    /// A request has the strengths of another number of LoRAs than the model has.
    #[error("the model has {expected} LoRAs; the request has the strengths of {found}")]
    LoraStrengths { found: usize, expected: usize },
    /// An embedding has vectors of another width than the model's text encoder. The family is the one that the
    /// embedding is for, if it is known.
    #[error(
        "{}: this embedding has vectors of {found} numbers{}; the model `{model}` needs {expected}",
        path.display(), family.map_or(String::new(), |family| format!(", for {family}"))
    )]
    EmbeddingWidth {
        path: PathBuf,
        found: usize,
        family: Option<&'static str>,
        model: String,
        expected: usize,
    },
    /// An embedding has more vectors than fit into a chunk of a prompt.
    #[error(
        "{}: this embedding has {found} vectors; a prompt has room for {most}, because they must stand together",
        path.display()
    )]
    EmbeddingLength {
        path: PathBuf,
        found: usize,
        most: usize,
    },
    /// An embedding has the name of a token that was added to the model's tokenizer.
    #[error(
        "{}: the model's tokenizer has a token {name:?} already; the embedding needs another name",
        path.display()
    )]
    EmbeddingName { path: PathBuf, name: String },
    /// An embedding was given to a model whose text encoder is only an exported graph.
    #[error(
        "{}: an embedding cannot be given to {}, because nothing can be added to a graph that was exported; it \
         needs a model with its weights as safetensors",
        embedding.display(), path.display()
    )]
    EmbeddingOfOnnx { embedding: PathBuf, path: PathBuf },
    /// The folder for TensorRT's engines cannot be made. The reason is the system's message.
    #[error("cannot write {}: {reason}", path.display())]
    Unwritable { path: PathBuf, reason: String },
    /// A configuration or weights cannot be read, are not supported, or do not fit together; or graphs
    /// cannot be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("the graph of the {component} {rule}: found {found}, expected {expected}")]
    Signature {
        component: &'static str,
        rule: &'static str,
        found: String,
        expected: String,
    },
    /// A tensor that was handed in, or that a model returned, has the wrong length or shape.
    #[error("{what}: found {found}, expected {expected}")]
    Shape {
        what: String,
        found: String,
        expected: String,
    },
    /// The model cannot draw pictures of this width and height, in pixels.
    #[error("picture size {width}x{height} is not allowed: {rule}")]
    PictureSize {
        width: usize,
        height: usize,
        rule: String,
    },
    /// A picture that is given to a model has another width and height, in pixels, than is needed.
    #[error(
        "the {what} has {}x{} pixels; {}x{} are needed", found.0, found.1, expected.0, expected.1
    )]
    InputSize {
        what: &'static str,
        found: (usize, usize),
        expected: (usize, usize),
    },
    #[error("the {what} has no pixels")]
    EmptyPicture { what: &'static str },
    /// A pixel is NaN or infinite. Columns and rows count from 0.
    #[error(
        "the {what}'s pixel in column {column}, row {row} (from 0) is {value}; it must be finite"
    )]
    PixelNotFinite {
        what: &'static str,
        column: usize,
        row: usize,
        value: f32,
    },
    #[error(
        "the mask repaints nothing: none of its {pixels} pixels is white (0.5 or more); \
         black is kept, white is repainted"
    )]
    MaskRepaintsNothing { pixels: usize },
    #[error(
        "the mask repaints everything: none of its {pixels} pixels is black (below 0.5); \
         black is kept, white is repainted"
    )]
    MaskRepaintsEverything { pixels: usize },
    /// All white pixels of a mask fall between the pixels that the model sees of it.
    #[error(
        "the mask's white parts ({repainted} pixels) are too small: the model sees one \
         pixel of every {step}x{step}, the upper left one, and none of those is white"
    )]
    MaskTooFine { repainted: usize, step: usize },
    /// An upscaler was asked for more noise than its schedule has or its files allow.
    #[error("the noise level is {found}; this upscaler takes 0 to {most}")]
    NoiseLevel { found: usize, most: usize },
    /// Something was given, named by `what` with its article, that only a model of another kind takes.
    #[error("the model `{model}` is for {kind}; {what} needs one for {needed}")]
    WrongKind {
        model: String,
        kind: ModelKind,
        what: &'static str,
        needed: ModelKind,
    },
    /// A request has another number of concatenated channels than the model takes.
    #[error(
        "a model for {kind} takes {expected} channels beside the latents; the request has {found}"
    )]
    ConcatenatedChannels {
        kind: ModelKind,
        found: usize,
        expected: usize,
    },
    /// The noise schedule of an upscaler's pictures of low resolution cannot be used.
    #[error(transparent)]
    Schedule(#[from] lb_blend::SamplerError),
    /// A model computed NaN or infinity. In 16-bit floats this may be an overflow, which the same model
    /// does not have in 32-bit floats.
    #[error("the {component} gave a value that is not finite{}", in_16_bits(*precision))]
    NotFinite {
        component: &'static str,
        precision: Precision,
    },
    /// A prompt has too many chunks.
    #[error(transparent)]
    Prompt(#[from] lb_prompt::PromptError),
    #[error("{setting} is {found}; allowed: {allowed}")]
    Setting {
        setting: &'static str,
        found: String,
        allowed: &'static str,
    },
    /// The memory of the device, or of the machine, is too small. The reason is ONNX Runtime's
    /// message.
    #[error("out of memory, {doing}: {reason}")]
    OutOfMemory { doing: String, reason: String },
    /// ONNX Runtime refused to load or to run a graph. The reason is its message.
    #[error("ONNX Runtime, {doing}: {reason}")]
    Runtime { doing: String, reason: String },
}

/// Parts of the messages by which ONNX Runtime's arena, CUDA, cuDNN or cuBLAS, and C++ report that
/// memory is exhausted.
const ALLOCATIONS_THAT_FAIL: &[&str] = &[
    "Failed to allocate memory",
    "out of memory",
    "ALLOC_FAILED",
    "bad_alloc",
];

impl ModelError {
    /// Turns an error of ONNX Runtime into one that says what it was asked to do.
    pub(crate) fn runtime(doing: impl Into<String>) -> impl FnOnce(ort::Error) -> Self {
        let doing = doing.into();
        move |error| {
            let reason = error.to_string();
            let mut signs = ALLOCATIONS_THAT_FAIL.iter();
            match signs.any(|words| reason.contains(words)) {
                true => Self::OutOfMemory { doing, reason },
                false => Self::Runtime { doing, reason },
            }
        }
    }

    /// The error for a tensor of the wrong length or shape.
    pub(crate) fn shape(
        what: impl Into<String>,
        found: impl ToString,
        expected: impl ToString,
    ) -> Self {
        Self::Shape {
            what: what.into(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// The error for a setting that is out of its range.
    pub(crate) fn setting(
        setting: &'static str,
        found: impl ToString,
        allowed: &'static str,
    ) -> Self {
        let found = found.to_string();
        Self::Setting {
            setting,
            found,
            allowed,
        }
    }

    /// The error for a file that cannot be read.
    pub(crate) fn unreadable(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::Unreadable {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        }
    }
}

fn in_16_bits(precision: Precision) -> &'static str {
    match precision {
        Precision::Float16 => " in 16-bit floats",
        Precision::Float32 => "",
    }
}

fn list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "nowhere".into();
    }
    let paths = paths.iter().map(|path| path.display().to_string());
    paths.collect::<Vec<_>>().join(", ")
}
