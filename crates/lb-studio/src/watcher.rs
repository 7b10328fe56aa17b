//! Watches a render: stops it when that is wished, keeps its pictures, and reports its progress.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lb_render::{
    FramePosition, Phase, RememberedRates, RenderEvent, RenderObserver, Renderer, RgbImage, Stage,
    StepProgress, Stopwatch, Summary,
};

use crate::api::types::{FrameEvent, KeyframeEvent, Progress, StepEvent, TaskPhase};
use crate::events::Owner;
use crate::frames::FrameStore;
use crate::pictures::{NewPicture, PictureEvent, PictureWriter};
use crate::queue::{StoredTask, Wish};
use crate::shared::Shared;
use crate::work::Work;

/// The shortest time between two events `step`, and between two reports of progress.
const STEP_PAUSE: Duration = Duration::from_millis(100);
const REPORT_PAUSE: Duration = Duration::from_millis(250);

/// See the documentation of the module.
pub(crate) struct Watcher<'a> {
    shared: &'a Shared,
    pictures: &'a PictureWriter,
    stored: &'a StoredTask,
    owner: Owner,
    work: &'a Work,
    store: &'a FrameStore,
    wish: &'a Arc<Wish>,
    pub(crate) progress: Progress,
    /// Things worth knowing, in sentences.
    pub(crate) warnings: Vec<String>,
    /// The transition whose frames come, and how many have come.
    frames: (usize, usize),
    reported: Option<Instant>,
    stepped: Option<Instant>,
    pace: Pace,
    stopwatch: Stopwatch,
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(
        shared: &'a Shared,
        pictures: &'a PictureWriter,
        stored: &'a StoredTask,
        work: &'a Work,
        store: &'a FrameStore,
        wish: &'a Arc<Wish>,
        progress: Progress,
    ) -> Self {
        Self {
            shared,
            pictures,
            owner: stored.owner(),
            stored,
            work,
            store,
            wish,
            progress,
            warnings: Vec::new(),
            frames: (0, 0),
            reported: None,
            stepped: None,
            pace: Pace::new(),
            stopwatch: Stopwatch::new(),
        }
    }

    /// Remembers how fast the finished render was.
    pub(crate) fn remember_rates(&self, renderer: &Renderer, summary: &Summary) {
        let Some(file) = &self.shared.options.rates else {
            return;
        };
        let rates = self.stopwatch.rates(&self.work.plan.stages, summary);
        let size = self.work.job.size.unwrap_or_default();
        let remembered = RememberedRates::new(file);
        if let Err(error) = remembered.remember_stages(renderer, size, &rates) {
            tracing::debug!("{}: {error}", file.display());
        }
    }

    fn step(&mut self, step: &StepProgress) {
        let done = step.model_evaluations;
        self.progress.of_evaluations = step.total_model_evaluations;
        self.progress.evaluations = self.pace.evaluations;
        self.progress.reused_evaluations = done.saturating_sub(self.pace.evaluations);
        let (phase, transition, level) = match step.phase {
            Phase::Inversion => (TaskPhase::Inverting, None, 0),
            Phase::Transition { index, level } => {
                let known = self
                    .work
                    .transitions
                    .get(index)
                    .map_or(index, |at| at.index);
                (TaskPhase::Transition, Some(known), level)
            }
            _ => (TaskPhase::Keyframes, None, 0),
        };
        let is_new = self.progress.phase != phase || self.progress.transition != transition;
        (self.progress.phase, self.progress.transition) = (phase, transition);
        let is_due = |since: Option<Instant>, pause| since.is_none_or(|at| at.elapsed() >= pause);
        if is_due(self.stepped, STEP_PAUSE) {
            self.stepped = Some(Instant::now());
            let event = StepEvent {
                task: self.stored.task.id.clone(),
                project: self.stored.task.project.clone(),
                transition,
                level,
                step: step.step,
                steps: step.steps,
            };
            self.shared.events.push(&self.owner, "step", &event);
        }
        if is_new || is_due(self.reported, REPORT_PAUSE) {
            self.report();
        }
    }

    fn report(&mut self) {
        self.reported = Some(Instant::now());
        (self.progress.rate, self.progress.seconds_left) = self.pace.estimate(&self.progress);
        self.shared
            .queue
            .report(&self.stored.task.id, self.progress);
    }

    fn stage(&mut self, stage: Stage) {
        let phase = match stage {
            Stage::Encoding => TaskPhase::Encoding,
            Stage::Inverting => TaskPhase::Inverting,
            Stage::Loading => TaskPhase::Loading,
            Stage::Blending => TaskPhase::Keyframes,
            Stage::Upscaling { .. } => TaskPhase::Upscaling,
            Stage::Finishing => TaskPhase::Finishing,
            _ => return,
        };
        self.progress.phase = phase;
        self.report();
    }

    fn keyframe(&self, index: usize, picture: &RgbImage) {
        let Some((index, key)) = self.work.keyframes.get(index) else {
            return;
        };
        let event = KeyframeEvent {
            task: self.stored.task.id.clone(),
            project: self.stored.task.project.clone(),
            index: *index,
            key: key.clone(),
            picture: self.store.picture(key, 0),
        };
        let path = self.store.keyframe_path(key);
        if path.is_file() {
            self.shared.events.push(&self.owner, "keyframe", &event);
            return;
        }
        self.pictures.write(NewPicture {
            owner: self.owner.clone(),
            path,
            picture: picture.clone(),
            event: PictureEvent::Keyframe(event),
        });
    }

    fn frame(&mut self, position: FramePosition, picture: &RgbImage) {
        let FramePosition {
            transition,
            fraction,
        } = position;
        let is_keyframe = fraction <= 0.0 || fraction >= 1.0;
        let Some(at) = self
            .work
            .transitions
            .get(transition)
            .filter(|_| !is_keyframe)
        else {
            return;
        };
        let number = match self.frames {
            (known, count) if known == transition => count + 1,
            _ => 1,
        };
        self.frames = (transition, number);
        let path = self.store.frame_path(&at.key, number, fraction);
        if path.is_file() {
            // It was announced when it was computed.
            return;
        }
        self.pictures.write(NewPicture {
            owner: self.owner.clone(),
            path,
            picture: picture.clone(),
            event: PictureEvent::Frame(FrameEvent {
                task: self.stored.task.id.clone(),
                project: self.stored.task.project.clone(),
                transition: at.index,
                key: at.key.clone(),
                fraction,
                number,
                of: at.inner_frames,
                picture: self.store.picture(&at.key, number),
            }),
        });
    }
}

impl RenderObserver for Watcher<'_> {
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        self.pace.event(event);
        self.stopwatch.event(event);
        match event {
            RenderEvent::Stage(stage) => self.stage(*stage),
            RenderEvent::Step(step) => self.step(step),
            RenderEvent::Keyframe { index, picture } => self.keyframe(*index, picture),
            RenderEvent::Frame { position, picture } => self.frame(*position, picture),
            RenderEvent::Decoded { done, total } => {
                (self.progress.decodes, self.progress.of_decodes) = (*done, *total);
                self.progress.phase = TaskPhase::Decoding;
                if self.reported.is_none_or(|at| at.elapsed() >= REPORT_PAUSE) {
                    self.report();
                }
            }
            RenderEvent::PromptCut { cut, .. } => {
                let cut = cut.trim();
                let warning =
                    format!("A prompt is too long; the model does not see its end: {cut}");
                self.warnings.push(warning);
            }
            RenderEvent::UnseenWords { model, words, .. } => {
                let words = words.iter().map(|word| word.word.as_str());
                let words = words.collect::<Vec<_>>().join(", ");
                self.warnings
                    .push(format!("The model {model} has never seen: {words}"));
            }
            RenderEvent::Cache { problem } => tracing::warn!("{problem}"),
            _ => {}
        }
        match self.wish.is_to_stop() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// How fast the render is.
struct Pace {
    last: Instant,
    /// Model evaluations that were computed.
    evaluations: usize,
    /// Those without the first batch of steps, which also loads and allocates, and the time that they took.
    timed: usize,
    evaluating: Duration,
    decoding: Duration,
    decoded: usize,
}

impl Pace {
    fn new() -> Self {
        Self {
            last: Instant::now(),
            evaluations: 0,
            timed: 0,
            evaluating: Duration::ZERO,
            decoding: Duration::ZERO,
            decoded: 0,
        }
    }

    fn event(&mut self, event: &RenderEvent<'_>) {
        let now = Instant::now();
        let passed = now - std::mem::replace(&mut self.last, now);
        match event {
            RenderEvent::Step(step) => {
                if self.evaluations > 0 {
                    self.timed += step.branches;
                    self.evaluating += passed;
                }
                self.evaluations += step.branches;
            }
            RenderEvent::Decoded { done, .. } => {
                self.decoded = *done;
                self.decoding += passed;
            }
            RenderEvent::Keyframe { .. } | RenderEvent::Frame { .. } => self.decoding += passed,
            _ => {}
        }
    }

    /// Evaluations a second, and the seconds that are left.
    fn estimate(&self, progress: &Progress) -> (Option<f64>, Option<f64>) {
        if self.timed == 0 {
            return (None, None);
        }
        let each = self.evaluating.as_secs_f64() / self.timed as f64;
        let done = progress.evaluations + progress.reused_evaluations;
        let left = progress.of_evaluations.saturating_sub(done) as f64 * each;
        let decodes = progress.of_decodes.saturating_sub(progress.decodes);
        let decoding = match self.decoded {
            0 => 0.0,
            decoded => self.decoding.as_secs_f64() / decoded as f64 * decodes as f64,
        };
        (Some(1.0 / each.max(1e-9)), Some(left + decoding))
    }
}
