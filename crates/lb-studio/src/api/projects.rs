//! Projects and their jobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body as RequestBody;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use lb_job::JobSettings;

use super::job_schema::JobDocument;
use super::types::{
    NewProject, PictureSize, ProjectBody, ProjectChange, ProjectFacts, RemovedEvent, ResolvedJob,
    ResolvedKeyframe, ResolvedLevel, ResolvedTransition,
};
use super::{Body, blocking};
use crate::add_ons::{AddOnKind, link_or_copy};
use crate::error::{ApiError, ErrorBody, ErrorKind};
use crate::film::{Film, Problem};
use crate::film_files;
use crate::guard::Visitor;
use crate::ids::{Id, is_hex};
use crate::import;
use crate::job_document::{self, PICTURES};
use crate::limits::{LONGEST_NAME, MOST_FAVOURITES};
use crate::projects::Project;
use crate::shared::Shared;
use crate::upload;

/// A project's id in a path.
pub(crate) fn id(text: &str) -> Result<Id, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("project"))
}

/// All projects, those that were changed last first.
#[utoipa::path(get, path = "/api/projects", responses((status = 200, body = Vec<ProjectFacts>)))]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
) -> Result<Json<Vec<ProjectFacts>>, ApiError> {
    let facts = blocking(move || {
        let projects = shared.projects.list(&owner)?;
        let facts = projects.iter().map(|project| {
            let film = Film::new(&project.settings, &project.folder, &shared.models).ok();
            let store = shared.frames(project);
            let keys = film.iter().flat_map(|film| &film.keyframes);
            ProjectFacts {
                id: project.id.clone(),
                name: project.record.name.clone(),
                modified: project.record.modified,
                keyframes: project.settings.keyframes.len(),
                seconds: film.as_ref().map_or(0.0, |film| film.plan.seconds()),
                picture: keys.clone().find_map(|key| store.keyframe(key)),
            }
        });
        Ok(facts.collect())
    });
    Ok(Json(facts.await?))
}

/// Makes a project, which is empty unless a job is given.
#[utoipa::path(
    post, path = "/api/projects", request_body = NewProject,
    responses((status = 201, body = ProjectBody), (status = 400, body = ErrorBody))
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Body(new): Body<NewProject>,
) -> Result<(StatusCode, Json<ProjectBody>), ApiError> {
    let body = blocking(move || {
        let settings = match new.job {
            Some(job) => job.settings(&shared.limits)?,
            None => JobSettings::default(),
        };
        let name = checked_name(new.name.as_deref().unwrap_or("Untitled"))?;
        let project = shared.projects.create(&owner, name, settings)?;
        shared.announce_project(&project.id, &owner);
        Ok(body(&shared, &project))
    });
    Ok((StatusCode::CREATED, Json(body.await?)))
}

/// Makes a project of a job file, or of a film or picture that carries a job. The header `x-file-name` gives
/// its name, percent-encoded.
#[utoipa::path(
    post, path = "/api/projects/import",
    params(("x-file-name" = Option<String>, Header, description = "The name of the file, percent-encoded.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = ProjectBody), (status = 400, body = ErrorBody), (status = 413, body = ErrorBody))
)]
pub(crate) async fn import(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    headers: HeaderMap,
    request: RequestBody,
) -> Result<(StatusCode, Json<ProjectBody>), ApiError> {
    let name = headers
        .get("x-file-name")
        .and_then(|name| name.to_str().ok());
    let name = import::project_name(name);
    let file = upload::receive(request, &headers, shared.limits.upload_bytes).await?;
    let decoding = shared.decoding_permit().await?;
    let body = blocking(move || {
        let _decoding = decoding;
        let mut imported = import::read(&file, &shared, &owner)?;
        // The job names nothing before it is there.
        let name = checked_name(&name)?;
        let project = shared
            .projects
            .create(&owner, name, JobSettings::default())?;
        for (hash, source) in &imported.pictures {
            let picture = lb_files::read(source, u64::MAX)?;
            lb_files::write(&project.picture(hash), &picture, true)?;
        }
        imported.keep_add_ons(&project)?;
        let settings = imported.settings;
        let project = shared.projects.change(&project.id, &owner, |project| {
            project.settings = settings;
            Ok(())
        })?;
        shared.announce_project(&project.id, &owner);
        let mut body = body(&shared, &project);
        body.left_out = imported.left_out;
        Ok(body)
    });
    Ok((StatusCode::CREATED, Json(body.await?)))
}

/// A project.
#[utoipa::path(
    get, path = "/api/projects/{id}", params(("id" = Id, Path)),
    responses((status = 200, body = ProjectBody), (status = 404, body = ErrorBody))
)]
pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(project): Path<String>,
) -> Result<Json<ProjectBody>, ApiError> {
    let body = blocking(move || {
        let project = shared.projects.open(&id(&project)?, &owner)?;
        Ok(body(&shared, &project))
    });
    Ok(Json(body.await?))
}

/// Replaces the job of a project. The header `If-Match` names the revision that the client has changed; if it
/// is no longer the latest one, the answer is 409 with the project in `current`.
#[utoipa::path(
    put, path = "/api/projects/{id}/job",
    params(("id" = Id, Path), ("If-Match" = String, Header, description = "The revision in quotes.")),
    request_body = JobDocument,
    responses((status = 200, body = ProjectBody), (status = 400, body = ErrorBody), (status = 409, body = ErrorBody))
)]
pub(crate) async fn put_job(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(project): Path<String>,
    headers: HeaderMap,
    Body(job): Body<JobDocument>,
) -> Result<Json<ProjectBody>, ApiError> {
    let revision = headers.get(IF_MATCH).and_then(|value| value.to_str().ok());
    let revision = revision.and_then(|value| value.trim().trim_matches('"').parse::<u64>().ok());
    let Some(revision) = revision else {
        return Err(ApiError::request(
            "the header `If-Match` names the revision that is changed, in quotes",
        ));
    };
    let body = blocking(move || {
        let settings = job.settings(&shared.limits)?;
        let id = id(&project)?;
        let changed = shared.projects.change(&id, &owner, |project| {
            let latest = project.record.revision;
            if latest != revision {
                let message = format!("the project has changed meanwhile, to revision {latest}");
                let mut error = ApiError::new(ErrorKind::Conflict, message);
                error.current = Some(Box::new(serde_json::to_value(body(&shared, project))?));
                return Err(error);
            }
            project.record.revision += 1;
            project.settings = settings;
            Ok(())
        })?;
        shared.announce_project(&changed.id, &owner);
        Ok(body(&shared, &changed))
    });
    Ok(Json(body.await?))
}

/// Renames a project, or replaces its favourites.
#[utoipa::path(
    patch, path = "/api/projects/{id}", params(("id" = Id, Path)), request_body = ProjectChange,
    responses((status = 200, body = ProjectBody), (status = 400, body = ErrorBody))
)]
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(project): Path<String>,
    Body(change): Body<ProjectChange>,
) -> Result<Json<ProjectBody>, ApiError> {
    let body = blocking(move || {
        let id = id(&project)?;
        let changed = shared.projects.change(&id, &owner, |project| {
            if let Some(name) = &change.name {
                project.record.name = checked_name(name)?;
            }
            if let Some(favourites) = change.favourites {
                if favourites.len() > MOST_FAVOURITES {
                    let message = format!("a project has at most {MOST_FAVOURITES} favourites");
                    return Err(ApiError::too_large(message));
                }
                project.record.favourites = favourites;
            }
            Ok(())
        })?;
        shared.announce_project(&changed.id, &owner);
        Ok(body(&shared, &changed))
    });
    Ok(Json(body.await?))
}

/// Copies a project, without its films.
#[utoipa::path(
    post, path = "/api/projects/{id}/duplicate", params(("id" = Id, Path)),
    responses((status = 201, body = ProjectBody), (status = 404, body = ErrorBody))
)]
pub(crate) async fn duplicate(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(project): Path<String>,
) -> Result<(StatusCode, Json<ProjectBody>), ApiError> {
    let body = blocking(move || {
        let original = shared.projects.open(&id(&project)?, &owner)?;
        let name: String = original
            .record
            .name
            .chars()
            .take(LONGEST_NAME - 7)
            .collect();
        let name = format!("{name} (copy)");
        let copy = shared
            .projects
            .create(&owner, name, original.settings.clone())?;
        for folder in [PICTURES, crate::projects::FRAMES] {
            copy_folder(&original.folder.join(folder), &copy.folder.join(folder))?;
        }
        for kind in AddOnKind::ALL {
            let folder = original.folder.join(kind.folder());
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let to = copy.folder.join(kind.folder()).join(entry.file_name());
                link_or_copy(&entry.path(), &to)?;
            }
        }
        let favourites = original.record.favourites;
        let copy = shared.projects.change(&copy.id, &owner, |copy| {
            copy.record.favourites = favourites;
            Ok(())
        })?;
        shared.announce_project(&copy.id, &owner);
        Ok(body(&shared, &copy))
    });
    Ok((StatusCode::CREATED, Json(body.await?)))
}

/// Copies the files of a folder and of the folders in it.
fn copy_folder(from: &std::path::Path, to: &std::path::Path) -> Result<(), ApiError> {
    for entry in std::fs::read_dir(from)?.flatten() {
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&copy)?;
            copy_folder(&source, &copy)?;
        } else {
            let bytes = lb_files::read(&source, u64::MAX)?;
            lb_files::write(&copy, &bytes, true)?;
        }
    }
    Ok(())
}

/// Removes a project with its films.
#[utoipa::path(
    delete, path = "/api/projects/{id}", params(("id" = Id, Path)),
    responses((status = 204), (status = 404, body = ErrorBody))
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(project): Path<String>,
) -> Result<StatusCode, ApiError> {
    blocking(move || {
        let id = id(&project)?;
        shared.projects.record(&id, &owner)?;
        shared.queue.forget_project(&id);
        shared.projects.remove(&id, &owner)?;
        shared
            .events
            .push(&owner, "removed", &RemovedEvent { project: id });
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The job file of a project. Its pictures are named by their paths in the project.
#[utoipa::path(
    get, path = "/api/projects/{id}/job.toml", params(("id" = Id, Path)),
    responses((status = 200, content_type = "application/toml", body = String), (status = 404, body = ErrorBody))
)]
pub(crate) async fn export(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path(project): Path<String>,
) -> Result<Response, ApiError> {
    let project = blocking(move || shared.projects.open(&id(&project)?, &owner)).await?;
    let text = job_document::to_toml(&project.settings)?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/toml")),
        (
            CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"film.toml\""),
        ),
    ];
    Ok((headers, text).into_response())
}

/// A name of a project: text in one line.
pub(crate) fn checked_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    if name.chars().count() > LONGEST_NAME {
        return Err(ApiError::too_large(format!(
            "a name has at most {LONGEST_NAME} characters"
        )));
    }
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(ApiError::request("a name is one line of text"));
    }
    Ok(name.to_owned())
}

/// A project as clients see it.
pub(crate) fn body(shared: &Shared, project: &Project) -> ProjectBody {
    let film = Film::new(&project.settings, &project.folder, &shared.models);
    let (resolved, problem) = match &film {
        Ok(film) => (Some(resolved(film)), film.incomplete.clone()),
        Err(Problem(problem)) => (None, Some(shared.shown(problem.clone()))),
    };
    ProjectBody {
        id: project.id.clone(),
        name: project.record.name.clone(),
        revision: project.record.revision,
        job: JobDocument::of(&project.settings),
        resolved,
        problem,
        favourites: project.record.favourites.clone(),
        films: film_files::list(project),
        pictures: pictures(project),
        left_out: Vec::new(),
    }
}

fn resolved(film: &Film) -> ResolvedJob {
    let (width, height) = film.size();
    ResolvedJob {
        model: film.job.model.clone().unwrap_or_default(),
        width: width * film.job.scale,
        height: height * film.job.scale,
        fps: film.job.frame_rate.as_f64(),
        sampler: lb_job::Choice::name(film.job.sampler).to_owned(),
        keyframes: film
            .job
            .keyframes
            .iter()
            .map(|keyframe| ResolvedKeyframe {
                seed: keyframe.seed,
                guidance_scale: keyframe.guidance_scale,
                hold: keyframe.hold,
                negative_prompt: keyframe.negative_prompt.clone(),
            })
            .collect(),
        transitions: (0..film.transitions.len())
            .map(|index| resolved_transition(film, index))
            .collect(),
    }
}

fn resolved_transition(film: &Film, index: usize) -> ResolvedTransition {
    let (job, plan) = (&film.job, &film.plan);
    let (transition, profile) = (&job.transitions[index], &plan.profiles[index]);
    let frames = plan.transition_frames().nth(index).unwrap_or_default();
    ResolvedTransition {
        seconds: transition.seconds,
        steps: profile.steps(),
        levels: profile
            .levels()
            .iter()
            .map(|level| ResolvedLevel {
                start: level.injection_step,
                branches: level.branch_count,
            })
            .collect(),
        frames,
        pictures: frames + plan.in_betweens[index],
        guidance_damper: transition.guidance_damper,
        easing: lb_job::Choice::name(transition.easing).to_owned(),
    }
}

fn pictures(project: &Project) -> BTreeMap<String, PictureSize> {
    let entries = std::fs::read_dir(project.folder.join(PICTURES));
    let entries = entries.into_iter().flatten().flatten();
    let pictures = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let hash = name.strip_suffix(".png").filter(|hash| is_hex(hash, 64))?;
        let (width, height) = lb_video::picture_size(&entry.path()).ok()?;
        Some((hash.to_owned(), PictureSize { width, height }))
    });
    pictures.collect()
}
