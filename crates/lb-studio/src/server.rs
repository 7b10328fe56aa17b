//! The server: routes behind the guard, and what happens now and then.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;

use crate::error::ApiError;
use crate::guard::guard;
use crate::ids::now;
use crate::limits::MOST_JSON;
use crate::shared::Shared;
use crate::{api, page};

/// How often a demonstration looks at least for work that is too old.
pub(crate) const SWEEP: Duration = Duration::from_secs(60);

/// Every route, behind the guard.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let missing = || async { ApiError::not_found("request") };
    api::router()
        // Uploads are counted while they arrive, and are not read by what this limits.
        .layer(DefaultBodyLimit::max(MOST_JSON))
        .route("/api/{*rest}", axum::routing::any(missing))
        .fallback(page::answer)
        .layer(from_fn_with_state(Arc::clone(shared), guard))
        .with_state(Arc::clone(shared))
}

/// Removes the work of visitors that is too old.
pub(crate) fn sweep(shared: &Shared) {
    let lifetime = shared.options.demo_lifetime.as_millis() as u64;
    let old = shared.projects.older_than(now().saturating_sub(lifetime));
    for (id, owner) in old.unwrap_or_default() {
        shared.queue.forget_project(&id);
        if let Err(error) = shared.projects.remove(&id, &owner) {
            tracing::warn!("a project is too old and cannot be removed: {error}");
        }
        let event = api::types::RemovedEvent { project: id };
        shared.events.push(&owner, "removed", &event);
    }
    shared.projects.remove_leftovers();
}
