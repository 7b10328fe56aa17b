//! The errors of reading and importing a published model, and of writing graphs for it.

use std::path::{Path, PathBuf};

use lb_files::FileError;

/// Why a model could not be read, imported or exported. Every variant names the file and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names of the fields say what they are")]
pub enum CheckpointError {
    /// A file or folder could not be read, written or linked. `action` is an infinitive: "read".
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    /// A component's folder holds no weights in a supported form.
    #[error("{}: there are no weights in this folder; expected one of {expected}", folder.display())]
    NoWeights { folder: PathBuf, expected: String },
    /// A component's weights exist only in a file that torch has pickled.
    #[error(
        "{}: weights that torch has pickled cannot be used directly; the model has to be imported \
         first",
        path.display()
    )]
    PickledWeights { path: PathBuf },
    /// The file is a pointer that Git LFS keeps instead of a large file.
    #[error(
        "{}: this is only a pointer of Git LFS; the file itself has not been downloaded",
        path.display()
    )]
    LargeFilePointer { path: PathBuf },
    /// A JSON file cannot be parsed, or does not hold the object that is expected.
    #[error("{}: {problem}", path.display())]
    Json { path: PathBuf, problem: String },
    /// A setting of a JSON configuration has a value that is wrong or not supported. `found` is
    /// JSON, or "absent".
    #[error("{}: \"{key}\" is {found}; expected {expected}", path.display())]
    Setting {
        path: PathBuf,
        key: String,
        found: String,
        expected: String,
    },
    /// A file does not follow its format. For example, it is truncated, or its tensors overlap.
    #[error("{}: this is not a valid {format}: {problem}", path.display())]
    Malformed {
        path: PathBuf,
        format: &'static str,
        problem: String,
    },
    /// A tensor is missing, does not belong to Stable Diffusion 1 or 2, or has another shape or number
    /// format than is needed. `path` is the weight file, or the index of the shards.
    #[error("{}: tensor \"{tensor}\" {problem}", path.display())]
    Tensor {
        path: PathBuf,
        tensor: String,
        problem: String,
    },
    /// A single-file checkpoint lacks a whole network. `expected` lists the prefixes of its tensors' names.
    #[error("{}: there is no {component} in this file; expected tensors named {expected}…", path.display())]
    NoComponent {
        path: PathBuf,
        component: &'static str,
        expected: String,
    },
    /// A single-file checkpoint has no autoencoder, and none is given separately.
    #[error("{}: this is a checkpoint without an autoencoder", path.display())]
    NoAutoencoder { path: PathBuf },
    /// A file is something else than a whole model of Stable Diffusion 1 or 2.
    #[error("{}: this is {what}", path.display())]
    OtherFile { path: PathBuf, what: String },
    /// A part of a model's configuration cannot be inferred from the shapes of its tensors.
    #[error(
        "{}: {what} cannot be inferred from the tensors ({reason}); a diffusers configuration has \
         to be given",
        path.display()
    )]
    NotInferable {
        path: PathBuf,
        what: &'static str,
        reason: String,
    },
    /// A folder is not a model directory, because it has no `model_index.json`.
    #[error("{}: this folder is not a model directory (it has no model_index.json)", path.display())]
    NoModel { path: PathBuf },
    /// A file has no bytes, as after a download that failed.
    #[error("{}: this file is empty; download it again", path.display())]
    EmptyFile { path: PathBuf },
    /// A file is a web page, which was downloaded in place of the file itself.
    #[error("{}: this is a web page; download the file itself", path.display())]
    WebPage { path: PathBuf },
    /// A file has none of the formats in which models are published.
    #[error(
        "{}: this is neither a safetensors file nor a checkpoint saved by torch 1.6 or newer",
        path.display()
    )]
    UnknownFormat { path: PathBuf },
    /// Two files of a model that takes parts from another one have the same name in their folders.
    #[error(
        "{} and {} would both become {} in the new model; import the model whose parts are shared by itself",
        first.display(), second.display(), name.display()
    )]
    SameName {
        first: PathBuf,
        second: PathBuf,
        name: PathBuf,
    },
    /// The pickle program in a checkpoint uses a Python name that no model needs. It may be malicious.
    #[error(
        "{}: its pickle uses {global}, which is not among the names that models need; nothing in it \
         was run",
        path.display()
    )]
    CheckpointGlobal { path: PathBuf, global: String },
    /// A file that was given as a LoRA is something else. `found` is a noun with its article.
    #[error(
        "{}: this is {found}; a LoRA of Stable Diffusion 1 or 2 is expected, with the matrices `down` and `up` \
         of each layer",
        path.display()
    )]
    UnsupportedLora { path: PathBuf, found: String },
    /// A file that was given as an embedding is something else. `found` is a noun with its article.
    #[error(
        "{}: this is {found}; an embedding (textual inversion) of Stable Diffusion 1 or 2 is expected, which is \
         one tensor of one or more vectors",
        path.display()
    )]
    UnsupportedEmbedding { path: PathBuf, found: String },
    /// Something already exists at the destination of an import.
    #[error("{}: this already exists; expected a new or empty folder", path.display())]
    DestinationExists { path: PathBuf },
    /// Something was to be replaced that is not a model directory.
    #[error(
        "{}: this is not replaced, because it is not a model directory (it has no model_index.json)",
        path.display()
    )]
    NotReplaceable { path: PathBuf },
    /// The caller interrupted the import.
    #[error("interrupted")]
    Interrupted,
}

impl CheckpointError {
    /// Whether the user's request is wrong, rather than a file: the destination already exists, or a
    /// configuration has to be given.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(
            self,
            Self::DestinationExists { .. }
                | Self::UnsupportedLora { .. }
                | Self::NoAutoencoder { .. }
                | Self::UnsupportedEmbedding { .. }
                | Self::NotReplaceable { .. }
                | Self::NotInferable { .. }
        )
    }

    /// Makes the error for a tensor.
    pub(crate) fn tensor(path: &Path, tensor: &str, problem: String) -> Self {
        Self::Tensor {
            path: path.to_owned(),
            tensor: tensor.to_owned(),
            problem,
        }
    }

    /// Makes a function for `map_err` that adds the action (an infinitive, such as "read") and the path to
    /// the reason of a file's error.
    pub fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(FileError) -> Self {
        let add = Self::io(action, path);
        |error| add(error.into_io())
    }

    /// Makes a function for `map_err` that adds the action (an infinitive, such as "read") and the path to
    /// an I/O error.
    pub fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
