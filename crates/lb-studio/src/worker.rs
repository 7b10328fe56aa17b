//! The one thread that owns the models and works through the queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use lb_render::{Outputs, RenderError, Renderer};

use crate::api::types::{Progress, TaskResult, TaskState};
use crate::error::{ApiError, HIDDEN_FAILURE};
use crate::film_files::{self, NewFilm};
use crate::pictures::PictureWriter;
use crate::queue::{self, Outcome, StoredTask, Wish};
use crate::shared::Shared;
use crate::watcher::Watcher;
use crate::work::{Work, WorkError};

/// Starts the worker. It ends when the queue is stopped.
pub(crate) fn start(shared: Arc<Shared>) -> std::io::Result<JoinHandle<()>> {
    let builder = Builder::new().name("studio worker".into());
    builder.spawn(move || {
        let pictures = match PictureWriter::start(Arc::clone(&shared.events)) {
            Ok(pictures) => pictures,
            Err(error) => {
                tracing::error!("the thread that writes pictures cannot start: {error}");
                return;
            }
        };
        while let Some((task, wish)) = shared.queue.next() {
            run(&shared, &pictures, &task, &wish);
        }
    })
}

fn run(shared: &Shared, pictures: &PictureWriter, stored: &StoredTask, wish: &Arc<Wish>) {
    let task = &stored.task;
    let mut progress = Progress::default();
    // A task that hits a fault of this program must not take the others with it.
    let attempt = catch_unwind(AssertUnwindSafe(|| {
        perform(shared, pictures, stored, wish, &mut progress)
    }));
    // After a task that stopped early, too, everything is on disk before its state says so.
    pictures.wait();
    let outcome = match attempt {
        Ok(Ok(result)) => Outcome::Done(result),
        Ok(Err(WorkError::Interrupted)) => Outcome::Stopped,
        Ok(Err(WorkError::Failed(message))) => {
            tracing::info!("task {} failed: {message}", task.id);
            Outcome::Failed(match shared.options.demo {
                true => HIDDEN_FAILURE.to_owned(),
                false => message,
            })
        }
        Err(_) => Outcome::Failed("the program hit a fault of its own".into()),
    };
    let state = shared.queue.finish(&task.id, outcome, progress);
    if state.is_none_or(TaskState::has_ended) {
        queue::forget_job(&shared.projects.folder_of(&task.project), &task.id);
        shared.announce_project(&task.project, &stored.owner());
    }
}

fn perform(
    shared: &Shared,
    pictures: &PictureWriter,
    stored: &StoredTask,
    wish: &Arc<Wish>,
    progress: &mut Progress,
) -> Result<TaskResult, WorkError> {
    let task = &stored.task;
    let project = shared.projects.open(&task.project, &stored.owner())?;
    let settings = queue::job_of(&project.folder, &task.id)?;
    let work = Work::of_act(&task.act, settings, &project.folder, &shared.models)?;
    let store = shared.frames(&project);
    *progress = work.expected();
    if work.is_done(&store) {
        return Ok(TaskResult {
            pictures: work.seed_pictures(&store),
            ..TaskResult::default()
        });
    }
    let film = match work.format {
        Some(format) => Some(NewFilm::begin(&project, format)?),
        None => None,
    };
    let outputs = film
        .as_ref()
        .map_or_else(Outputs::default, NewFilm::outputs);
    let options = &shared.options;
    let renderer = Renderer::new(
        options.runtime,
        work.model.directory.clone(),
        shared.pipeline(),
    )?
    .with_pool(shared.pool.clone())
    .with_upscaler(work.upscaler.as_ref().map(|at| at.directory.clone()))
    .with_cache(options.cache.clone());
    let mut watcher = Watcher::new(shared, pictures, stored, &work, &store, wish, *progress);
    let rendered = renderer.render(&work.job, &outputs, &mut watcher);
    *progress = watcher.progress;
    let warnings = std::mem::take(&mut watcher.warnings).into_iter();
    let warnings = warnings.map(|warning| shared.shown(warning)).collect();
    let summary = match rendered {
        Ok(summary) => summary,
        Err(RenderError::Interrupted) => return Err(WorkError::Interrupted),
        Err(error) => return Err(WorkError::Failed(error.to_string())),
    };
    watcher.remember_rates(&renderer, &summary);
    progress.evaluations = summary.statistics.model_evaluations;
    progress.reused_evaluations = summary.statistics.reused_evaluations;
    progress.of_evaluations = progress.evaluations + progress.reused_evaluations;
    progress.decodes = progress.of_decodes;
    progress.seconds_left = None;
    // The result names only pictures that are on disk.
    pictures.wait();
    let film = match film {
        Some(film) => Some(film_files::finish(film, &project, &work, &summary)?),
        None => None,
    };
    Ok(TaskResult {
        film,
        pictures: work.seed_pictures(&store),
        warnings,
    })
}

impl From<ApiError> for WorkError {
    fn from(error: ApiError) -> Self {
        Self::Failed(error.message)
    }
}

impl From<RenderError> for WorkError {
    fn from(error: RenderError) -> Self {
        Self::Failed(error.to_string())
    }
}
