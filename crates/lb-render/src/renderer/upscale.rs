//! The second stage: opened before the first one, or alone on frames of an earlier render.

use std::rc::Rc;
use std::time::Instant;

use lb_blend::BlendReport;
use lb_models::{ModelKind, Pipeline};

use super::Renderer;
use crate::error::RenderError;
use crate::modes::Mode;
use crate::modes::upscale::{EarlierFrames, SecondStage, upscaled_size};
use crate::observe::{RenderEvent, RenderObserver, Stage};
use crate::outputs::Outputs;
use crate::production::{Production, proceed};
use crate::reuse::Reuse;
use crate::store::StoreSession;
use crate::summary::{Seconds, Summary};
use lb_job::Plan;
use lb_job::{Job, SettingsError};

impl Renderer {
    /// Renders the second stage of a job whose first one was rendered earlier.
    ///
    /// The job says what the frames are: keyframes, transitions with as many computed frames each,
    /// and how they are upscaled. The renderer needs no model but the upscaler.
    ///
    /// # Errors
    /// As [`Self::render`]; also where there are not the frames that the job has.
    pub fn upscale(
        &self,
        job: &Job,
        frames: &EarlierFrames,
        outputs: &Outputs,
        observer: &mut dyn RenderObserver,
    ) -> Result<Summary, RenderError> {
        let began = Instant::now();
        let plan = Plan::new(job)?;
        outputs.validate()?;
        let (fractions, guessed) = frames.fractions(job, &plan)?;
        if let Some(first) = guessed.first() {
            let count = guessed.len();
            proceed(observer.event(&RenderEvent::FramesWithoutPlace { first, count }))?;
        }
        let film = frames.film(&fractions, job.looped)?;
        let session = Rc::new(StoreSession::new(self.store.clone()));
        let second = self.second_stage(job, &plan, outputs, frames.size(), &session, observer)?;
        let Some(second) = second else {
            return Err(lb_job::JobError::from(SettingsError::UpscaleWithoutModel).into());
        };
        let (width, height) = second.picture_size();
        let levels = fractions.into_iter().map(|last| vec![last]).collect();
        let mut whole = second.go_on(job, &film, levels, observer)?;
        proceed(observer.event(&RenderEvent::Stage(Stage::Finishing)))?;
        let statistics = whole.after(BlendReport::default());
        let decodes = whole.production.decodes();
        let reused_decodes = whole.production.reused_decodes();
        let transitions = whole.production.take_transitions();
        Ok(Summary {
            files: whole.production.finish()?,
            width,
            height,
            film_frames: plan.film_frames(),
            computed_frames: plan.computed_frames(),
            statistics,
            decodes,
            reused_decodes,
            reconstructions: Vec::new(),
            transitions,
            seconds: Seconds {
                total: began.elapsed().as_secs_f64(),
                sessions: whole.times.running.as_secs_f64(),
                loading: whole.times.loading.as_secs_f64(),
            },
        })
    }

    /// The second stage of a job that has one, its outputs opened.
    pub(super) fn second_stage<'a>(
        &self,
        job: &'a Job,
        plan: &Plan,
        outputs: &Outputs,
        size: (usize, usize),
        session: &Rc<StoreSession>,
        observer: &mut dyn RenderObserver,
    ) -> Result<Option<SecondStage<'a>>, RenderError> {
        let Some(upscale) = &job.upscale else {
            return Ok(None);
        };
        let Some(directory) = &self.upscaler else {
            return Err(RenderError::NoUpscaler {
                model: upscale.model.clone(),
            });
        };
        let (width, height) = upscaled_size(directory, upscale, size)?;
        let mut options = self.options.clone();
        options.noise_level = upscale.noise_level;
        let pipeline = Pipeline::open(&self.pool, directory.clone(), width, height, options)?;
        let reuse = Rc::new(Reuse::new(session, &pipeline, false, observer)?);
        // Frames from elsewhere leave open which model made them: such a job cannot be repeated.
        let unknown = job.model.is_none() && self.directory.kind() == ModelKind::Upscale;
        let description = match unknown {
            true => None,
            false => Some(job.description(self.directory.path(), size)?),
        };
        let production = Production::begin(
            job,
            plan,
            outputs,
            &pipeline,
            Mode::Text,
            description,
            &reuse,
        )?;
        Ok(Some(SecondStage::new(upscale, pipeline, production)))
    }
}
