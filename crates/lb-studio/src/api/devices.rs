//! The devices of this machine, and which of them renders.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lb_schedule::Choice as _;

use super::types::{DeviceChoice, DeviceFacts, StudioFacts};
use super::{Body, blocking, studio};
use crate::error::{ApiError, ErrorKind};
use crate::guard::Visitor;
use crate::shared::Shared;

/// The devices, each of which is tried out.
#[utoipa::path(get, path = "/api/devices", responses((status = 200, body = Vec<DeviceFacts>)))]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Visitor,
) -> Result<Json<Vec<DeviceFacts>>, ApiError> {
    refuse_to_visitors(&shared)?;
    let facts = blocking(move || {
        let reports = shared.device.reports(shared.options.runtime).iter();
        let facts = reports.map(|report| DeviceFacts {
            name: report.device.to_string(),
            help: report.device.help().to_owned(),
            missing: report.missing.clone(),
        });
        Ok(facts.collect())
    });
    Ok(Json(facts.await?))
}

/// Chooses the device of all tasks that begin from now on. It is remembered for the next start of the program,
/// unless that names one.
#[utoipa::path(
    put,
    path = "/api/devices",
    request_body = DeviceChoice,
    responses((status = 200, body = StudioFacts))
)]
pub(crate) async fn choose(
    State(shared): State<Arc<Shared>>,
    _: Visitor,
    Body(choice): Body<DeviceChoice>,
) -> Result<Json<StudioFacts>, ApiError> {
    refuse_to_visitors(&shared)?;
    let facts = blocking(move || {
        let before = shared.device.device();
        let chosen = shared
            .device
            .choose(&choice.device, shared.options.runtime)?;
        if chosen != before {
            // Their memory is for the models on the other device.
            shared.pool.release_all();
        }
        Ok(studio::facts(&shared))
    });
    Ok(Json(facts.await?))
}

fn refuse_to_visitors(shared: &Shared) -> Result<(), ApiError> {
    match shared.options.demo {
        true => Err(ApiError::new(
            ErrorKind::Forbidden,
            "a demonstration renders on the device that it was started with",
        )),
        false => Ok(()),
    }
}
