//! Tasks.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::types::{NewPlace, NewTask, Task};
use super::{Body, blocking};
use crate::error::{ApiError, ErrorBody};
use crate::film::Problem;
use crate::guard::Visitor;
use crate::ids::Id;
use crate::queue;
use crate::shared::Shared;
use crate::work::Work;

fn id(text: &str) -> Result<Id, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("task"))
}

/// All tasks in the order of the queue. Those that ended long ago are forgotten.
#[utoipa::path(get, path = "/api/tasks", responses((status = 200, body = Vec<Task>)))]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
) -> Json<Vec<Task>> {
    Json(shared.queue.list(&owner))
}

/// Asks for something to be computed, from the job of the project as it is now.
#[utoipa::path(
    post, path = "/api/tasks", request_body = NewTask,
    responses((status = 201, body = Task), (status = 400, body = ErrorBody), (status = 429, body = ErrorBody))
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Body(NewTask { project, act }): Body<NewTask>,
) -> Result<(StatusCode, Json<Task>), ApiError> {
    let task = blocking(move || {
        act.validate()?;
        let project = shared.projects.open(&project, &owner)?;
        let settings = project.settings.clone();
        let work = Work::of_act(&act, settings, &project.folder, &shared.models)
            .map_err(|Problem(problem)| ApiError::request(problem))?;
        let evaluations = work.plan.cost.model_evaluations;
        let (width, height) = work.job.size.unwrap_or_default();
        let pixels = width.saturating_mul(height);
        // The upscaling models make each side four times as long.
        let upscaling = if work.job.upscale.is_some() { 4 } else { 1 };
        let factor = work.job.scale.saturating_mul(upscaling);
        let film_pixels = pixels.saturating_mul(factor).saturating_mul(factor);
        let film_frames = match work.format {
            Some(_) => work.plan.film_frames(),
            None => 0,
        };
        let limits = &shared.limits;
        if evaluations > limits.evaluations
            || pixels > limits.pixels
            || film_pixels > limits.film_pixels
            || film_frames > limits.film_frames
        {
            return Err(ApiError::too_large(
                "this takes longer than a demonstration allows; try a lower quality, fewer keyframes, a \
                 shorter film or a smaller size",
            ));
        }
        let title = act.title(&project.settings);
        let expected = work.expected();
        shared.queue.push(&owner, &project, act, title, expected)
    });
    Ok((StatusCode::CREATED, Json(task.await?)))
}

/// A task.
#[utoipa::path(
    get, path = "/api/tasks/{id}", params(("id" = Id, Path)),
    responses((status = 200, body = Task), (status = 404, body = ErrorBody))
)]
pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(task): Path<String>,
) -> Result<Json<Task>, ApiError> {
    Ok(Json(shared.queue.get(&id(&task)?, &owner)?))
}

/// Cancels a task. What it has computed stays, and is not computed again.
#[utoipa::path(
    post, path = "/api/tasks/{id}/cancel", params(("id" = Id, Path)),
    responses((status = 200, body = Task), (status = 404, body = ErrorBody))
)]
pub(crate) async fn cancel(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(task): Path<String>,
) -> Result<Json<Task>, ApiError> {
    let task = blocking(move || {
        let task = shared.queue.cancel(&id(&task)?, &owner)?;
        if task.state.has_ended() {
            queue::forget_job(&shared.projects.folder_of(&task.project), &task.id);
        }
        Ok(task)
    });
    Ok(Json(task.await?))
}

/// Stops a task at its next step until it is resumed.
#[utoipa::path(
    post, path = "/api/tasks/{id}/pause", params(("id" = Id, Path)),
    responses((status = 200, body = Task), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody))
)]
pub(crate) async fn pause(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(task): Path<String>,
) -> Result<Json<Task>, ApiError> {
    let task = blocking(move || shared.queue.pause(&id(&task)?, &owner));
    Ok(Json(task.await?))
}

/// Lets a paused task go on where it stopped.
#[utoipa::path(
    post, path = "/api/tasks/{id}/resume", params(("id" = Id, Path)),
    responses((status = 200, body = Task), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody))
)]
pub(crate) async fn resume(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(task): Path<String>,
) -> Result<Json<Task>, ApiError> {
    let task = blocking(move || shared.queue.resume(&id(&task)?, &owner));
    Ok(Json(task.await?))
}

/// Gives a task another place in the queue.
#[utoipa::path(
    post, path = "/api/tasks/{id}/move", params(("id" = Id, Path)), request_body = NewPlace,
    responses((status = 200, body = Task), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody))
)]
pub(crate) async fn move_before(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(task): Path<String>,
    Body(place): Body<NewPlace>,
) -> Result<Json<Task>, ApiError> {
    let task = blocking(move || {
        let before = place.before.as_ref();
        shared.queue.move_before(&id(&task)?, before, &owner)
    });
    Ok(Json(task.await?))
}
