//! The order of the work in a second stage.

use std::cell::Cell;
use std::ops::ControlFlow;

use lb_blend::{Backend, BlendOptions, BlendReport, BlendRequest, StepProgress, blend};
use lb_models::{Pipeline, SessionTimes};
use lb_schedule::film_cost;

use super::{Carried, LowResFilm, LowResPictures, SecondFilm};
use crate::error::RenderError;
use crate::observe::{RenderEvent, RenderObserver, Stage};
use crate::production::{Production, proceed};
use crate::renderer::encode;
use lb_job::{Job, Upscale};

/// A second stage before it has begun: nothing of its model is loaded, its outputs are open.
pub(crate) struct SecondStage<'a> {
    upscale: &'a Upscale,
    pipeline: Pipeline,
    production: Production,
}

/// A second stage that is complete.
pub(crate) struct Upscaled {
    /// The film's outputs, to be finished.
    pub(crate) production: Production,
    pub(crate) times: SessionTimes,
    report: BlendReport,
}

impl<'a> SecondStage<'a> {
    /// `pipeline` is the upscaler's; `production` has its picture size.
    pub(crate) fn new(upscale: &'a Upscale, pipeline: Pipeline, production: Production) -> Self {
        Self {
            upscale,
            pipeline,
            production,
        }
    }

    /// Width and height of the film.
    pub(crate) fn picture_size(&self) -> (usize, usize) {
        self.pipeline.picture_size()
    }

    /// Goes on from what a first stage has kept.
    pub(crate) fn run(
        self,
        job: &Job,
        first: Production,
        observer: &mut dyn RenderObserver,
    ) -> Result<Upscaled, RenderError> {
        let (pictures, level_fractions) = first.into_low_res();
        let pictures = pictures.unwrap_or(LowResPictures::Files(Vec::new(), (0, 0)));
        let fractions = level_fractions.iter().filter_map(|levels| levels.last());
        let fractions: Vec<Vec<f64>> = fractions.cloned().collect();
        let film = LowResFilm::new(pictures, &fractions, job.looped)?;
        self.go_on(job, &film, level_fractions, observer)
    }

    /// Goes on from these frames, the last level of trees with these fractions.
    pub(crate) fn go_on(
        mut self,
        job: &Job,
        film: &LowResFilm,
        level_fractions: Vec<Vec<Vec<f64>>>,
        observer: &mut dyn RenderObserver,
    ) -> Result<Upscaled, RenderError> {
        let report = self.compute(job, film, observer)?;
        self.production.set_level_fractions(level_fractions);
        Ok(Upscaled {
            production: self.production,
            times: self.pipeline.times(),
            report,
        })
    }

    fn compute(
        &mut self,
        job: &Job,
        film: &LowResFilm,
        observer: &mut dyn RenderObserver,
    ) -> Result<BlendReport, RenderError> {
        let stage = |stage: Stage, observer: &mut dyn RenderObserver| {
            proceed(observer.event(&RenderEvent::Stage(stage)))
        };
        let transitions = film.pairs();
        stage(Stage::Upscaling { transitions }, observer)?;
        stage(Stage::Encoding, observer)?;
        let reuse = self.production.reuse();
        let encoded = encode(&mut self.pipeline, &reuse, job, observer)?;
        let second = SecondFilm::new(job, self.upscale, film, encoded, &self.pipeline)?;
        let profile = self.upscale.profile()?;
        let schedule = self.pipeline.directory().schedule().clone();
        let sampler = job.sampler.sampler(&schedule, profile.steps())?;
        let denoised = format!("{:?} {schedule:?}", job.sampler);
        let options = BlendOptions {
            spacing: job.spacing,
            distance: job.distance,
            ..Default::default()
        };
        let pairs = std::iter::repeat_n(&profile, transitions);
        let total = film_cost(pairs, film.is_looped()).model_evaluations;
        let mut carried = Carried::new(film.frames(), film.is_looped());
        let mut sum = BlendReport::default();
        for window in second.windows() {
            let part = second.window(window.clone(), &self.pipeline)?;
            let mut trajectories = reuse.trajectories(&part, &options, &denoised);
            if window.start == 0 {
                self.pipeline
                    .expect_rows(part.outline().call_rows(self.pipeline.batch_limit()));
                if !trajectories.is_complete() {
                    stage(Stage::Loading, observer)?;
                    self.pipeline.load_unet()?;
                    self.pipeline.decoder().load()?;
                }
                stage(Stage::Blending, observer)?;
            }
            let closing = film.closes(window.end) && !part.is_looped();
            let spans = window.clone().map(|pair| film.span(pair)).collect();
            self.production
                .begin_window(spans, closing.then_some(window.len()));
            let taken = Cell::new(0);
            let mut shifted = Shifted {
                observer,
                done: sum.model_evaluations + sum.reused_evaluations,
                taken: &taken,
                total,
                first: window.start,
            };
            let mut store = carried.window(window, &mut trajectories, &taken);
            let mut watching = self.production.watch(&mut shifted);
            let result = blend(BlendRequest {
                backend: &mut self.pipeline,
                sampler: sampler.as_ref(),
                keyframes: &mut part.keyframes.as_slice(),
                transitions: &part.transitions,
                options,
                snapshots: &mut store,
                observer: &mut watching,
            });
            let mut report = watching.outcome(result)?;
            // What a window has of the one before was computed, or found, there.
            report.reused_evaluations -= taken.get();
            sum = sum + report;
        }
        Ok(sum)
    }
}

impl Upscaled {
    /// What both stages took.
    pub(crate) fn after(&self, first: BlendReport) -> BlendReport {
        first + self.report
    }
}

/// A window's progress as the whole stage's.
struct Shifted<'a> {
    observer: &'a mut dyn RenderObserver,
    /// Evaluations of the windows before.
    done: usize,
    /// Those of them that this window has counted again.
    taken: &'a Cell<usize>,
    total: usize,
    /// The window's first transition.
    first: usize,
}

impl RenderObserver for Shifted<'_> {
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        let RenderEvent::Step(step) = event else {
            return self.observer.event(event);
        };
        let mut phase = step.phase;
        if let lb_blend::Phase::Transition { index, .. } = &mut phase {
            *index += self.first;
        }
        let done = self.done + step.model_evaluations;
        self.observer.event(&RenderEvent::Step(&StepProgress {
            phase,
            model_evaluations: done - self.taken.get(),
            total_model_evaluations: self.total,
            ..**step
        }))
    }
}
