//! A film of two stages: the first keeps its computed frames, the second shows its own.

use std::rc::Rc;

use lb_models::Pipeline;
use lb_video::Frame;

use super::Production;
use crate::error::RenderError;
use crate::job::Job;
use crate::modes::Mode;
use crate::outputs::Outputs;
use crate::plan::Plan;
use crate::reuse::Reuse;

impl Production {
    /// A first stage that keeps its computed frames for a second one.
    pub(crate) fn for_second_stage(
        job: &Job,
        plan: &Plan,
        pipeline: &Pipeline,
        mode: Mode,
        reuse: &Rc<Reuse>,
    ) -> Result<Self, RenderError> {
        let nowhere = Outputs::default();
        let production = Self::begin(job, plan, &nowhere, pipeline, mode, None, reuse)?;
        Ok(Self {
            total: plan.first_stage_frames(),
            low_res: Some(Vec::new()),
            ..production
        })
    }

    /// What a first stage kept, and the fractions of its trees.
    pub(crate) fn into_low_res(self) -> (Vec<Frame>, Vec<Vec<Vec<f64>>>) {
        (self.low_res.unwrap_or_default(), self.level_fractions)
    }

    /// Begins the next keyframes of a second stage, the first of which was the last before. `closing`
    /// is the one among them that is the film's first again.
    pub(crate) fn begin_window(&mut self, closing: Option<usize>) {
        self.second_stage = true;
        self.closing = closing;
    }

    /// Takes the fractions of the first stage's trees instead of those between its frames.
    pub(crate) fn set_level_fractions(&mut self, level_fractions: Vec<Vec<Vec<f64>>>) {
        self.level_fractions = level_fractions;
    }
}
