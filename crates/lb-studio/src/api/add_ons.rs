//! LoRAs, embeddings and VAE decoders.

use std::path::Path as FilePath;
use std::sync::Arc;

use axum::Json;
use axum::body::Body as RequestBody;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use lb_models::ModelError;

use super::projects::id;
use super::types::{ChosenAddOn, KeptAddOn, KnownAddOnFacts};
use super::{Body, blocking};
use crate::add_ons::{self, AddOn, AddOnKind, keep_copy, keep_upload};
use crate::error::{ApiError, ErrorBody, ErrorKind};
use crate::guard::Visitor;
use crate::ids::Id;
use crate::import;
use crate::projects::Project;
use crate::shared::Shared;
use crate::upload;

/// The LoRAs, embeddings and VAE decoders on this machine, which lie in folders such as `loras`, `embeddings` or
/// `vaes` beside the models.
#[utoipa::path(
    get, path = "/api/add-ons", operation_id = "list_add_ons",
    responses((status = 200, body = Vec<KnownAddOnFacts>))
)]
pub(crate) async fn known(
    State(shared): State<Arc<Shared>>,
    _: Visitor,
) -> Result<Json<Vec<KnownAddOnFacts>>, ApiError> {
    let facts = blocking(move || {
        let folders = &shared.options.model_folders;
        let mut facts = Vec::new();
        for kind in AddOnKind::ALL {
            for known in add_ons::known(kind, folders) {
                let bytes = known.path.metadata().map_or(0, |at| at.len());
                let name = known.name;
                facts.push(KnownAddOnFacts { kind, name, bytes });
            }
        }
        Ok(facts)
    });
    Ok(Json(facts.await?))
}

fn kind(text: &str) -> Result<AddOnKind, ApiError> {
    let name = serde_json::Value::from(text);
    serde_json::from_value(name).map_err(|_| ApiError::not_found("request"))
}

/// Uploads a LoRA, an embedding or a VAE decoder, a safetensors file or a pickle, of which nothing is run. It has to fit the
/// model of the film. The header `x-file-name` gives its name, percent-encoded.
#[utoipa::path(
    post, path = "/api/projects/{id}/add-ons/{kind}", operation_id = "upload_add_on",
    params(
        ("id" = Id, Path), ("kind" = AddOnKind, Path),
        ("x-file-name" = Option<String>, Header, description = "The name of the file, percent-encoded.")
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = KeptAddOn), (status = 400, body = ErrorBody), (status = 413, body = ErrorBody))
)]
pub(crate) async fn upload_add_on(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path((project, kind_name)): Path<(String, String)>,
    headers: HeaderMap,
    request: RequestBody,
) -> Result<(StatusCode, Json<KeptAddOn>), ApiError> {
    let kind = kind(&kind_name)?;
    let project = shared.projects.open(&id(&project)?, &owner)?;
    let most = shared.limits.add_on_bytes.min(kind.largest_file());
    if most == 0 {
        return Err(ApiError::new(
            ErrorKind::Forbidden,
            "a demonstration takes no files that change its models; choose one of those that are there",
        ));
    }
    let name = headers
        .get("x-file-name")
        .and_then(|name| name.to_str().ok());
    let name = import::project_name(name);
    // In the project's folder, so that it only has to be renamed.
    let folder = project.folder.clone();
    let make = || lb_files::temporary_file_in(&folder);
    let file = upload::receive_in(make, request, &headers, most).await?;
    let decoding = shared.decoding_permit().await?;
    let kept = blocking(move || {
        let _decoding = decoding;
        require_fit(&shared, &project, kind, &name, file.path())?;
        Ok(facts(&keep_upload(&project, kind, &name, file)?))
    });
    Ok((StatusCode::CREATED, Json(kept.await?)))
}

/// Takes a LoRA, an embedding or a VAE decoder of this machine into a project, by its name.
#[utoipa::path(
    post, path = "/api/projects/{id}/add-ons/{kind}/known", operation_id = "choose_add_on",
    params(("id" = Id, Path), ("kind" = AddOnKind, Path)), request_body = ChosenAddOn,
    responses((status = 201, body = KeptAddOn), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody))
)]
pub(crate) async fn choose(
    State(shared): State<Arc<Shared>>,
    Visitor(owner): Visitor,
    Path((project, kind_name)): Path<(String, String)>,
    Body(ChosenAddOn { name }): Body<ChosenAddOn>,
) -> Result<(StatusCode, Json<KeptAddOn>), ApiError> {
    let kept = blocking(move || {
        let kind = kind(&kind_name)?;
        let project = shared.projects.open(&id(&project)?, &owner)?;
        let known = add_ons::known(kind, &shared.options.model_folders);
        let found = known.into_iter().find(|known| known.name == name);
        let found = found.ok_or_else(|| ApiError::not_found(kind.noun()))?;
        require_fit(&shared, &project, kind, &name, &found.path)?;
        Ok(facts(&keep_copy(&project, kind, &name, &found.path)?))
    });
    Ok((StatusCode::CREATED, Json(kept.await?)))
}

/// Refuses a file that is something else, or does not fit the model of the film.
fn require_fit(
    shared: &Shared,
    project: &Project,
    kind: AddOnKind,
    name: &str,
    file: &FilePath,
) -> Result<(), ApiError> {
    let model = project.settings.model.as_deref();
    let model = shared
        .models
        .open(model.unwrap_or(shared.models.default_name()))?;
    let directory = model.directory.clone();
    let fits = match kind {
        AddOnKind::Lora => directory.with_loras([file]),
        AddOnKind::Embedding => directory.with_embeddings([(file, name.to_owned())]),
        AddOnKind::Vae => directory.with_decoder(file),
    };
    fits.map(drop).map_err(|error: ModelError| {
        let path = file.display().to_string();
        ApiError::request(error.to_string().replace(&path, name))
    })
}

fn facts(add_on: &AddOn) -> KeptAddOn {
    KeptAddOn {
        kind: add_on.kind,
        name: add_on.name.clone(),
        sha256: add_on.sha256.clone(),
        path: add_on.path().display().to_string(),
    }
}
