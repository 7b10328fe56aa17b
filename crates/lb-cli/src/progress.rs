//! The progress of a render: a bar on a terminal, and otherwise a line now and then.

mod lines;
mod pace;

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::ops::ControlFlow;
use std::time::Instant;

use lb_render::{
    Phase, Plan, RenderEvent, RenderObserver, RenderRate, Stage, StepProgress, Stopwatch, Summary,
};

pub(crate) use self::lines::Lines;
use self::pace::Pace;
use crate::print::Bar;
use crate::{interrupt, print, warnings};

/// Shows the phase, the steps, the rate and the remaining time. It stops the render after Ctrl-C.
pub(crate) struct Progress {
    bar: Bar,
    /// Without a terminal, when the next line is due.
    lines: Option<RefCell<Lines>>,
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
        let is_bar = !quiet && print::is_terminal();
        // The log says the same and more.
        let has_lines = !quiet && !is_bar && !tracing::enabled!(tracing::Level::INFO);
        let progress = Self {
            bar: Bar::new(is_bar),
            lines: has_lines.then(|| RefCell::new(Lines::new())),
            transitions: Cell::new(transitions),
            logged: Cell::new(None),
            stopwatch: Stopwatch::new(),
            pace: Pace::new(Instant::now()),
        };
        progress.bar.set_template(WAITING);
        match transitions {
            0 => progress.line("rendering pictures"),
            1 => progress.line("rendering 1 transition"),
            more => progress.line(format_args!("rendering {more} transitions")),
        }
        progress
    }

    /// How fast each stage of the finished render was.
    pub(crate) fn rates(&self, plan: &Plan, summary: &Summary) -> Vec<Option<RenderRate>> {
        self.stopwatch.rates(&plan.stages, summary)
    }

    /// Takes the bar off the screen.
    pub(crate) fn clear(&self) {
        self.bar.clear();
    }

    /// Says where a finished film is, if progress is shown in lines.
    pub(crate) fn conclude(&self, summary: &Summary) {
        let files: Vec<String> = summary
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        let (seconds, files) = (summary.seconds.total, files.join(", "));
        self.line(format_args!("finished after {seconds:.1} s: {files}"));
    }

    /// Prints a line, if progress is shown in lines.
    fn line(&self, text: impl Display) {
        if self.lines.is_some() {
            errln!("{text}");
        }
    }

    /// Prints a line if one is due now that this share of the stage is done.
    fn line_when_due(&self, done: usize, total: usize, text: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines
            && lines.borrow_mut().is_due(done as f64 / total.max(1) as f64)
        {
            errln!("{}", text());
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
        self.bar.set_template(template);
        self.bar.set_message(message);
        if template == WAITING {
            tracing::info!("{message}");
            self.line(message);
        }
        if let Some(lines) = &self.lines {
            lines.borrow_mut().restart();
        }
    }

    fn step(&self, progress: &StepProgress) {
        let (done, total) = (progress.model_evaluations, progress.total_model_evaluations);
        self.bar.set_counts(done, total);
        self.bar.set_prefix(&self.pace.text());
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
            .set_message(&format!("{batch}, step {step}/{steps}"));
        self.line_when_due(done, total, || {
            let pace = self.pace.text();
            format!("{batch}, step {step}/{steps}: {done}/{total} evaluations {pace}")
        });
        if self.logged.replace(Some(progress.phase)) != Some(progress.phase) {
            tracing::info!("{batch}, from step {step}/{steps}: {done}/{total} evaluations");
        }
    }
}

impl RenderObserver for Progress {
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        self.stopwatch.event(event);
        self.pace.event(event, Instant::now());
        if let Some(warning) = warnings::of_event(event) {
            print::warning(warning);
        }
        match event {
            RenderEvent::Weights { done, total, .. } => {
                let percent = 100 * done / (*total).max(1);
                let message = format!("reading new weights, {percent} %");
                self.bar.set_message(&message);
                self.line_when_due(percent as usize, 100, || message);
            }
            RenderEvent::Stage(stage) => self.stage(*stage),
            RenderEvent::Step(progress) => self.step(progress),
            RenderEvent::Decoded { done, total } => {
                self.bar.set_message(&format!("decoding {done}/{total}"));
                let line = || format!("decoding pictures: {done} of {total}");
                self.line_when_due(*done, *total, line);
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
