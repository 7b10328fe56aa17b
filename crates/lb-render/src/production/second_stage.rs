//! A film of two stages: the first keeps its computed frames, the second shows its own.

use std::rc::Rc;

use lb_models::Pipeline;
use lb_video::FrameSpool;

use super::Production;
use crate::error::RenderError;
use crate::frame_place::FrameSpan;
use crate::modes::Mode;
use crate::modes::upscale::LowResPictures;
use crate::outputs::Outputs;
use crate::reuse::Reuse;
use lb_job::Job;
use lb_job::Plan;

impl Production {
    /// A first stage that keeps its computed frames for a second one, on the disk of its outputs.
    pub(crate) fn for_second_stage(
        job: &Job,
        plan: &Plan,
        pipeline: &Pipeline,
        mode: Mode,
        outputs: &Outputs,
        reuse: &Rc<Reuse>,
    ) -> Result<Self, RenderError> {
        let nowhere = Outputs::default();
        let (width, height) = pipeline.picture_size();
        let production = Self::begin(job, plan, &nowhere, pipeline, mode, None, reuse)?;
        Ok(Self {
            total: plan.first_stage_frames(),
            low_res: Some(FrameSpool::create(outputs.folder(), width, height)?),
            ..production
        })
    }

    /// What a first stage kept, and the fractions of its trees.
    pub(crate) fn into_low_res(self) -> (Option<LowResPictures>, Vec<Vec<Vec<f64>>>) {
        let low_res = self.low_res.map(LowResPictures::Spooled);
        (low_res, self.level_fractions)
    }

    /// Begins the next keyframes of a second stage, the first of which was the last before. `spans`
    /// are the parts of the film between them; `closing` is the one among them that is the film's
    /// first again.
    pub(crate) fn begin_window(&mut self, spans: Vec<FrameSpan>, closing: Option<usize>) {
        self.spans = spans;
        self.second_stage = true;
        self.closing = closing;
    }

    /// Takes the fractions of the first stage's trees instead of those between its frames.
    pub(crate) fn set_level_fractions(&mut self, level_fractions: Vec<Vec<Vec<f64>>>) {
        self.level_fractions = level_fractions;
    }
}
