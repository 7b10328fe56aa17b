//! Takes batches through denoising steps, and counts and reports what that takes.

use std::ops::{ControlFlow, Range};

use super::batch::{Batch, Moment};
use super::distance::DistanceMeasure;
use crate::backend::Backend;
use crate::error::BlendError;
use crate::guidance::GuidanceOptions;
use crate::latents::Latents;
use crate::observer::{BlendReport, BlendedFrame, Observer, Phase, StepProgress};
use crate::options::SpacingDistance;
use crate::sampler::Sampler;

/// The model and the sampler at work on one batch after the other.
pub(super) struct Denoiser<'a> {
    backend: &'a mut dyn Backend,
    batch_limit: usize,
    guidance: GuidanceOptions,
    pub(super) sampler: &'a dyn Sampler,
    observer: &'a mut dyn Observer,
    pub(super) batch: Batch,
    measure: DistanceMeasure,
    total_model_evaluations: usize,
    pub(super) report: BlendReport,
}

impl<'a> Denoiser<'a> {
    /// A denoiser without any batch. The backend's batch limit is validated here.
    pub(super) fn new(
        backend: &'a mut dyn Backend,
        sampler: &'a dyn Sampler,
        observer: &'a mut dyn Observer,
        total_model_evaluations: usize,
        guidance: GuidanceOptions,
    ) -> Result<Self, BlendError> {
        let batch_limit = validated_batch_limit(backend)?;
        Ok(Self {
            backend,
            batch_limit,
            guidance,
            sampler,
            observer,
            batch: Batch::new(guidance),
            measure: DistanceMeasure::default(),
            total_model_evaluations,
            report: BlendReport::default(),
        })
    }

    pub(super) fn batch_limit(&self) -> usize {
        self.batch_limit
    }

    /// Denoising steps of a whole trajectory.
    pub(super) fn steps(&self) -> usize {
        self.sampler.timesteps().len()
    }

    /// Whether guidance is computed at a step of a keyframe or level whose first step is this one.
    pub(super) fn computes_guidance(&self, first: usize, step: usize) -> bool {
        self.guidance.computes(first, step)
    }

    /// Takes the batch through these steps. `first` is the first step of the keyframes or the level, from which
    /// on guidance is computed at every Nth one.
    pub(super) fn denoise(
        &mut self,
        steps: Range<usize>,
        first: usize,
        phase: Phase,
    ) -> Result<(), BlendError> {
        let branches = self.batch.branches();
        for step in steps {
            let computes = self.computes_guidance(first, step);
            let at = Moment::new(step, self.sampler.timesteps(), computes);
            let calls = self.batch.predict(self.backend, self.batch_limit, at)?;
            self.batch.step(self.sampler, at)?;
            self.report.predict_calls += calls;
            self.report.predicted_rows += self.batch.rows(at);
            self.report.model_evaluations += branches;
            proceed(self.observer.step(&StepProgress {
                phase,
                branches,
                step: step + 1,
                steps: self.sampler.timesteps().len(),
                model_evaluations: self.report.model_evaluations + self.report.reused_evaluations,
                total_model_evaluations: self.total_model_evaluations,
            }))?;
        }
        Ok(())
    }

    /// How far each branch's prediction is from the next one's.
    pub(super) fn distances(
        &mut self,
        distance: SpacingDistance,
        predicted_clean: &[Latents],
    ) -> Result<Vec<f64>, BlendError> {
        self.measure
            .distances(self.backend, distance, predicted_clean)
    }

    /// Reports a finished keyframe.
    pub(super) fn report_keyframe(
        &mut self,
        index: usize,
        latents: &Latents,
    ) -> Result<(), BlendError> {
        proceed(self.observer.keyframe(index, latents))
    }

    /// Reports a finished transition.
    pub(super) fn report_transition(
        &mut self,
        index: usize,
        frames: &[BlendedFrame],
        level_fractions: &[Vec<f64>],
    ) -> Result<(), BlendError> {
        proceed(self.observer.transition(index, frames, level_fractions))
    }
}

/// The backend's batch limit, unless it is 0.
pub(super) fn validated_batch_limit(backend: &dyn Backend) -> Result<usize, BlendError> {
    match backend.batch_limit() {
        0 => Err(BlendError::BatchLimit),
        limit => Ok(limit),
    }
}

/// Turns an observer's wish to stop into the error that stops the work.
pub(super) fn proceed(flow: ControlFlow<()>) -> Result<(), BlendError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(BlendError::Interrupted),
    }
}
