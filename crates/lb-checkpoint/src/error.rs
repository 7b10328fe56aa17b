//! What can be wrong with a model as it is published, or with its import.

use std::path::PathBuf;

/// Why a model could not be read or imported. Every variant names the file and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields say what their names say")]
pub enum CheckpointError {
    /// A file or folder could not be read, written or linked. `action` is an infinitive: "read".
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    /// A component's folder holds no weights in a form that is understood.
    #[error("{}: no weights here; expected one of {expected}", folder.display())]
    NoWeights { folder: PathBuf, expected: String },
    /// A component's weights exist only as torch has pickled them.
    #[error(
        "{}: weights that torch has pickled cannot be used directly; the model has to be imported \
         first",
        path.display()
    )]
    PickledWeights { path: PathBuf },
    /// Git LFS left a pointer in place of a large file.
    #[error(
        "{}: this is a pointer of Git LFS and not the file itself, which was not downloaded",
        path.display()
    )]
    LargeFilePointer { path: PathBuf },
    /// A JSON file cannot be parsed, or is not the object that it should be.
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
    /// A safetensors file breaks its own format: it is truncated, or its tensors overlap or lie
    /// outside of it.
    #[error("{}: not a sound safetensors file: {problem}", path.display())]
    Safetensors { path: PathBuf, problem: String },
    /// The configuration implies a tensor that no weight file has. `path` is the weight file, or the
    /// index of its shards.
    #[error("{}: tensor \"{tensor}\" is missing; the configuration calls for shape {expected:?}", path.display())]
    MissingTensor {
        path: PathBuf,
        tensor: String,
        expected: Vec<usize>,
    },
    /// A single-file checkpoint lacks a whole network. `expected` is how its tensors' names begin.
    #[error("{}: no {component} in this file; expected tensors named {expected}…", path.display())]
    NoComponent {
        path: PathBuf,
        component: &'static str,
        expected: String,
    },
    /// A single-file checkpoint has a layer that Stable Diffusion 1 and 2 do not have.
    #[error(
        "{}: tensor \"{tensor}\" does not belong to the {component} of Stable Diffusion 1 or 2",
        path.display()
    )]
    UnknownTensor {
        path: PathBuf,
        tensor: String,
        component: &'static str,
    },
    /// Something about a model cannot be inferred from the shapes of its tensors.
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
    /// A folder is not a model directory.
    #[error("{}: this folder is no model directory (it has no model_index.json)", path.display())]
    NoModel { path: PathBuf },
    /// A file is none of those in which models are published.
    #[error(
        "{}: neither a safetensors file nor a checkpoint as torch saves it (since version 1.6)",
        path.display()
    )]
    UnknownFormat { path: PathBuf },
    /// A checkpoint that torch has saved breaks its format.
    #[error("{}: not a sound torch checkpoint: {problem}", path.display())]
    Checkpoint { path: PathBuf, problem: String },
    /// The program in a checkpoint asks for a name that no model needs, perhaps to do harm.
    #[error(
        "{}: its pickle asks for {global}, which is not among the names that tensors are made of; \
         nothing of it was run",
        path.display()
    )]
    CheckpointGlobal { path: PathBuf, global: String },
    /// A model directory is to be made where something already exists.
    #[error("{}: something is there already; expected a new or empty folder", path.display())]
    DestinationExists { path: PathBuf },
    /// Something that is no model directory is to be replaced by one.
    #[error(
        "{}: this is no model directory (it has no model_index.json), and so is not replaced",
        path.display()
    )]
    NotReplaceable { path: PathBuf },
    /// The caller broke the import off.
    #[error("interrupted")]
    Interrupted,
    /// A tensor's shape contradicts the configuration.
    #[error(
        "{}: tensor \"{tensor}\" has shape {found:?}; the configuration calls for {expected:?}",
        path.display()
    )]
    Shape {
        path: PathBuf,
        tensor: String,
        found: Vec<usize>,
        expected: Vec<usize>,
    },
    /// A tensor is stored in a number format that weights do not have. `found` is as the header
    /// spells it.
    #[error("{}: tensor \"{tensor}\" is stored as {found}; expected F32, F16 or BF16", path.display())]
    Dtype {
        path: PathBuf,
        tensor: String,
        found: String,
    },
}

impl CheckpointError {
    /// Whether the request was wrong (a destination that exists, a configuration that has to be
    /// given) rather than a file.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(
            self,
            Self::DestinationExists { .. }
                | Self::NotReplaceable { .. }
                | Self::NotInferable { .. }
        )
    }

    /// For `map_err` on an operation with a path.
    pub(crate) fn io(
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
