//! A job and a model to files: the order of the work.

use std::time::Instant;

use lb_blend::{
    Backend, BlendError, BlendOptions, CallRows, Conditioning, Film, Keyframe, Transition, blend,
    noise,
};
use lb_models::{ModelDirectory, ModelKind, Pipeline, PipelineOptions, Runtime};

use crate::error::RenderError;
use crate::job::Job;
use crate::observe::{RenderEvent, RenderObserver, Stage};
use crate::outputs::Outputs;
use crate::plan::Plan;
use crate::production::{Production, proceed};
use crate::summary::{Seconds, Summary, TransitionFacts};

/// A model, ready to render jobs.
#[derive(Clone, Debug)]
pub struct Renderer {
    runtime: Runtime,
    directory: ModelDirectory,
    options: PipelineOptions,
}

impl Renderer {
    /// A renderer over a model directory. Nothing is loaded yet.
    ///
    /// # Errors
    /// [`RenderError::Model`] for options out of range.
    pub fn new(
        runtime: Runtime,
        directory: ModelDirectory,
        options: PipelineOptions,
    ) -> Result<Self, RenderError> {
        options.validate()?;
        Ok(Self {
            runtime,
            directory,
            options,
        })
    }

    /// The model.
    #[must_use]
    pub fn directory(&self) -> &ModelDirectory {
        &self.directory
    }

    /// Renders a film.
    ///
    /// The request is checked whole before anything is loaded. Decoding and encoding run as
    /// transitions are finished, in bounded memory. Every output appears under its name only when
    /// it is complete.
    ///
    /// # Errors
    /// The rule that the request breaks (see [`RenderError::is_request`]), or the part of the
    /// work that failed; then nothing is left under the outputs' names.
    pub fn render(
        &self,
        job: &Job,
        outputs: &Outputs,
        observer: &mut dyn RenderObserver,
    ) -> Result<Summary, RenderError> {
        let began = Instant::now();
        let plan = Plan::new(job)?;
        outputs.validate()?;
        self.directory
            .require_kind(ModelKind::TextToImage, "a film of prompts alone")?;
        let side = self.directory.default_side();
        let (width, height) = job.size.unwrap_or((side, side));
        let mut pipeline = Pipeline::open(
            self.runtime,
            self.directory.clone(),
            width,
            height,
            self.options.clone(),
        )?;
        let schedule = self.directory.schedule();
        let sampler = job.sampler.sampler(schedule, plan.profile.steps())?;
        let mut production = Production::begin(&plan, outputs, (width, height), &pipeline)?;

        let stage = |stage: Stage, observer: &mut dyn RenderObserver| {
            proceed(observer.event(&RenderEvent::Stage(stage)))
        };
        stage(Stage::Encoding, observer)?;
        let (negative, conditionings) = encode(&mut pipeline, job, observer)?;
        let keyframes: Vec<Keyframe> = conditionings
            .into_iter()
            .zip(&plan.seeds)
            .map(|(conditioning, &seed)| {
                noise::initial_latents(seed, pipeline.latent_shape()).map(|initial_latents| {
                    Keyframe {
                        conditioning,
                        negative: negative.clone(),
                        guidance_scale: job.guidance.scale,
                        initial_latents,
                        concatenated: None,
                    }
                })
            })
            .collect::<Result<_, _>>()
            .map_err(BlendError::from)?;
        stage(Stage::Loading, observer)?;
        let transition = Transition {
            profile: plan.profile.clone(),
            guidance_damper: job.guidance.damper,
        };
        let film = Film {
            transitions: vec![transition; keyframes.len() - 1],
            keyframes,
        };
        let rows = CallRows::of_film(&film, pipeline.batch_limit());
        pipeline.expect_rows(rows);
        pipeline.load_unet()?;
        pipeline.decoder().load()?;
        stage(Stage::Blending, observer)?;
        let options = BlendOptions {
            spacing: job.spacing,
            distance: job.distance,
        };
        let report = {
            let mut watching = production.watch(observer);
            let result = blend(
                &mut pipeline,
                sampler.as_ref(),
                &film,
                &options,
                &mut (),
                &mut watching,
            );
            watching.outcome(result)?
        };
        stage(Stage::Finishing, observer)?;
        let decodes = production.decodes();
        let fractions = production.take_level_fractions();
        let files = production.finish()?;
        Ok(Summary {
            files,
            width,
            height,
            film_frames: plan.film.len(),
            computed_frames: plan.computed_frames(),
            statistics: report,
            decodes,
            transitions: fractions
                .into_iter()
                .map(|fractions| TransitionFacts::new(&plan.profile, fractions))
                .collect(),
            seconds: Seconds {
                total: began.elapsed().as_secs_f64(),
                sessions: pipeline.times().running.as_secs_f64(),
                loading: pipeline.times().loading.as_secs_f64(),
            },
        })
    }
}

/// Conditioning for the negative prompt, and for every prompt; what was cut is told.
fn encode(
    pipeline: &mut Pipeline,
    job: &Job,
    observer: &mut dyn RenderObserver,
) -> Result<(Conditioning, Vec<Conditioning>), RenderError> {
    let mut tokens = Vec::with_capacity(job.prompts.len() + 1);
    for prompt in std::iter::once(&job.negative_prompt).chain(&job.prompts) {
        let tokenized = pipeline.tokenize(prompt)?;
        if let Some(cut) = &tokenized.cut {
            proceed(observer.event(&RenderEvent::PromptCut { prompt, cut }))?;
        }
        tokens.push(tokenized);
    }
    let mut conditionings = pipeline.encode(&tokens)?;
    let negative = conditionings.remove(0);
    Ok((negative, conditionings))
}
