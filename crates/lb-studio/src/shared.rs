//! What requests and the worker share.

use std::sync::Arc;

use lb_render::{ModelPool, PipelineOptions, RememberedRates, RenderRate};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::StudioOptions;
use crate::access::Access;
use crate::api::types::ProjectEvent;
use crate::device::ChosenDevice;
use crate::error::ApiError;
use crate::events::{EventLog, Owner};
use crate::film::Film;
use crate::frames::FrameStore;
use crate::hidden_paths::HiddenPaths;
use crate::ids::Id;
use crate::limits::Limits;
use crate::models::Models;
use crate::projects::{Project, Projects};
use crate::queue::Queue;

/// See the documentation of the module.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: StudioOptions,
    pub(crate) limits: Limits,
    pub(crate) access: Access,
    pub(crate) projects: Projects,
    pub(crate) queue: Queue,
    pub(crate) events: Arc<EventLog>,
    pub(crate) models: Models,
    pub(crate) device: ChosenDevice,
    pub(crate) pool: ModelPool,
    /// Lets one request at a time decode what was uploaded or measure a film, which takes memory. The
    /// permit belongs to the thread that does so, which goes on when the client has gone.
    pub(crate) decoding: Arc<Semaphore>,
    pub(crate) hidden: HiddenPaths,
}

impl Shared {
    /// A message as it is shown: to the visitors of a demonstration without paths of this machine.
    pub(crate) fn shown(&self, message: String) -> String {
        match self.options.demo {
            true => self.hidden.hide(&message),
            false => message,
        }
    }

    /// The pictures of a project.
    pub(crate) fn frames(&self, project: &Project) -> FrameStore {
        FrameStore::new(project.id.clone(), &project.folder)
    }

    /// Waits until nobody else decodes.
    pub(crate) async fn decoding_permit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let permit = Arc::clone(&self.decoding).acquire_owned().await;
        permit.map_err(ApiError::failed)
    }

    /// The device that was chosen, and how it is used.
    pub(crate) fn pipeline(&self) -> PipelineOptions {
        let mut options = self.options.pipeline.clone();
        options.session.device = self.device.device();
        options
    }

    /// How fast the stages of a film were rendered earlier, if that is known.
    pub(crate) fn rates_of(&self, film: &Film) -> Option<Vec<RenderRate>> {
        let rates = RememberedRates::new(self.options.rates.as_ref()?);
        let folders = &self.options.model_folders;
        let session = self.pipeline().session;
        rates.of_job(&film.job, self.models.default_name(), folders, &session)
    }

    /// Tells clients that a project is new or has changed.
    pub(crate) fn announce_project(&self, id: &Id, owner: &Owner) {
        if let Ok(project) = self.projects.open(id, owner) {
            let event = ProjectEvent {
                id: project.id,
                revision: project.record.revision,
            };
            self.events.push(owner, "project", &event);
        }
    }
}
