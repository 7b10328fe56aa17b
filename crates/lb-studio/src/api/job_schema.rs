//! The job as JSON, and its description, which follows from the declaration of the settings.

use lb_job::JobSettings;
use lb_job::schema::{SettingKind, SettingSchema, setting_schemas};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::error::ApiError;
use crate::job_document;
use crate::limits::Limits;

/// The job of a project: the keys of a job file, with `keyframe` as a list.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct JobDocument(Value);

impl JobDocument {
    pub(crate) fn of(settings: &JobSettings) -> Self {
        Self(job_document::to_json(settings))
    }

    /// The settings, if a client may give them.
    pub(crate) fn settings(&self, limits: &Limits) -> Result<JobSettings, ApiError> {
        match &self.0 {
            Value::Object(_) => job_document::from_client(&self.0, limits),
            _ => Err(ApiError::request("a job is an object")),
        }
    }
}

impl ToSchema for JobDocument {
    fn name() -> std::borrow::Cow<'static, str> {
        "Job".into()
    }
}

impl PartialSchema for JobDocument {
    fn schema() -> RefOr<Schema> {
        let mut film = closed().description(Some(
            "A film with gaps: the keys of docs/job-file.md. What is not given has its default.",
        ));
        let mut tables: Vec<(&str, ObjectBuilder)> = Vec::new();
        let mut keyframe = closed()
            .property("prompt", text())
            .property("seed", number(SettingKind::Integer))
            .property("variation_seed", number(SettingKind::Integer))
            .property("variation_strength", number(SettingKind::Number))
            .property("image", text())
            .property("zoom", number(SettingKind::Number))
            .property("pan", text())
            .property("rotation", number(SettingKind::Number))
            .property(
                "pace",
                ArrayBuilder::new().items(number(SettingKind::Number)),
            );
        for setting in offered_settings() {
            let schema = || match &*setting.key {
                "lora" | "embedding" => texts(&setting.help),
                _ => property(setting.kind, &setting.help, &setting.choices),
            };
            if setting.table == Some("defaults") {
                keyframe = keyframe.property(setting.key.clone(), schema());
            }
            match setting.table {
                None => film = film.property(setting.key.clone(), schema()),
                Some(name) => {
                    let index = tables.iter().position(|(known, _)| *known == name);
                    let index = index.unwrap_or_else(|| {
                        tables.push((name, closed()));
                        tables.len() - 1
                    });
                    let table = std::mem::take(&mut tables[index].1);
                    tables[index].1 = table.property(setting.key.clone(), schema());
                }
            }
        }
        for (name, table) in tables {
            film = film.property(name, table);
        }
        let keyframes = ArrayBuilder::new().items(keyframe);
        film.property("keyframe", keyframes).into()
    }
}

/// The settings that a client may give. A project has no sound that its film could follow.
pub(super) fn offered_settings() -> impl Iterator<Item = SettingSchema> {
    let settings = setting_schemas().into_iter();
    settings.filter(|setting| setting.key != "sync")
}

/// An object without other keys than those that are added.
fn closed() -> ObjectBuilder {
    let none = AdditionalProperties::<Schema>::FreeForm(false);
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(none))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn texts(help: &str) -> Schema {
    let list = ArrayBuilder::new().items(text());
    list.description(Some(help)).into()
}

fn number(kind: SettingKind) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(match kind {
        SettingKind::Integer => Type::Integer,
        _ => Type::Number,
    })
}

fn property(kind: SettingKind, help: &str, choices: &[lb_job::schema::ChoiceSchema]) -> Schema {
    let help = Some(help.to_owned());
    match kind {
        SettingKind::Number | SettingKind::Integer => number(kind).description(help).into(),
        SettingKind::Boolean => ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .description(help)
            .into(),
        SettingKind::Choice => text()
            .enum_values(Some(choices.iter().map(|choice| choice.name.clone())))
            .description(help)
            .into(),
        SettingKind::Integers | SettingKind::Numbers => {
            let item = match kind {
                SettingKind::Integers => SettingKind::Integer,
                _ => SettingKind::Number,
            };
            let list = ArrayBuilder::new().items(number(item));
            list.description(help).into()
        }
        SettingKind::NumberOrText => utoipa::openapi::OneOfBuilder::new()
            .item(number(SettingKind::Number))
            .item(text())
            .description(help)
            .into(),
        _ => text().description(help).into(),
    }
}
