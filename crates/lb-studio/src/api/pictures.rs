//! Pictures: those that were uploaded, and those that were computed.

use std::sync::Arc;

use axum::Json;
use axum::body::Body as RequestBody;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use super::blocking;
use super::projects::id;
use super::types::UploadedPicture;
use crate::error::{ApiError, ErrorBody};
use crate::frames::PictureId;
use crate::guard::Visitor;
use crate::ids::{Id, hex, is_hex};
use crate::job_document::{PICTURES, picture_path};
use crate::limits::Limits;
use crate::projects::Project;
use crate::shared::Shared;
use crate::{pictures, upload};

/// Uploads a PNG, JPEG, GIF or WebP picture: a keyframe, a mask or a depth map. It is decoded and encoded again,
/// so that nothing of the file is kept but what it shows.
#[utoipa::path(
    post, path = "/api/projects/{id}/pictures", params(("id" = Id, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = UploadedPicture), (status = 400, body = ErrorBody), (status = 413, body = ErrorBody))
)]
pub(crate) async fn upload(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(project): Path<String>,
    headers: HeaderMap,
    request: RequestBody,
) -> Result<(StatusCode, Json<UploadedPicture>), ApiError> {
    let project = shared.projects.open(&id(&project)?, &owner)?;
    let file = upload::receive(request, &headers, shared.limits.upload_bytes).await?;
    let decoding = shared.decoding_permit().await?;
    let limits = shared.limits;
    let most = limits.upload_pixels;
    let uploaded = blocking(move || {
        let _decoding = decoding;
        let refuse = |error: lb_video::InputError| {
            // The message names the file, whose name is the server's own.
            let path = file.path().display().to_string();
            ApiError::request(error.to_string().replace(&path, "the picture"))
        };
        let (width, height) = lb_video::picture_size(file.path()).map_err(refuse)?;
        if width as u64 * height as u64 > most {
            return Err(ApiError::too_large(format!(
                "the picture has {width}x{height} pixels; an upload has at most {most}"
            )));
        }
        let picture = lb_video::read_picture(file.path()).map_err(refuse)?;
        let bytes = pictures::png(&picture)?;
        let sha256 = hex(&Sha256::digest(&bytes));
        require_room(&project, &sha256, bytes.len() as u64, &limits)?;
        lb_files::write(&project.picture(&sha256), &bytes, true)?;
        Ok(UploadedPicture {
            path: picture_path(&sha256).display().to_string(),
            sha256,
            width,
            height,
        })
    });
    Ok((StatusCode::CREATED, Json(uploaded.await?)))
}

/// Refuses a picture if the project has too many of them. One that it has already takes no room.
fn require_room(
    project: &Project,
    sha256: &str,
    bytes: u64,
    limits: &Limits,
) -> Result<(), ApiError> {
    if project.picture(sha256).is_file() {
        return Ok(());
    }
    let mut kept = (0, bytes);
    for entry in std::fs::read_dir(project.folder.join(PICTURES))? {
        kept.0 += 1;
        kept.1 = kept.1.saturating_add(entry?.metadata()?.len());
    }
    if kept.0 >= limits.pictures || kept.1 > limits.picture_bytes {
        return Err(ApiError::too_large(
            "the pictures of this project are too many or too large together",
        ));
    }
    Ok(())
}

/// A picture that was uploaded.
#[utoipa::path(
    get, path = "/api/projects/{id}/pictures/{sha256}", params(("id" = Id, Path), ("sha256" = String, Path)),
    responses((status = 200, content_type = "image/png", body = Vec<u8>), (status = 404, body = ErrorBody))
)]
pub(crate) async fn uploaded(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path((project, sha256)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    blocking(move || {
        let project = shared.projects.open(&id(&project)?, &owner)?;
        let sha256 = sha256.strip_suffix(".png").unwrap_or(&sha256);
        if !is_hex(sha256, 64) {
            return Err(ApiError::not_found("picture"));
        }
        answer(&project.picture(sha256))
    })
    .await
}

/// The picture of a keyframe or of a computed frame. What it shows never changes.
#[utoipa::path(
    get, path = "/api/pictures/{picture}", params(("picture" = String, Path)),
    responses((status = 200, content_type = "image/png", body = Vec<u8>), (status = 404, body = ErrorBody))
)]
pub(crate) async fn computed(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(picture): Path<String>,
) -> Result<Response, ApiError> {
    blocking(move || {
        let missing = || ApiError::not_found("picture");
        let picture: PictureId = picture.parse().map_err(|()| missing())?;
        let project = shared
            .projects
            .open(&picture.project, &owner)
            .map_err(|_| missing())?;
        let path = shared
            .frames(&project)
            .path_of(&picture)
            .ok_or_else(missing)?;
        answer(&path)
    })
    .await
}

fn answer(path: &std::path::Path) -> Result<Response, ApiError> {
    let bytes = lb_files::read(path, u64::MAX).map_err(|_| ApiError::not_found("picture"))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/png")),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=31536000, immutable"),
        ),
    ];
    Ok((headers, bytes).into_response())
}
