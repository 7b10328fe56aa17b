//! The progress of a render, shown as a bar on a terminal.

mod pace;

use std::cell::Cell;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lb_render::{Phase, Plan, RenderEvent, RenderObserver, Stage, StepProgress, Summary};

use self::pace::Pace;
use crate::rates::{Rate, Stopwatch};
use crate::{interrupt, warnings};

/// Shows the phase, the steps, the rate and the remaining time on a terminal. It stops the render
/// after Ctrl-C.
pub(crate) struct Progress {
    bar: ProgressBar,
    transitions: Cell<usize>,
    /// The phase that was logged last.
    logged: Cell<Option<Phase>>,
    stopwatch: Stopwatch,
    pace: Pace,
}

const BLENDING: &str = "{msg:28} {wide_bar:.cyan/dim} {pos}/{len} evaluations {prefix}";
const WAITING: &str = "{msg:28} {spinner}";

impl Progress {
    pub(crate) fn new(quiet: bool, transitions: usize) -> Self {
        let target = if quiet || !std::io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let progress = Self {
            bar: ProgressBar::with_draw_target(None, target),
            transitions: Cell::new(transitions),
            logged: Cell::new(None),
            stopwatch: Stopwatch::new(),
            pace: Pace::new(Instant::now()),
        };
        progress.style(WAITING);
        let often = std::time::Duration::from_millis(120);
        progress.bar.enable_steady_tick(often);
        progress
    }

    /// How fast each stage of the finished render was.
    pub(crate) fn rates(&self, plan: &Plan, summary: &Summary) -> Vec<Option<Rate>> {
        self.stopwatch.rates(&plan.stages, summary)
    }

    /// Takes the bar off the screen.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }

    fn stage(&self, stage: Stage) {
        let (template, message) = match stage {
            Stage::Encoding => (WAITING, "reading prompts"),
            Stage::Loading => (WAITING, "loading the model"),
            Stage::Inverting => (BLENDING, "pictures to noise"),
            Stage::Blending => (BLENDING, "keyframes"),
            Stage::Upscaling { transitions } => {
                self.transitions.set(transitions);
                (WAITING, "going on to the second stage")
            }
            Stage::Finishing => (WAITING, "writing files"),
            _ => (WAITING, "working"),
        };
        self.style(template);
        self.bar.set_message(message);
        if template == WAITING {
            tracing::info!("{message}");
        }
    }

    fn step(&self, progress: &StepProgress) {
        self.bar.set_length(progress.total_model_evaluations as u64);
        self.bar.set_position(progress.model_evaluations as u64);
        self.bar.set_prefix(self.pace.text());
        let batch = match progress.phase {
            Phase::Inversion => "pictures to noise".to_owned(),
            Phase::Keyframes => "keyframes".to_owned(),
            Phase::Transition { index, .. } => {
                format!("transition {}/{}", index + 1, self.transitions.get())
            }
            _ => "denoising".to_owned(),
        };
        let (step, steps) = (progress.step, progress.steps);
        self.bar
            .set_message(format!("{batch}, step {step}/{steps}"));
        if self.logged.replace(Some(progress.phase)) != Some(progress.phase) {
            let (done, total) = (progress.model_evaluations, progress.total_model_evaluations);
            tracing::info!("{batch}, from step {step}/{steps}: {done}/{total} evaluations");
        }
    }
}

impl RenderObserver for Progress {
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        self.stopwatch.event(event);
        self.pace.event(event, Instant::now());
        if let Some(warning) = warnings::of_event(event) {
            self.bar.suspend(|| eprintln!("warning: {warning}"));
        }
        match event {
            RenderEvent::Weights { done, total, .. } => {
                let percent = 100 * done / (*total).max(1);
                self.bar
                    .set_message(format!("reading new weights, {percent} %"));
            }
            RenderEvent::Stage(stage) => self.stage(*stage),
            RenderEvent::Step(progress) => self.step(progress),
            RenderEvent::Decoded { done, total } => {
                self.bar.set_message(format!("decoding {done}/{total}"));
            }
            _ => {}
        }
        if interrupt::asked() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
