//! Errors as a user meets them: a message, a hint, an exit code.

use std::process::ExitCode;

use lb_render::{ModelError, RenderError};

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The arguments contradict each other.
    #[error("{0}")]
    Request(String),
    /// A render or a part of it.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A file of the command itself.
    #[error("cannot write {path}: {reason}")]
    Write {
        /// The file.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// `lb doctor` found that nothing can be rendered.
    #[error("this machine cannot render yet: {0}")]
    Unready(String),
}

impl From<ModelError> for CommandError {
    fn from(error: ModelError) -> Self {
        Self::Render(error.into())
    }
}

impl CommandError {
    pub(crate) const INTERRUPTED: u8 = 130;

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Request(_) => 2,
            Self::Render(RenderError::Interrupted) => Self::INTERRUPTED,
            Self::Render(error) if error.is_request() => 2,
            Self::Render(_) | Self::Write { .. } | Self::Unready(_) => 1,
        })
    }

    /// What the user can do about it, where there is something to say.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        let Self::Render(error) = self else {
            return None;
        };
        match error {
            RenderError::PromptCount { .. } => {
                Some("quote each prompt: lb render \"red apple\" \"green pear\" -o film.mp4")
            }
            RenderError::NoOutput => {
                Some("add -o film.mp4, --frames-dir DIR or --contact-sheet FILE")
            }
            RenderError::OutputExists { .. } => Some("add --force to replace it"),
            RenderError::Interrupted => Some("nothing was written"),
            RenderError::Model(ModelError::RuntimeMissing { .. }) => Some(
                "in a checkout, run `cargo xtask setup`; elsewhere set ORT_DYLIB_PATH to \
                 libonnxruntime (version 1.24 or newer)",
            ),
            RenderError::Model(ModelError::RuntimeUnusable { .. }) => Some(
                "lb needs ONNX Runtime 1.24 or newer for this machine; `cargo xtask setup` gets \
                 one, ORT_DYLIB_PATH names another",
            ),
            RenderError::Model(ModelError::ModelMissing { .. }) => {
                Some("give a folder with --model, or list folders of models in LB_MODELS")
            }
            RenderError::Model(ModelError::DeviceUnavailable { .. }) => {
                Some("`lb doctor` tells which devices can be used and why others cannot")
            }
            _ => None,
        }
    }
}
