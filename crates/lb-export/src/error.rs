//! What can be wrong with a model directory.

use std::path::PathBuf;

/// Why a graph could not be built or written. Every variant names the file and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A file or folder could not be read, written or linked.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// What was tried, as an infinitive: "read", "write", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A component's folder holds no weights in a form that is understood.
    #[error("{}: no weights here; expected one of {expected}", folder.display())]
    NoWeights {
        /// The component's folder.
        folder: PathBuf,
        /// The file names that were looked for.
        expected: String,
    },
    /// A component's weights are there, but only as torch has pickled them.
    #[error(
        "{}: weights that torch has pickled are not used where they lie; the model has to be \
         imported first",
        path.display()
    )]
    PickledWeights {
        /// The file.
        path: PathBuf,
    },
    /// In place of a large file stands what Git LFS remembers it by.
    #[error(
        "{}: this is a pointer of Git LFS and not the file, which was not downloaded with it",
        path.display()
    )]
    LargeFilePointer {
        /// The file.
        path: PathBuf,
    },
    /// A JSON file does not parse or lacks its outer structure.
    #[error("{}: {problem}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the place in the file where that is known.
        problem: String,
    },
    /// A setting of a `config.json` has a value that is wrong or not supported.
    #[error("{}: \"{key}\" is {found}; expected {expected}", path.display())]
    Setting {
        /// The `config.json`.
        path: PathBuf,
        /// The setting.
        key: String,
        /// Its value as JSON ("absent" where there is none).
        found: String,
        /// The values that are allowed.
        expected: String,
    },
    /// A safetensors file breaks its own format: truncated, overlapping or out-of-range tensors.
    #[error("{}: not a sound safetensors file: {problem}", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// The rule that it breaks.
        problem: String,
    },
    /// The config implies a tensor that no weight file has.
    #[error("{}: tensor \"{tensor}\" is missing; the configuration calls for shape {expected:?}", path.display())]
    MissingTensor {
        /// The weight file, or the index of its shards.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shape that it should have.
        expected: Vec<usize>,
    },
    /// A single-file checkpoint lacks a whole network.
    #[error("{}: no {component} in this file; expected tensors named {expected}…", path.display())]
    NoComponent {
        /// The checkpoint.
        path: PathBuf,
        /// The network, as diffusers calls its folder.
        component: &'static str,
        /// How its tensors' names begin.
        expected: String,
    },
    /// A single-file checkpoint has a layer that Stable Diffusion 1 and 2 do not have.
    #[error(
        "{}: tensor \"{tensor}\" has no place in the {component} of Stable Diffusion 1 or 2",
        path.display()
    )]
    UnknownTensor {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The network, as diffusers calls its folder.
        component: &'static str,
    },
    /// Something about a model that its tensors' shapes do not tell.
    #[error(
        "{}: {what} cannot be told from the tensors ({reason}); a diffusers configuration has to \
         be given",
        path.display()
    )]
    NotInferable {
        /// The checkpoint.
        path: PathBuf,
        /// What is to be known.
        what: &'static str,
        /// Why it is not.
        reason: String,
    },
    /// A folder is no model directory.
    #[error("{}: this folder is no model directory (it has no model_index.json)", path.display())]
    NoModel {
        /// The folder.
        path: PathBuf,
    },
    /// A file is none of those that models come in.
    #[error(
        "{}: neither a safetensors file nor a checkpoint as torch saves it (since version 1.6)",
        path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A checkpoint that torch has saved breaks its format.
    #[error("{}: not a sound torch checkpoint: {problem}", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// The rule that it breaks.
        problem: String,
    },
    /// The program in a checkpoint uses a name that no model needs; it may be meant to do harm.
    #[error(
        "{}: its pickle asks for {global}, which is not among the names that tensors are made of; \
         nothing of it was run",
        path.display()
    )]
    CheckpointGlobal {
        /// The checkpoint.
        path: PathBuf,
        /// The module and the name.
        global: String,
    },
    /// A model directory is to be made where something is already.
    #[error("{}: something is there already; expected a new or empty folder", path.display())]
    TargetTaken {
        /// The place.
        path: PathBuf,
    },
    /// Something that is no model directory is to be replaced by one.
    #[error(
        "{}: this is no model directory (it has no model_index.json), and so is not replaced",
        path.display()
    )]
    NotReplaceable {
        /// The place.
        path: PathBuf,
    },
    /// Whoever asked for an import asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A tensor's shape contradicts the config.
    #[error(
        "{}: tensor \"{tensor}\" has shape {found:?}; the configuration calls for {expected:?}",
        path.display()
    )]
    Shape {
        /// The weight file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that it should have.
        expected: Vec<usize>,
    },
    /// A tensor is stored in a number format that weights do not have.
    #[error("{}: tensor \"{tensor}\" is stored as {found}; expected F32, F16 or BF16", path.display())]
    Dtype {
        /// The weight file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// Its format, as the header spells it.
        found: String,
    },
}

impl ExportError {
    /// Whether the request was wrong (a place that is taken, a configuration that has to be given)
    /// and not a file.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(
            self,
            Self::TargetTaken { .. } | Self::NotReplaceable { .. } | Self::NotInferable { .. }
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
