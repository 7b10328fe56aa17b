//! The program, its models and its settings.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lb_job::Choice as _;
use lb_job::schema::SettingSchema;
use serde::Serialize;
use utoipa::ToSchema;

use super::blocking;
use super::job_schema::offered_settings;
use super::types::{LimitFacts, ModelFacts, ModelNeeds, StudioFacts};
use crate::error::ApiError;
use crate::guard::Visitor;
use crate::shared::Shared;

/// The program and its limits.
#[utoipa::path(get, path = "/api/studio", responses((status = 200, body = StudioFacts)))]
pub(crate) async fn studio(State(shared): State<Arc<Shared>>, _: Visitor) -> Json<StudioFacts> {
    Json(facts(&shared))
}

pub(crate) fn facts(shared: &Shared) -> StudioFacts {
    let limits = &shared.limits;
    StudioFacts {
        version: env!("CARGO_PKG_VERSION").into(),
        demo: shared.options.demo,
        limits: LimitFacts {
            keyframes: limits.keyframes,
            upload_bytes: limits.upload_bytes,
            upload_pixels: limits.upload_pixels,
            queue: limits.queue_of_visitor,
            add_on_bytes: limits.add_on_bytes,
        },
        device: shared.device.device().to_string(),
        default_model: shared.models.default_name().to_owned(),
    }
}

/// The models on this machine.
#[utoipa::path(get, path = "/api/models", responses((status = 200, body = Vec<ModelFacts>)))]
pub(crate) async fn models(
    State(shared): State<Arc<Shared>>,
    _: Visitor,
) -> Result<Json<Vec<ModelFacts>>, ApiError> {
    let facts = blocking(move || {
        let names = shared.models.names().into_iter();
        // A model that cannot be opened cannot be chosen either.
        let models = names.filter_map(|name| {
            let model = shared.models.open(&name).ok()?;
            Some((name, model))
        });
        Ok(models
            .map(|(name, model)| {
                let directory = &model.directory;
                let defaults = &directory.defaults;
                ModelFacts {
                    name,
                    kind: directory.kind.to_string(),
                    width: directory.default_size.0,
                    height: directory.default_size.1,
                    few_step: defaults.steps.is_some_and(|steps| steps <= FEW_STEPS),
                    defaults: ModelNeeds {
                        steps: defaults.steps,
                        guidance_scale: defaults.guidance_scale,
                        guidance_rescale: defaults.guidance_rescale.map(f64::from),
                        clip_skip: defaults.clip_skip,
                        sampler: defaults.sampler.map(|at| at.name().to_owned()),
                        timestep_spacing: defaults.timestep_spacing.map(|at| at.name().to_owned()),
                        depth_strength: defaults.depth_strength,
                    },
                    words: directory.words.is_some(),
                }
            })
            .collect())
    });
    Ok(Json(facts.await?))
}

/// A model whose own number of steps is at most this is made for few steps.
const FEW_STEPS: usize = 8;

/// A setting of a job: what a page needs to show a control for it.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub(crate) struct SettingFacts {
    /// Its key in its table.
    key: String,
    /// The table that it belongs to, such as `defaults`; none for the top of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    /// The heading under which it is shown.
    group: String,
    /// What it does, in one line.
    help: String,
    /// `number`, `integer`, `text`, `boolean`, `choice`, `numbers`, `integers`, `size`, `number_or_text` or
    /// `picture`.
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<ChoiceFacts>,
    /// Its default; `null` if that depends on something else, such as the model.
    default: serde_json::Value,
    /// The smallest and the largest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<f64>,
}

/// A value of a setting that is one of a few.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub(crate) struct ChoiceFacts {
    name: String,
    help: String,
}

impl From<SettingSchema> for SettingFacts {
    fn from(setting: SettingSchema) -> Self {
        Self {
            kind: setting.kind.name(),
            key: setting.key,
            table: setting.table.map(str::to_owned),
            group: setting.group,
            help: setting.help,
            choices: setting
                .choices
                .into_iter()
                .map(|choice| ChoiceFacts {
                    name: choice.name,
                    help: choice.help,
                })
                .collect(),
            default: setting.default,
            minimum: setting.range.map(|(least, _)| least),
            maximum: setting.range.map(|(_, most)| most),
        }
    }
}

/// Every setting of a job that a client may give, from their declaration.
#[utoipa::path(get, path = "/api/settings", responses((status = 200, body = Vec<SettingFacts>)))]
pub(crate) async fn settings(_: Visitor) -> Json<Vec<SettingFacts>> {
    Json(offered_settings().map(SettingFacts::from).collect())
}
