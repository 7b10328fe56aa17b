//! The JSON of `lb models --json`. Scripts rely on the names of the fields.

use std::path::PathBuf;

use lb_models::ModelInspection;
use serde::Serialize;

use super::{precision, precision_of};

/// One model of the list.
#[derive(Serialize)]
pub(super) struct ModelFacts {
    name: String,
    path: PathBuf,
    /// Absent, like the next two fields, if the configurations cannot be read.
    kind: Option<String>,
    /// 1 or 2: the version of Stable Diffusion.
    generation: Option<u8>,
    default_side: Option<usize>,
    precision: String,
    bytes: u64,
    licence: Option<String>,
    problems: Vec<String>,
}

impl ModelFacts {
    pub(super) fn new(model: &ModelInspection) -> Self {
        let configuration = model.configuration.as_ref();
        let directory = configuration.map(|configuration| &configuration.directory);
        Self {
            name: model.name.clone(),
            path: model.path.clone(),
            kind: directory.map(|directory| directory.kind.to_string()),
            generation: configuration.map(|configuration| configuration.generation),
            default_side: directory.map(|directory| directory.default_side),
            precision: precision(model),
            bytes: model.bytes,
            licence: model.licence.clone(),
            problems: model.problems.clone(),
        }
    }
}

/// One model in detail.
#[derive(Serialize)]
pub(super) struct DetailFacts {
    #[serde(flatten)]
    model: ModelFacts,
    components: Vec<ComponentFacts>,
    prediction_type: Option<String>,
    scheduler: Option<String>,
    train_timesteps: Option<usize>,
    vocabulary: Option<usize>,
    text_length: Option<usize>,
    side_multiple: Option<usize>,
}

#[derive(Serialize)]
struct ComponentFacts {
    name: &'static str,
    parameters: Option<u64>,
    precision: String,
    bytes: u64,
}

impl DetailFacts {
    pub(super) fn new(model: &ModelInspection) -> Self {
        let configuration = model.configuration.as_ref();
        let directory = configuration.map(|configuration| &configuration.directory);
        let schedule = directory.map(|directory| &directory.schedule);
        let components = model.components.iter().map(|component| ComponentFacts {
            name: component.name,
            parameters: component.parameters,
            precision: precision_of(&component.formats),
            bytes: component.bytes,
        });
        Self {
            model: ModelFacts::new(model),
            components: components.collect(),
            prediction_type: schedule.map(|schedule| schedule.prediction_type.to_string()),
            scheduler: configuration.and_then(|configuration| configuration.scheduler.clone()),
            train_timesteps: schedule.map(|schedule| schedule.num_train_timesteps),
            vocabulary: configuration.and_then(|configuration| configuration.vocabulary),
            text_length: directory.map(|directory| directory.text_length),
            side_multiple: directory.map(|directory| directory.side_multiple),
        }
    }
}
