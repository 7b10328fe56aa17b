//! Rendering a job: the order of the work, from checking the request to publishing the files.

use std::path::Path;
use std::time::Instant;

use lb_cache::Cache;
use lb_job::{Job, JobError, Plan, SettingsError};
use lb_models::{ModelDirectory, ModelKind, ModelPool, PipelineOptions, Runtime};
use lb_video::FrameSpool;

use crate::cached_pipeline::Pipelines;
use crate::earlier_frames::EarlierFrames;
use crate::error::RenderError;
use crate::first_stage::FirstStage;
use crate::model_settings::changed_by;
use crate::observe::{RenderEvent, RenderObserver, Stage, proceed};
use crate::outputs::{OpenOutputs, Outputs};
use crate::picture_keyframes::film_size;
use crate::sampling::check_sampling;
use crate::stage::StageReport;
use crate::summary::{Seconds, Summary, TransitionSummary};
use crate::upscale::{LowResFrames, LowResPictures, SecondStage, Upscaler};

/// How much the UNets of a film compute: rows that they predict times the pixels of a row's latents in the first
/// stage. `None` for stills, and if the job is wrong, which is reported where it is rendered.
pub(crate) fn film_work(film: &Job, model: &ModelDirectory) -> Option<u64> {
    if film.has_stills() {
        return None;
    }
    let (width, height) = film_size(film, model.default_size).ok()?;
    let step = model.pixels_per_latent.max(1);
    let stages = Plan::new(film).ok()?.stages;
    let rows: usize = stages.iter().map(|stage| stage.rows).sum();
    u64::try_from(rows * (width / step) * (height / step)).ok()
}

/// A model, ready to render jobs.
///
/// What a renderer loads comes from a [`ModelPool`], which outlives a render: with a memory budget,
/// the second film of a program finds the model loaded. Clones of a renderer share the pool, and a
/// renderer can be sent to a worker thread.
#[derive(Clone, Debug)]
pub struct Renderer {
    pool: ModelPool,
    directory: ModelDirectory,
    options: PipelineOptions,
    upscaler: Option<ModelDirectory>,
    cache: Option<Cache>,
}

impl Renderer {
    /// A renderer with the model in this directory. Nothing is loaded yet. A render unloads its models
    /// when it no longer needs them, unless another pool is set with [`Self::with_pool`].
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
            cache: None,
        })
    }

    /// The same renderer with models from this pool. With a memory budget, they stay loaded for the
    /// next render.
    #[must_use]
    pub fn with_pool(self, pool: ModelPool) -> Self {
        Self { pool, ..self }
    }

    /// The same renderer on the device that is best for this film, of which a job that is rendered may be a part.
    /// A long film may gain from a device that compiles models first: see [`ModelPool::device_for`]. Results on
    /// another device are others. Stills, which are to be found again as keyframes of short films, change nothing.
    #[must_use]
    pub fn for_film(mut self, film: &Job) -> Self {
        if let Some(work) = film_work(film, &self.directory) {
            let session = &mut self.options.session;
            session.device = self.pool.device_for(session, work);
        }
        self
    }

    /// The same renderer with this model for the second stage of jobs.
    #[must_use]
    pub fn with_upscaler(self, upscaler: Option<ModelDirectory>) -> Self {
        Self { upscaler, ..self }
    }

    /// The same renderer with a cache, or without one. A result that is in the cache is not computed
    /// again.
    #[must_use]
    pub fn with_cache(self, cache: Option<Cache>) -> Self {
        Self { cache, ..self }
    }

    /// The model.
    #[must_use]
    pub fn directory(&self) -> &ModelDirectory {
        &self.directory
    }

    /// The device and how it is used.
    #[must_use]
    pub fn options(&self) -> &PipelineOptions {
        &self.options
    }

    /// The model for the second stage of jobs.
    #[must_use]
    pub fn upscaler(&self) -> Option<&ModelDirectory> {
        self.upscaler.as_ref()
    }

    /// The pool of loaded models.
    #[must_use]
    pub fn pool(&self) -> &ModelPool {
        &self.pool
    }

    /// Renders a film, or stills.
    ///
    /// The request is validated before anything is loaded. Frames are decoded and encoded as
    /// soon as their transition is finished, in bounded memory. Every output appears under its name only when it
    /// is complete.
    ///
    /// # Errors
    /// The rule that the request breaks (see [`RenderError::is_request`]), or the part of the work
    /// that failed. Then nothing is left under the outputs' names.
    pub fn render(
        &self,
        job: &Job,
        outputs: &Outputs,
        observer: &mut dyn RenderObserver,
    ) -> Result<Summary, RenderError> {
        self.run(job, None, outputs, observer)
    }

    /// Renders the second stage of a job whose first stage was rendered earlier.
    ///
    /// The job describes the frames (its keyframes, and its transitions with their computed frames) and
    /// how they are upscaled. Only the upscaler is needed. Of the files that the job names, only its embeddings are
    /// opened; see [`EarlierFrames::job`] for which those are.
    ///
    /// # Errors
    /// As [`Self::render`], and also if the frames do not fit the job.
    pub fn upscale(
        &self,
        job: &Job,
        frames: &EarlierFrames,
        outputs: &Outputs,
        observer: &mut dyn RenderObserver,
    ) -> Result<Summary, RenderError> {
        self.run(job, Some(frames), outputs, observer)
    }

    fn run(
        &self,
        job: &Job,
        earlier: Option<&EarlierFrames>,
        outputs: &Outputs,
        observer: &mut dyn RenderObserver,
    ) -> Result<Summary, RenderError> {
        let began = Instant::now();
        let pipelines = Pipelines::new(&self.pool, &self.options, self.cache.clone());
        let observer = &mut pipelines.observer(observer);

        // Validate.
        let mut plan = Plan::new(job)?;
        if outputs.film.is_none() {
            plan = plan.without_film();
        }
        outputs.validate()?;
        outputs.validate_for(job)?;
        let earlier = match earlier {
            Some(frames) => Some(frames.of_job(job, &plan, observer)?),
            None => None,
        };
        let size = match &earlier {
            Some(frames) => frames.size,
            None => film_size(job, self.directory.default_size)?,
        };
        if let Some(camera) = &plan.camera {
            camera.validate_for(size).map_err(JobError::from)?;
        }
        let upscaler = self.upscaler_of(job, size)?;
        if earlier.is_some() && upscaler.is_none() {
            return Err(JobError::from(SettingsError::UpscaleWithoutModel).into());
        }
        let changed = match &earlier {
            Some(_) => None,
            None => Some(changed_by(job, &self.directory)?),
        };
        let model = changed.as_ref();
        check_sampling(job, &plan, model, self.upscaler.as_ref())?;

        // Open the stages and the outputs.
        let first = match model {
            None => None,
            Some(model) => {
                let folder = outputs.folder();
                let stage =
                    FirstStage::open(job, &plan, size, model, folder, &pipelines, observer)?;
                Some(stage)
            }
        };
        let second = match upscaler {
            Some(upscaler) => Some(SecondStage::open(job, upscaler, &pipelines, observer)?),
            None => None,
        };
        let film_size = second.as_ref().map_or(size, SecondStage::picture_size);
        let describe = |folder: &Path| self.description(job, folder, size);
        let mut open = OpenOutputs::open(outputs, job, &plan, film_size, &describe)?;

        // Run the stages. A first stage has dropped its models when the second one loads its own.
        let mut report = StageReport::default();
        let mut low_res = earlier;
        if let Some(first) = first {
            if second.is_some() {
                let mut spool = FrameSpool::create(outputs.folder(), size.0, size.1)?;
                report = first.run(false, &mut spool, observer)?;
                let pictures = LowResPictures::Spooled(spool);
                let fractions = report.computed_fractions();
                low_res = Some(LowResFrames::new(pictures, size, fractions, job.looped)?);
            } else {
                report = first.run(true, &mut open, observer)?;
            }
        }
        if let (Some(second), Some(low_res)) = (second, low_res) {
            if report.level_fractions.is_empty() {
                report.level_fractions = low_res.as_last_levels();
            }
            report = report.followed_by(second.run(
                &low_res,
                &plan,
                outputs.folder(),
                &mut open,
                observer,
            )?);
        }

        // Finish.
        proceed(observer.event(&RenderEvent::Stage(Stage::Finishing)))?;
        // What has come in the way meanwhile is found before the first output has its name.
        outputs.validate()?;
        let (files, motions) = open.publish()?;
        let trees = plan.profiles.iter().zip(report.level_fractions);
        let transitions = trees.zip(motions).map(|((profile, fractions), motion)| {
            TransitionSummary::new(profile, fractions, motion)
        });
        let scale = outputs.film.as_ref().map_or(1, |_| job.scale);
        Ok(Summary {
            files,
            width: scale * film_size.0,
            height: scale * film_size.1,
            film_frames: plan.film_frames(),
            computed_frames: plan.computed_frames(),
            statistics: report.statistics,
            decodes: report.decodes.decoded,
            reused_decodes: report.decodes.reused,
            reconstructions: report.decodes.reconstructions,
            transitions: transitions.collect(),
            seconds: Seconds {
                total: began.elapsed().as_secs_f64(),
                sessions: report.times.running.as_secs_f64(),
                loading: report.times.loading.as_secs_f64(),
            },
        })
    }

    /// What upscales a job's frames of this size; `None` for a job that is not upscaled.
    fn upscaler_of<'a>(
        &'a self,
        job: &'a Job,
        size: (usize, usize),
    ) -> Result<Option<Upscaler<'a>>, RenderError> {
        let Some(upscale) = &job.upscale else {
            return Ok(None);
        };
        let Some(directory) = &self.upscaler else {
            return Err(RenderError::NoUpscaler {
                model: upscale.model.clone(),
            });
        };
        Upscaler::new(upscale, directory, size).map(Some)
    }

    /// The text of the job that an output in a folder carries. There is none if it is not known which
    /// model made the frames of the first stage, because such a job could not be rendered again.
    fn description(
        &self,
        job: &Job,
        folder: &Path,
        size: (usize, usize),
    ) -> Result<Option<String>, RenderError> {
        let is_unknown = job.model.is_none() && self.directory.kind == ModelKind::Upscale;
        if job.upscale.is_some() && is_unknown {
            return Ok(None);
        }
        let text = job.description(folder, &self.directory.path, size);
        Ok(Some(text.map_err(JobError::from)?))
    }
}
