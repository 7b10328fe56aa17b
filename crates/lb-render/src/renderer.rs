//! A job and a model to files: the order of the work.

mod upscale;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Instant;

use lb_blend::{
    Backend, BlendError, BlendOptions, BlendRequest, Conditioning, Film, Latents, blend, noise,
};
use lb_models::{ModelDirectory, ModelPool, Pipeline, PipelineOptions, Runtime};

use crate::error::RenderError;
use crate::modes::upscale::SecondStage;
use crate::modes::{Inversion, KeyframePictures, Mode, film_size};
use crate::observe::{RenderEvent, RenderObserver, Stage};
use crate::outputs::Outputs;
use crate::production::{Production, proceed};
use crate::reuse::Reuse;
use crate::store::{Store, StoreSession};
use crate::summary::{Seconds, Summary};
use lb_job::Job;
use lb_job::Plan;

/// A model, ready to render jobs.
#[derive(Clone, Debug)]
pub struct Renderer {
    pool: ModelPool,
    directory: ModelDirectory,
    options: PipelineOptions,
    upscaler: Option<ModelDirectory>,
    store: Option<Store>,
}

impl Renderer {
    /// A renderer over a model directory. Nothing is loaded yet, and what a render loads is dropped
    /// when it is done with it, unless another pool is set with [`Self::with_pool`].
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
            pool: ModelPool::new(runtime, 0),
            directory,
            options,
            upscaler: None,
            store: None,
        })
    }

    /// The same, with models from this pool: with a memory budget, they stay loaded for the next
    /// render.
    #[must_use]
    pub fn with_pool(self, pool: ModelPool) -> Self {
        Self { pool, ..self }
    }

    /// The same, with the model of jobs that are upscaled.
    #[must_use]
    pub fn with_upscaler(self, upscaler: Option<ModelDirectory>) -> Self {
        Self { upscaler, ..self }
    }

    /// The same, with a store for finished work: what it has is not computed again.
    #[must_use]
    pub fn with_store(self, store: Option<Store>) -> Self {
        Self { store, ..self }
    }

    /// The model.
    #[must_use]
    pub fn directory(&self) -> &ModelDirectory {
        &self.directory
    }

    /// The model of jobs that are upscaled.
    #[must_use]
    pub fn upscaler(&self) -> Option<&ModelDirectory> {
        self.upscaler.as_ref()
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
        let size = film_size(job, self.directory.default_side())?;
        let (width, height) = size;
        self.directory.latent_shape(width, height)?;
        let mode = Mode::read(job, &self.directory, size)?;
        let mut pictures = KeyframePictures::read(job, size, &mode)?;
        let session = Rc::new(StoreSession::new(self.store.clone()));
        let second = self.second_stage(job, &plan, outputs, size, &session, observer)?;
        let shown_size = second.as_ref().map_or(size, SecondStage::picture_size);
        let mut pipeline = Pipeline::open(
            &self.pool,
            self.directory.clone(),
            width,
            height,
            self.options.clone(),
        )?;
        let schedule = self.directory.schedule();
        let sampler = job.sampler.sampler(schedule, plan.steps())?;
        let encodes = job.inpaint.is_some() || job.pictures() > 0;
        let reuse = Rc::new(Reuse::new(&session, &pipeline, encodes, observer)?);
        let channels = mode.channels(&mut pipeline, &reuse)?;
        let mut production = match &second {
            Some(_) => Production::for_second_stage(job, &plan, &pipeline, mode, outputs, &reuse)?,
            None => {
                let description = Some(job.description(self.directory.path(), size)?);
                Production::begin(job, &plan, outputs, &pipeline, mode, description, &reuse)?
            }
        };

        let stage = |stage: Stage, observer: &mut dyn RenderObserver| {
            proceed(observer.event(&RenderEvent::Stage(stage)))
        };
        stage(Stage::Encoding, observer)?;
        let mut film = Film {
            keyframes: keyframes(&mut pipeline, &reuse, job, channels.as_ref(), observer)?,
            transitions: transitions(job, &plan),
        };
        pictures.encode(&mut pipeline, &reuse)?;
        reuse.tell(observer)?;
        let limit = pipeline.batch_limit();
        let scales = pictures
            .keyframes(&film.keyframes)
            .map(|at| at.guidance_scale);
        let rows = film
            .outline()
            .call_rows(limit)
            .with_inversion(scales, limit);
        pipeline.expect_rows(rows);
        let denoised = format!("{:?} {schedule:?}", job.sampler);
        let inversion = Inversion {
            schedule,
            sampler: &denoised,
            steps: plan.steps(),
            options: job.inversion(),
        };
        let inverted = inversion.invert(
            &pictures,
            &mut film.keyframes,
            &mut pipeline,
            &reuse,
            observer,
        )?;
        production.set_pictures(pictures);
        let options = BlendOptions {
            spacing: job.spacing,
            distance: job.distance,
            crossfeed: job.crossfeed,
        };
        let mut trajectories = reuse.trajectories(&film, &options, &denoised);
        if !trajectories.is_complete() {
            stage(Stage::Loading, observer)?;
            pipeline.load_unet()?;
            pipeline.decoder().load()?;
        }
        stage(Stage::Blending, observer)?;
        let mut report = {
            let mut watching = production.watch(observer);
            let result = blend(BlendRequest {
                backend: &mut pipeline,
                sampler: sampler.as_ref(),
                keyframes: &mut film.keyframes.as_slice(),
                transitions: &film.transitions,
                options,
                snapshots: &mut trajectories,
                observer: &mut watching,
            });
            watching.outcome(result)?
        };
        inverted.add_to(&mut report);
        let reconstructions = production.take_reconstructions();
        let (mut decodes, mut reused_decodes) = (production.decodes(), production.reused_decodes());
        let mut times = pipeline.times();
        // One stage's models make room for the next one's.
        drop(pipeline);
        if let Some(second) = second {
            let whole = second.run(job, production, observer)?;
            report = whole.after(report);
            decodes += whole.production.decodes();
            reused_decodes += whole.production.reused_decodes();
            times += whole.times;
            production = whole.production;
        }
        stage(Stage::Finishing, observer)?;
        reuse.tell(observer)?;
        let transitions = production.take_transitions();
        let files = production.finish()?;
        Ok(Summary {
            files,
            width: shown_size.0,
            height: shown_size.1,
            film_frames: plan.film_frames(),
            computed_frames: plan.computed_frames(),
            statistics: report,
            decodes,
            reused_decodes,
            reconstructions,
            transitions,
            seconds: Seconds {
                total: began.elapsed().as_secs_f64(),
                sessions: times.running.as_secs_f64(),
                loading: times.loading.as_secs_f64(),
            },
        })
    }
}

/// The keyframes as the engine takes them; what was cut of a prompt is told.
fn keyframes(
    pipeline: &mut Pipeline,
    reuse: &Reuse,
    job: &Job,
    channels: Option<&Latents>,
    observer: &mut dyn RenderObserver,
) -> Result<Vec<lb_blend::Keyframe>, RenderError> {
    let encoded = encode(pipeline, reuse, job, observer)?;
    let shape = pipeline.latent_shape();
    let keyframes = job.keyframes.iter().map(|keyframe| {
        noise::initial_latents(keyframe.seed, shape).map(|initial_latents| lb_blend::Keyframe {
            conditioning: encoded[keyframe.prompt.as_str()].clone(),
            negative_conditioning: encoded[keyframe.negative_prompt.as_str()].clone(),
            guidance_scale: keyframe.guidance_scale,
            initial_latents,
            concatenated: channels.cloned(),
        })
    });
    Ok(keyframes
        .collect::<Result<_, _>>()
        .map_err(BlendError::from)?)
}

/// The transitions as the engine takes them.
fn transitions(job: &Job, plan: &Plan) -> Vec<lb_blend::Transition> {
    let transitions = job.transitions.iter().zip(&plan.profiles);
    transitions
        .map(|(transition, profile)| lb_blend::Transition {
            profile: profile.clone(),
            guidance_damper: transition.guidance_damper,
        })
        .collect()
}

/// Conditioning of every prompt and negative prompt, each once.
pub(crate) fn encode<'a>(
    pipeline: &mut Pipeline,
    reuse: &Reuse,
    job: &'a Job,
    observer: &mut dyn RenderObserver,
) -> Result<BTreeMap<&'a str, Conditioning>, RenderError> {
    let keyframes = job.keyframes.iter();
    let prompts: BTreeSet<&str> = keyframes
        .flat_map(|keyframe| [keyframe.prompt.as_str(), keyframe.negative_prompt.as_str()])
        .collect();
    let mut tokens = Vec::with_capacity(prompts.len());
    for &prompt in &prompts {
        let tokenized = pipeline.tokenize(prompt)?;
        if let Some(cut) = &tokenized.cut {
            proceed(observer.event(&RenderEvent::PromptCut { prompt, cut }))?;
        }
        tokens.push(tokenized);
    }
    let conditionings = reuse.encode(pipeline, &tokens)?;
    reuse.tell(observer)?;
    Ok(prompts.into_iter().zip(conditionings).collect())
}
