//! The queue of tasks. It survives the program: whatever had not ended goes on when the program comes back.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use lb_job::JobSettings;
use serde::{Deserialize, Serialize};

use crate::api::types::{Act, Progress, QueueOrder, Task, TaskResult, TaskState};
use crate::error::{ApiError, ErrorKind};
use crate::events::{EventLog, Owner};
use crate::ids::{Id, now};
use crate::limits::{Limits, MOST_FINISHED};
use crate::projects::{Project, TASKS};

/// The largest queue in bytes that is read.
const LARGEST_QUEUE: u64 = 64 << 20;

/// See the documentation of the module.
#[derive(Debug)]
pub(crate) struct Queue {
    file: PathBuf,
    limits: Limits,
    events: Arc<EventLog>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    tasks: Vec<StoredTask>,
    running: Option<(Id, Arc<Wish>)>,
    has_to_stop: bool,
}

/// A task, and whose it is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct StoredTask {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    pub(crate) task: Task,
}

impl StoredTask {
    pub(crate) fn owner(&self) -> Owner {
        self.owner.as_deref().map(Arc::from)
    }
}

/// What is wanted of the running task.
#[derive(Debug, Default)]
pub(crate) struct Wish(AtomicU8);

const GO_ON: u8 = 0;
const PAUSE: u8 = 1;
const CANCEL: u8 = 2;
/// The program ends, and the task goes on when it comes back.
const STOP: u8 = 3;

impl Wish {
    /// Whether the task should stop at the next step.
    pub(crate) fn is_to_stop(&self) -> bool {
        self.0.load(Ordering::Relaxed) != GO_ON
    }

    fn set(&self, wish: u8) {
        self.0.store(wish, Ordering::Relaxed);
    }
}

/// How a task ended, or why it stopped.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Outcome {
    Done(TaskResult),
    Failed(String),
    /// It stopped because that was wished.
    Stopped,
}

impl Queue {
    /// The queue in this file. Tasks that were running when the program ended are waiting again.
    pub(crate) fn load(
        file: PathBuf,
        limits: Limits,
        events: Arc<EventLog>,
    ) -> Result<Self, ApiError> {
        let mut tasks: Vec<StoredTask> = match lb_files::read(&file, LARGEST_QUEUE) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(_) if !file.exists() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        for stored in &mut tasks {
            if stored.task.state == TaskState::Running {
                stored.task.state = TaskState::Waiting;
            }
        }
        let state = State {
            tasks,
            ..State::default()
        };
        Ok(Self {
            file,
            limits,
            events,
            state: Mutex::new(state),
            changed: Condvar::new(),
        })
    }

    /// All tasks of an owner in the order of the queue.
    pub(crate) fn list(&self, owner: &Owner) -> Vec<Task> {
        let state = self.lock();
        let own = state.tasks.iter().filter(|at| at.owner() == *owner);
        own.map(|at| at.task.clone()).collect()
    }

    /// A task of this owner.
    pub(crate) fn get(&self, id: &Id, owner: &Owner) -> Result<Task, ApiError> {
        let state = self.lock();
        let mut own = state.tasks.iter().filter(|at| at.owner() == *owner);
        let found = own.find(|at| at.task.id == *id);
        let found = found.ok_or_else(|| ApiError::not_found("task"))?;
        Ok(found.task.clone())
    }

    /// Puts a task at the end. It keeps a copy of the project's job as it is now.
    pub(crate) fn push(
        &self,
        owner: &Owner,
        project: &Project,
        act: Act,
        title: String,
        progress: Progress,
    ) -> Result<Task, ApiError> {
        let mut state = self.lock();
        let open = state.tasks.iter().filter(|at| !at.task.state.has_ended());
        let own = open.clone().filter(|at| at.owner() == *owner).count();
        if open.count() >= self.limits.queue || own >= self.limits.queue_of_visitor {
            return Err(ApiError::new(
                ErrorKind::Busy,
                "too many tasks are waiting; try again when some of them are done",
            ));
        }
        let task = Task {
            id: Id::random()?,
            project: project.id.clone(),
            act,
            title,
            state: TaskState::Waiting,
            progress,
            error: None,
            result: None,
            created: now(),
            began: None,
            ended: None,
        };
        let job = serde_json::to_vec(&project.settings)?;
        lb_files::write(&job_file(&project.folder, &task.id), &job, true)?;
        state.tasks.push(StoredTask {
            owner: owner.as_deref().map(str::to_owned),
            task: task.clone(),
        });
        self.save(&mut state)?;
        self.events.push(owner, "task", &task);
        self.announce_order(&state, owner);
        self.changed.notify_all();
        Ok(task)
    }

    /// Waits for a task to run. It is `None` once the program ends.
    pub(crate) fn next(&self) -> Option<(StoredTask, Arc<Wish>)> {
        let mut state = self.lock();
        loop {
            if state.has_to_stop {
                return None;
            }
            let mut tasks = state.tasks.iter_mut();
            if let Some(next) = tasks.find(|at| at.task.state == TaskState::Waiting) {
                next.task.state = TaskState::Running;
                next.task.began.get_or_insert_with(now);
                next.task.error = None;
                let next = next.clone();
                let wish = Arc::new(Wish::default());
                state.running = Some((next.task.id.clone(), Arc::clone(&wish)));
                self.save_or_log(&mut state);
                self.events.push(&next.owner(), "task", &next.task);
                return Some((next, wish));
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Says how far the running task is. This is not saved.
    pub(crate) fn report(&self, id: &Id, progress: Progress) {
        let mut state = self.lock();
        if let Some(stored) = find(&mut state.tasks, id) {
            stored.task.progress = progress;
            self.events.push(&stored.owner(), "task", &stored.task);
        }
    }

    /// Ends the running task, or puts it aside as was wished. Returns its state, unless it was forgotten.
    pub(crate) fn finish(
        &self,
        id: &Id,
        outcome: Outcome,
        progress: Progress,
    ) -> Option<TaskState> {
        let mut state = self.lock();
        let wish = state
            .running
            .take()
            .map_or(GO_ON, |(_, wish)| wish.0.load(Ordering::Relaxed));
        let stored = find(&mut state.tasks, id)?;
        let owner = stored.owner();
        let task = &mut stored.task;
        task.progress = progress;
        task.state = match (outcome, wish) {
            (Outcome::Done(result), _) => {
                task.result = Some(result);
                TaskState::Done
            }
            (_, CANCEL) => TaskState::Cancelled,
            (Outcome::Failed(error), _) => {
                task.error = Some(error);
                TaskState::Failed
            }
            (Outcome::Stopped, PAUSE) => TaskState::Paused,
            (Outcome::Stopped, _) => TaskState::Waiting,
        };
        if task.state.has_ended() {
            task.ended = Some(now());
        }
        let task = task.clone();
        self.save_or_log(&mut state);
        self.events.push(&owner, "task", &task);
        self.announce_order(&state, &owner);
        drop(state);
        self.changed.notify_all();
        Some(task.state)
    }

    /// Cancels a task. One that has ended stays as it is.
    pub(crate) fn cancel(&self, id: &Id, owner: &Owner) -> Result<Task, ApiError> {
        self.change(id, owner, |task, wish| {
            match task.state {
                TaskState::Running => wish(CANCEL),
                TaskState::Waiting | TaskState::Paused => {
                    task.state = TaskState::Cancelled;
                    task.ended = Some(now());
                }
                _ => {}
            }
            Ok(())
        })
    }

    /// Stops a task until it is resumed. What was computed stays in the cache.
    pub(crate) fn pause(&self, id: &Id, owner: &Owner) -> Result<Task, ApiError> {
        self.change(id, owner, |task, wish| {
            match task.state {
                TaskState::Running => wish(PAUSE),
                TaskState::Waiting => task.state = TaskState::Paused,
                TaskState::Paused => {}
                _ => return Err(has_ended()),
            }
            Ok(())
        })
    }

    pub(crate) fn resume(&self, id: &Id, owner: &Owner) -> Result<Task, ApiError> {
        self.change(id, owner, |task, wish| {
            match task.state {
                TaskState::Paused => task.state = TaskState::Waiting,
                // It was to be paused and has not stopped yet.
                TaskState::Running => wish(GO_ON),
                TaskState::Waiting => {}
                _ => return Err(has_ended()),
            }
            Ok(())
        })
    }

    /// Puts a task that has not begun before another one, or at the end.
    pub(crate) fn move_before(
        &self,
        id: &Id,
        before: Option<&Id>,
        owner: &Owner,
    ) -> Result<Task, ApiError> {
        let mut state = self.lock();
        let position = |state: &State, id: &Id| {
            let is_wanted = |at: &StoredTask| at.task.id == *id && at.owner() == *owner;
            let found = state.tasks.iter().position(is_wanted);
            found.ok_or_else(|| ApiError::not_found("task"))
        };
        let from = position(&state, id)?;
        if state.tasks[from].task.state.has_ended() {
            return Err(has_ended());
        }
        if let Some(before) = before {
            position(&state, before)?;
        }
        let moved = state.tasks.remove(from);
        let task = moved.task.clone();
        let to = match before {
            Some(before) if before != id => position(&state, before)?,
            Some(_) => from,
            None => state.tasks.len(),
        };
        state.tasks.insert(to, moved);
        self.save(&mut state)?;
        self.announce_order(&state, owner);
        Ok(task)
    }

    /// Cancels the tasks of a project, which is removed.
    pub(crate) fn forget_project(&self, project: &Id) {
        let mut state = self.lock();
        if let Some((running, wish)) = &state.running
            && let Some(stored) = state.tasks.iter().find(|at| at.task.id == *running)
            && stored.task.project == *project
        {
            wish.set(CANCEL);
        }
        state
            .tasks
            .retain(|at| at.task.project != *project || at.task.state == TaskState::Running);
        self.save_or_log(&mut state);
    }

    /// Ends the work: the running task stops at its next step, and goes on when the program comes back.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.has_to_stop = true;
        if let Some((_, wish)) = &state.running
            && !wish.is_to_stop()
        {
            wish.set(STOP);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn change(
        &self,
        id: &Id,
        owner: &Owner,
        change: impl FnOnce(&mut Task, &dyn Fn(u8)) -> Result<(), ApiError>,
    ) -> Result<Task, ApiError> {
        let mut state = self.lock();
        let wish = state.running.as_ref().map(|(_, wish)| Arc::clone(wish));
        let set = |wanted| {
            if let Some(wish) = &wish {
                wish.set(wanted);
            }
        };
        let stored = find(&mut state.tasks, id).filter(|at| at.owner() == *owner);
        let stored = stored.ok_or_else(|| ApiError::not_found("task"))?;
        change(&mut stored.task, &set)?;
        let task = stored.task.clone();
        self.save(&mut state)?;
        self.events.push(owner, "task", &task);
        self.announce_order(&state, owner);
        drop(state);
        self.changed.notify_all();
        Ok(task)
    }

    fn announce_order(&self, state: &State, owner: &Owner) {
        let open = state.tasks.iter().filter(|at| !at.task.state.has_ended());
        let own = open.filter(|at| at.owner() == *owner);
        let order = own.map(|at| at.task.id.clone()).collect();
        self.events.push(owner, "queue", &QueueOrder { order });
    }

    /// Writes the queue. The oldest of too many tasks that have ended are forgotten.
    fn save(&self, state: &mut State) -> Result<(), ApiError> {
        let ended = state.tasks.iter().filter(|at| at.task.state.has_ended());
        let mut excess = ended.count().saturating_sub(MOST_FINISHED);
        state.tasks.retain(|at| {
            let is_forgotten = excess > 0 && at.task.state.has_ended();
            excess -= usize::from(is_forgotten);
            !is_forgotten
        });
        let text = serde_json::to_vec(&state.tasks)?;
        lb_files::write(&self.file, &text, true)?;
        Ok(())
    }

    fn save_or_log(&self, state: &mut State) {
        if let Err(error) = self.save(state) {
            tracing::warn!("the queue cannot be saved: {error}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(tasks: &'a mut [StoredTask], id: &Id) -> Option<&'a mut StoredTask> {
    tasks.iter_mut().find(|at| at.task.id == *id)
}

fn has_ended() -> ApiError {
    ApiError::new(ErrorKind::Conflict, "the task has ended")
}

/// The file with the copy of a task's job.
fn job_file(project: &std::path::Path, task: &Id) -> PathBuf {
    project.join(TASKS).join(format!("{task}.json"))
}

/// The job of a task as it was when the task was asked for.
pub(crate) fn job_of(project: &std::path::Path, task: &Id) -> Result<JobSettings, ApiError> {
    let text = lb_files::read(&job_file(project, task), LARGEST_QUEUE)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Removes the copy of a task's job.
pub(crate) fn forget_job(project: &std::path::Path, task: &Id) {
    // A copy that stays only takes space.
    let _ = fs::remove_file(job_file(project, task));
}
