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

/// How often the program may end while a task is running before it no longer goes on by itself.
const MOST_ATTEMPTS: u32 = 3;

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
    /// How often the task began since it last stopped or ended in an orderly way.
    #[serde(default)]
    attempts: u32,
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

    /// Wishes something. Cancelling cannot be undone, and then the answer is `false`.
    fn set(&self, wish: u8) -> bool {
        let may_change = |wished| (wished != CANCEL || wish == CANCEL).then_some(wish);
        let changed = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, may_change);
        changed.is_ok()
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
    /// The queue in this file. Tasks that were running when the program ended are waiting again, except those
    /// with which it has ended before.
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
                if stored.attempts >= MOST_ATTEMPTS {
                    // It may be what ends the program, which could then never be started again.
                    stored.task.state = TaskState::Paused;
                    stored.task.error = Some(
                        "The program has ended three times while this task was running.".into(),
                    );
                }
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
        let before = state.tasks.clone();
        state.tasks.push(StoredTask {
            owner: owner.as_deref().map(str::to_owned),
            attempts: 0,
            task: task.clone(),
        });
        if let Err(error) = self.save_or_restore(&mut state, before) {
            forget_job(&project.folder, &task.id);
            return Err(error);
        }
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
                next.attempts += 1;
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
        stored.attempts = 0;
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
                TaskState::Running => drop(wish(CANCEL)),
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
                TaskState::Running if !wish(PAUSE) => return Err(is_cancelled()),
                TaskState::Running => {}
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
                TaskState::Running if !wish(GO_ON) => return Err(is_cancelled()),
                TaskState::Running => {}
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
        let unmoved = state.tasks.clone();
        let moved = state.tasks.remove(from);
        let task = moved.task.clone();
        let to = match before {
            Some(before) if before != id => position(&state, before)?,
            Some(_) => from,
            None => state.tasks.len(),
        };
        state.tasks.insert(to, moved);
        self.save_or_restore(&mut state, unmoved)?;
        self.announce_order(&state, owner);
        Ok(task)
    }

    /// Cancels the tasks of a project, which is removed, and forgets those that are not running.
    pub(crate) fn forget_project(&self, project: &Id) {
        let mut state = self.lock();
        if let Some((running, wish)) = &state.running
            && let Some(stored) = state.tasks.iter().find(|at| at.task.id == *running)
            && stored.task.project == *project
        {
            wish.set(CANCEL);
        }
        let is_dropped =
            |at: &StoredTask| at.task.project == *project && at.task.state != TaskState::Running;
        let tasks = std::mem::take(&mut state.tasks);
        let (dropped, kept): (Vec<_>, Vec<_>) = tasks.into_iter().partition(is_dropped);
        state.tasks = kept;
        self.save_or_log(&mut state);
        for mut stored in dropped {
            if stored.task.state.has_ended() {
                continue;
            }
            stored.task.state = TaskState::Cancelled;
            stored.task.ended = Some(now());
            self.events.push(&stored.owner(), "task", &stored.task);
            self.announce_order(&state, &stored.owner());
        }
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
        change: impl FnOnce(&mut Task, &dyn Fn(u8) -> bool) -> Result<(), ApiError>,
    ) -> Result<Task, ApiError> {
        let mut state = self.lock();
        let wish = state.running.as_ref().map(|(_, wish)| Arc::clone(wish));
        let set = |wanted| wish.as_ref().is_none_or(|wish| wish.set(wanted));
        let before = state.tasks.clone();
        let stored = find(&mut state.tasks, id).filter(|at| at.owner() == *owner);
        let stored = stored.ok_or_else(|| ApiError::not_found("task"))?;
        change(&mut stored.task, &set)?;
        let task = stored.task.clone();
        // A wish to the running task changes nothing that is saved.
        if state.tasks != before {
            self.save_or_restore(&mut state, before)?;
        }
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

    /// Writes the queue, or puts back the tasks as they were before a change that cannot be written.
    fn save_or_restore(&self, state: &mut State, before: Vec<StoredTask>) -> Result<(), ApiError> {
        self.save(state).inspect_err(|_| state.tasks = before)
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

fn is_cancelled() -> ApiError {
    ApiError::new(ErrorKind::Conflict, "the task is being cancelled")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Reading;
    use crate::projects::Projects;

    struct Studio {
        disk: tempfile::TempDir,
        events: Arc<EventLog>,
        project: Project,
    }

    impl Studio {
        fn new() -> Self {
            let disk = tempfile::tempdir().unwrap();
            let projects = Projects::new(disk.path().to_owned(), Limits::OWN);
            let project = projects.create(&None, "Fruits".into(), JobSettings::default());
            Self {
                events: Arc::new(EventLog::new().unwrap()),
                project: project.unwrap(),
                disk,
            }
        }

        fn queue(&self) -> Queue {
            let file = self.disk.path().join("queue.json");
            Queue::load(file, Limits::OWN, Arc::clone(&self.events)).unwrap()
        }

        fn push(&self, queue: &Queue) -> Result<Task, ApiError> {
            let act = Act::Keyframe { index: 0 };
            queue.push(
                &None,
                &self.project,
                act,
                "Keyframe".into(),
                Progress::default(),
            )
        }
    }

    #[test]
    fn a_task_that_ends_the_program_three_times_is_paused() {
        let studio = Studio::new();
        let mut queue = studio.queue();
        let task = studio.push(&queue).unwrap();
        for _ in 0..MOST_ATTEMPTS {
            let waiting = queue.get(&task.id, &None).unwrap();
            assert_eq!(waiting.state, TaskState::Waiting);
            queue.next().unwrap();
            queue = studio.queue();
        }
        let paused = queue.get(&task.id, &None).unwrap();
        assert_eq!(paused.state, TaskState::Paused);
        assert!(paused.error.unwrap().contains("three times"));
        let resumed = queue.resume(&task.id, &None).unwrap();
        assert_eq!(resumed.state, TaskState::Waiting);
    }

    #[test]
    fn a_task_that_is_being_cancelled_can_be_neither_paused_nor_resumed() {
        let studio = Studio::new();
        let queue = studio.queue();
        let task = studio.push(&queue).unwrap();
        let (_, wish) = queue.next().unwrap();
        queue.cancel(&task.id, &None).unwrap();
        let conflict = |answer: Result<Task, ApiError>| answer.unwrap_err().kind;
        assert_eq!(conflict(queue.pause(&task.id, &None)), ErrorKind::Conflict);
        assert_eq!(conflict(queue.resume(&task.id, &None)), ErrorKind::Conflict);
        assert!(wish.is_to_stop());
        let state = queue.finish(&task.id, Outcome::Stopped, Progress::default());
        assert_eq!(state, Some(TaskState::Cancelled));
    }

    #[test]
    fn the_tasks_of_a_removed_project_are_announced_as_cancelled() {
        let studio = Studio::new();
        let queue = studio.queue();
        studio.push(&queue).unwrap();
        let place = studio.events.end();
        queue.forget_project(&studio.project.id);
        let (Reading::Events(events), _) = studio.events.read(&None, place) else {
            panic!("the log is short");
        };
        let (name, data) = events[0].name_and_data();
        assert_eq!(name, "task");
        assert!(data.contains("\"cancelled\""));
        assert_eq!(events[1].name_and_data(), ("queue", "{\"order\":[]}"));
        assert!(queue.list(&None).is_empty());
    }

    #[test]
    fn what_cannot_be_saved_changes_nothing() {
        let studio = Studio::new();
        let queue = studio.queue();
        let tasks = [studio.push(&queue).unwrap(), studio.push(&queue).unwrap()];
        let before = queue.list(&None);
        // A folder in the place of the file, as no other fault is the same on every system.
        let file = studio.disk.path().join("queue.json");
        fs::remove_file(&file).unwrap();
        fs::create_dir_all(file.join("full")).unwrap();
        studio.push(&queue).unwrap_err();
        queue.cancel(&tasks[0].id, &None).unwrap_err();
        queue.move_before(&tasks[0].id, None, &None).unwrap_err();
        assert_eq!(queue.list(&None), before);
        let copies = fs::read_dir(studio.project.folder.join(TASKS)).unwrap();
        assert_eq!(copies.count(), 2);
    }
}
