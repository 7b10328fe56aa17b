//! What can go wrong between a folder of weights and a picture.

use std::path::PathBuf;

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
        reason: String,
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
    /// The weights could not be written as a graph.
    #[error(transparent)]
    Export(#[from] lb_export::ExportError),
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
    /// ONNX Runtime refused to load or to run a graph.
    #[error("ONNX Runtime, {doing}: {reason}")]
    Runtime {
        /// What it was asked to do.
        doing: String,
        /// Its own words.
        reason: String,
    },
}

impl ModelError {
    pub(crate) fn runtime(doing: impl Into<String>) -> impl FnOnce(ort::Error) -> Self {
        let doing = doing.into();
        move |error| Self::Runtime {
            doing,
            reason: error.to_string(),
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
