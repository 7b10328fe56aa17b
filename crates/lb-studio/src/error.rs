//! What is wrong with a request, or went wrong with it.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lb_files::FileError;
use lb_render::{JobError, ModelError, RenderError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The kind of an error, from which a program can decide what to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorKind {
    /// The request breaks a rule.
    Request,
    /// The request carries neither a session nor a token that is valid.
    Unauthorized,
    /// The request comes from another site.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// Somebody else has changed the project meanwhile, or a task is in a state in which this cannot be done.
    Conflict,
    /// Too many bytes, pixels or keyframes.
    TooLarge,
    /// Too many tasks are waiting.
    Busy,
    /// The work failed.
    Failed,
}

impl ErrorKind {
    fn status(self) -> StatusCode {
        match self {
            Self::Request => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error as JSON.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ErrorBody {
    error: ErrorFacts,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
struct ErrorFacts {
    kind: ErrorKind,
    /// One sentence.
    message: String,
}

/// An error that a request is answered with.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    /// What the answer contains besides, such as the project as somebody else has changed it.
    pub(crate) current: Option<Box<serde_json::Value>>,
}

impl ApiError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            current: None,
        }
    }

    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Request, message)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(ErrorKind::NotFound, format!("there is no such {what}"))
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::TooLarge, message)
    }

    /// A failure of the machine. Its details are logged, and not shown to a visitor of a demonstration.
    pub(crate) fn failed(error: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Failed, error.to_string())
    }
}

/// What visitors of a demonstration read instead of the details of a failure, which may name paths.
pub(crate) const HIDDEN_FAILURE: &str = "the work failed; the log of the server says more about it";

/// The answer to a visitor of a demonstration if a request fails.
pub(crate) fn hidden_failure() -> Response {
    let facts = ErrorFacts {
        kind: ErrorKind::Failed,
        message: HIDDEN_FAILURE.into(),
    };
    (ErrorKind::Failed.status(), Json(ErrorBody { error: facts })).into_response()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if self.kind == ErrorKind::Failed {
            tracing::warn!("{}", self.message);
        }
        let facts = ErrorFacts {
            kind: self.kind,
            message: self.message,
        };
        let status = self.kind.status();
        match self.current {
            Some(current) => {
                let body = serde_json::json!({ "error": facts, "current": current });
                (status, Json(body)).into_response()
            }
            None => (status, Json(ErrorBody { error: facts })).into_response(),
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large("the request has too many bytes"),
            _ => Self::request(rejection.body_text()),
        }
    }
}

impl From<FileError> for ApiError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io { .. } => Self::failed(error),
            other => Self::failed(other),
        }
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error)
    }
}

impl From<getrandom::Error> for ApiError {
    fn from(error: getrandom::Error) -> Self {
        Self::failed(error)
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(error)
    }
}

impl From<RenderError> for ApiError {
    fn from(error: RenderError) -> Self {
        match error.is_request() {
            true => Self::request(error.to_string()),
            false => Self::failed(error),
        }
    }
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> Self {
        RenderError::from(error).into()
    }
}

impl From<ModelError> for ApiError {
    fn from(error: ModelError) -> Self {
        RenderError::from(error).into()
    }
}
