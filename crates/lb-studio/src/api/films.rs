//! Finished films.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use super::blocking;
use super::projects::id;
use super::types::{FilmFacts, Motion};
use crate::error::{ApiError, ErrorBody};
use crate::film_files;
use crate::guard::Visitor;
use crate::ids::Id;
use crate::shared::Shared;

/// The films of a project, the newest last.
#[utoipa::path(
    get, path = "/api/projects/{id}/films", params(("id" = Id, Path)),
    responses((status = 200, body = Vec<FilmFacts>), (status = 404, body = ErrorBody))
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(project): Path<String>,
) -> Result<Json<Vec<FilmFacts>>, ApiError> {
    let films = blocking(move || {
        let project = shared.projects.open(&id(&project)?, &owner)?;
        Ok(film_files::list(&project))
    });
    Ok(Json(films.await?))
}

/// Removes a film.
#[utoipa::path(
    delete, path = "/api/projects/{id}/films/{number}", params(("id" = Id, Path), ("number" = usize, Path)),
    responses((status = 204), (status = 404, body = ErrorBody))
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path((project, film)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    blocking(move || {
        let project = shared.projects.open(&id(&project)?, &owner)?;
        film_files::remove(&project, number(&film)?)?;
        shared.announce_project(&project.id, &owner);
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn number(text: &str) -> Result<usize, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("film"))
}

/// The step between neighbouring frames of a film.
#[utoipa::path(
    get, path = "/api/projects/{id}/films/{number}/motion", params(("id" = Id, Path), ("number" = usize, Path)),
    responses((status = 200, body = Motion), (status = 404, body = ErrorBody))
)]
pub(crate) async fn motion(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path((project, film)): Path<(String, String)>,
) -> Result<Json<Motion>, ApiError> {
    let number = number(&film)?;
    let opened = Arc::clone(&shared);
    let (project, kept) = blocking(move || {
        let project = opened.projects.open(&id(&project)?, &owner)?;
        let kept = film_files::kept_motion(&project, number)?;
        Ok((project, kept))
    })
    .await?;
    if let Some(kept) = kept {
        return Ok(Json(kept));
    }
    let decoding = shared.decoding_permit().await?;
    let motion = blocking(move || {
        let _decoding = decoding;
        film_files::motion(&project, number)
    });
    Ok(Json(motion.await?))
}

/// Downloads a film. The last part of the path is the name that the file gets. Parts of it can be asked for
/// with the header `Range`.
#[utoipa::path(
    get, path = "/api/projects/{id}/films/{number}/{file}",
    params(("id" = Id, Path), ("number" = usize, Path), ("file" = String, Path)),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, body = ErrorBody)
    )
)]
pub(crate) async fn download(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path((project, film, file)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let (facts, path) = blocking(move || {
        let project = shared.projects.open(&id(&project)?, &owner)?;
        film_files::find(&project, number(&film)?)
    })
    .await?;
    // A project that is renamed gives its films other names, and addresses that were kept stay valid.
    if file.rsplit('.').next() != Some(facts.format.ending()) {
        return Err(ApiError::not_found("film"));
    }
    let answer = ServeFile::new(path).oneshot(request).await;
    let mut response = answer.map_err(ApiError::failed)?.into_response();
    let disposition = format!("inline; filename=\"{}\"", facts.file);
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response
            .headers_mut()
            .insert(CONTENT_DISPOSITION, disposition);
    }
    // A film that is removed leaves its number, and so its address, to the next one.
    let private = HeaderValue::from_static("private, no-cache");
    response.headers_mut().insert(CACHE_CONTROL, private);
    Ok(response)
}
