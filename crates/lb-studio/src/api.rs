//! The API: a handler for each request, and the types in [`types`]. The description at `/api/openapi.json` is
//! made from both.

pub(crate) mod add_ons;
pub(crate) mod devices;
pub(crate) mod events;
pub(crate) mod films;
pub(crate) mod job_schema;
pub(crate) mod pictures;
pub(crate) mod plans;
pub(crate) mod projects;
pub(crate) mod prompts;
pub(crate) mod studio;
pub(crate) mod tasks;
pub(crate) mod types;

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequest;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::types::{FrameEvent, KeyframeEvent, ProjectEvent, QueueOrder, RemovedEvent, StepEvent};
use crate::error::{ApiError, ErrorBody};
use crate::shared::Shared;

/// The description of the API, apart from its paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "lb studio",
        description = "Makes films in which one prompt's picture becomes another's.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(
        ErrorBody,
        FrameEvent,
        KeyframeEvent,
        ProjectEvent,
        QueueOrder,
        RemovedEvent,
        StepEvent,
    ))
)]
struct Description;

/// The routes of the API, with their description.
fn described() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(studio::studio))
        .routes(routes!(studio::models))
        .routes(routes!(studio::settings))
        .routes(routes!(devices::list, devices::choose))
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::import))
        .routes(routes!(projects::get, projects::change, projects::remove))
        .routes(routes!(projects::put_job))
        .routes(routes!(projects::duplicate))
        .routes(routes!(projects::export))
        .routes(routes!(prompts::read))
        .routes(routes!(add_ons::known))
        .routes(routes!(add_ons::upload_add_on))
        .routes(routes!(add_ons::choose))
        .routes(routes!(pictures::upload))
        .routes(routes!(pictures::uploaded))
        .routes(routes!(pictures::computed))
        .routes(routes!(plans::plan))
        .routes(routes!(plans::within))
        .routes(routes!(tasks::list, tasks::create))
        .routes(routes!(tasks::get))
        .routes(routes!(tasks::cancel))
        .routes(routes!(tasks::pause))
        .routes(routes!(tasks::resume))
        .routes(routes!(tasks::move_before))
        .routes(routes!(films::list))
        .routes(routes!(films::remove))
        .routes(routes!(films::motion))
        .routes(routes!(films::download))
        .routes(routes!(events::events))
}

/// The routes of the API, among them the one to its description.
pub(crate) fn router() -> axum::Router<Arc<Shared>> {
    let (router, _) = described().split_for_parts();
    router.route(
        "/api/openapi.json",
        get(|| async {
            let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            (json, openapi()).into_response()
        }),
    )
}

/// The description of the API as JSON, which is also in `openapi.json` beside this crate's manifest.
#[must_use]
pub fn openapi() -> String {
    let (_, description) = described().split_for_parts();
    // A description consists of plain values.
    let text = description.to_pretty_json().unwrap_or_default();
    text + "\n"
}

/// The JSON of a request. What is wrong with it is answered as every error is.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, ApiError> {
        let Json(value) = Json::from_request(request, state).await?;
        Ok(Self(value))
    }
}

/// Runs what works with files on a thread that may wait for them.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(ApiError::failed("the program hit a fault of its own")))
}
