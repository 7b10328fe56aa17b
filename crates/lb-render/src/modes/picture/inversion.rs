//! The noise that becomes a picture.

use std::ops::ControlFlow;

use lb_blend::{
    Backend, BlendReport, DdimInversion, InversionOptions, Keyframe, NoiseScheduleConfig, Observer,
    StepProgress,
};
use lb_models::Pipeline;

use super::KeyframePictures;
use crate::error::RenderError;
use crate::observe::{RenderEvent, RenderObserver, Stage};
use crate::production::proceed;
use crate::reuse::Reuse;
use crate::store::StoredLatents;

/// How the pictures of a film are inverted.
pub(crate) struct Inversion<'a> {
    /// The model's noise schedule.
    pub(crate) schedule: &'a NoiseScheduleConfig,
    /// The sampler and the schedule in words, as the store knows them.
    pub(crate) sampler: &'a str,
    /// Steps of a whole trajectory.
    pub(crate) steps: usize,
    pub(crate) options: InversionOptions,
}

/// What the inversions of a film took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct InversionReport {
    model_evaluations: usize,
    reused_evaluations: usize,
    predicted_rows: usize,
    predict_calls: usize,
}

impl InversionReport {
    /// Adds this to what the film itself took.
    pub(crate) fn add_to(self, report: &mut BlendReport) {
        report.model_evaluations += self.model_evaluations;
        report.reused_evaluations += self.reused_evaluations;
        report.predicted_rows += self.predicted_rows;
        report.predict_calls += self.predict_calls;
    }
}

impl Inversion<'_> {
    /// Puts into the film's keyframes that are pictures the noise that they are made from.
    ///
    /// # Errors
    /// Those of [`lb_blend::invert`], and [`RenderError::Interrupted`] once the observer says so.
    pub(crate) fn invert(
        &self,
        pictures: &KeyframePictures,
        keyframes: &mut [Keyframe],
        pipeline: &mut Pipeline,
        reuse: &Reuse,
        observer: &mut dyn RenderObserver,
    ) -> Result<InversionReport, RenderError> {
        let mut report = InversionReport::default();
        let mut missing = Vec::new();
        let evaluations = |pictures| self.options.model_evaluations(pictures, self.steps);
        for (&index, clean) in &pictures.clean {
            let picture = Keyframe {
                initial_latents: clean.clone(),
                ..keyframes[index].clone()
            };
            match self.stored(reuse, &picture).and_then(|at| at.load()) {
                Some(found) => {
                    keyframes[index].initial_latents = found;
                    report.reused_evaluations += evaluations(1);
                }
                None => missing.push((index, picture)),
            }
        }
        reuse.tell(observer)?;
        if missing.is_empty() {
            return Ok(report);
        }
        proceed(observer.event(&RenderEvent::Stage(Stage::Inverting)))?;
        let inversion = DdimInversion::new(self.schedule, self.steps)?;
        let total = evaluations(pictures.clean.len());
        // What lb-blend inverts together, so that no more than one such batch is lost.
        let group = pipeline.batch_limit().max(1);
        for group in missing.chunks(group) {
            let (indices, starts): (Vec<usize>, Vec<Keyframe>) = group.iter().cloned().unzip();
            let before = report.model_evaluations + report.reused_evaluations;
            let mut steps = Steps {
                observer: &mut *observer,
                before,
                total,
            };
            let options = &self.options;
            let inverted = lb_blend::invert(pipeline, &inversion, &starts, options, &mut steps)?;
            report.model_evaluations += inverted.model_evaluations;
            report.predicted_rows += inverted.predicted_rows;
            report.predict_calls += inverted.predict_calls;
            let found = inverted.initial_latents.into_iter();
            for ((index, picture), latents) in indices.into_iter().zip(&starts).zip(found) {
                if let Some(stored) = self.stored(reuse, picture) {
                    stored.save(&latents);
                }
                keyframes[index].initial_latents = latents;
            }
            reuse.tell(observer)?;
        }
        Ok(report)
    }

    fn stored<'r>(&self, reuse: &'r Reuse, picture: &Keyframe) -> Option<StoredLatents<'r>> {
        reuse.inverted(picture, self.sampler, self.steps, &self.options)
    }
}

/// Hands the steps on, of one batch among all of the film's inversions.
struct Steps<'a> {
    observer: &'a mut dyn RenderObserver,
    /// Model evaluations that were there before this batch.
    before: usize,
    total: usize,
}

impl Observer for Steps<'_> {
    fn step(&mut self, progress: &StepProgress) -> ControlFlow<()> {
        let progress = StepProgress {
            model_evaluations: self.before + progress.model_evaluations,
            total_model_evaluations: self.total,
            ..*progress
        };
        self.observer.event(&RenderEvent::Step(&progress))
    }
}
