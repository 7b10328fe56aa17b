//! The engine's observer: what is finished goes on to the production.

use std::ops::ControlFlow;

use lb_blend::{BlendError, BlendReport, BlendedFrame, Latents, Observer, StepProgress};

use super::{Production, proceed};
use crate::error::RenderError;
use crate::observe::{RenderEvent, RenderObserver};

/// The engine's observer during a render.
pub(crate) struct Watching<'a> {
    production: &'a mut Production,
    observer: &'a mut dyn RenderObserver,
    failure: Option<RenderError>,
}

impl<'a> Watching<'a> {
    pub(super) fn new(
        production: &'a mut Production,
        observer: &'a mut dyn RenderObserver,
    ) -> Self {
        Self {
            production,
            observer,
            failure: None,
        }
    }

    /// The engine's result; a failure of decoding or writing is told rather than the stop that it
    /// caused.
    pub(crate) fn outcome(
        self,
        result: Result<BlendReport, BlendError>,
    ) -> Result<BlendReport, RenderError> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(result?),
        }
    }

    /// Tells of the store too; whatever stops the work is kept.
    fn told(&mut self, result: Result<(), RenderError>) -> ControlFlow<()> {
        match result.and_then(|()| self.production.reuse.tell(self.observer)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }
}

impl Observer for Watching<'_> {
    fn step(&mut self, progress: &StepProgress) -> ControlFlow<()> {
        let flow = self.observer.event(&RenderEvent::Step(progress));
        self.told(proceed(flow))
    }

    fn keyframe(&mut self, index: usize, latents: &Latents) -> ControlFlow<()> {
        let result = self.production.take_keyframe(index, latents, self.observer);
        self.told(result)
    }

    fn transition(
        &mut self,
        index: usize,
        frames: &[BlendedFrame],
        level_fractions: &[Vec<f64>],
    ) -> ControlFlow<()> {
        let result = self
            .production
            .take_transition(index, frames, level_fractions, self.observer);
        self.told(result)
    }
}
