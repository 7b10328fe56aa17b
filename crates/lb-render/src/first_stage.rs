//! The first or only stage of a film, whose keyframes are made from prompts, noise and pictures.

use std::collections::BTreeMap;
use std::path::Path;

use lb_blend::{
    Backend, BatchSteps, BlendError, BlendOptions, BlendReport, FilmOutline, Keyframe,
    KeyframeError, KeyframeSource, LatentShape, Latents, Transition, noise,
};
use lb_job::{Job, Plan};
use lb_models::ModelDirectory;

use crate::cached_pipeline::{CachedPipeline, Denoising, Pipelines};
use crate::embedding_notes::embedding_notes;
use crate::error::RenderError;
use crate::frames::FrameDecoder;
use crate::modes::Mode;
use crate::observe::{RenderEvent, RenderObserver, proceed};
use crate::picture_keyframes::KeyframePictures;
use crate::position::FrameSpan;
use crate::prompts::Prompts;
use crate::record_spool::RecordSpool;
use crate::sampling::{late_start, schedule};
use crate::sinks::FrameSink;
use crate::stage::{KEPT_IN_MEMORY, StageReport, StageWalk};

/// A first stage that is ready to run: its pictures are read, and its pipeline is open.
pub(crate) struct FirstStage<'a> {
    job: &'a Job,
    plan: &'a Plan,
    pipeline: CachedPipeline,
    mode: Mode,
    pictures: KeyframePictures,
    /// The concatenated channels of all keyframes.
    channels: Option<Latents>,
    folder: &'a Path,
}

impl<'a> FirstStage<'a> {
    /// Opens a stage for frames of this width and height. Only the VAE encoder of the model
    /// may be loaded, for an inpainted film. What does not fit into memory is kept in `folder`.
    pub(crate) fn open(
        job: &'a Job,
        plan: &'a Plan,
        size: (usize, usize),
        directory: &ModelDirectory,
        folder: &'a Path,
        pipelines: &Pipelines<'_>,
        observer: &mut dyn RenderObserver,
    ) -> Result<Self, RenderError> {
        directory.latent_shape(size.0, size.1)?;
        let mode = Mode::read(job, directory, size)?;
        let pictures = KeyframePictures::read(job, size, &mode, folder)?;
        let encodes_pictures = job.inpaint.is_some() || job.pictures() > 0;
        let mut pipeline = pipelines.open(directory, size, |_| {}, encodes_pictures, observer)?;
        Ok(Self {
            channels: mode.channels(&mut pipeline)?,
            folder,
            job,
            plan,
            pipeline,
            mode,
            pictures,
        })
    }

    /// Computes the frames. `shows_film` says whether they are the frames of the film, rather
    /// than those of low resolution for a second stage.
    pub(crate) fn run(
        mut self,
        shows_film: bool,
        sink: &mut dyn FrameSink,
        observer: &mut dyn RenderObserver,
    ) -> Result<StageReport, RenderError> {
        let (job, plan) = (self.job, self.plan);
        let transitions = transitions(job, plan);
        let guidance_rescale = job.guidance_rescale.unwrap_or_default();
        let options = BlendOptions::default()
            .with_spacing(job.spacing)
            .with_distance(job.distance)
            .with_crossfeed(job.crossfeed)
            .with_guidance_rescale(guidance_rescale)
            .with_guidance_every(job.guidance_every);
        self.expect(&transitions, &options);
        let model = &self.pipeline.uncached;
        for note in embedding_notes(job, model.directory(), model.tokenizer())? {
            proceed(observer.event(&RenderEvent::Embedding(&note)))?;
        }
        let lora_strengths = job.keyframe_lora_strengths();
        let prompts = Prompts::encode(
            job,
            &lora_strengths,
            &mut self.pipeline,
            self.folder,
            observer,
        )?;
        let denoising = Denoising {
            sampler: job.sampler,
            schedule: schedule(job, self.pipeline.uncached.directory()),
            steps: plan.steps(),
            guidance_rescale,
            guidance_every: job.guidance_every,
        };
        self.pictures.encode(&mut self.pipeline)?;
        if let Some(start) = late_start(job, plan.steps(), self.pipeline.uncached.directory()) {
            proceed(observer.event(&RenderEvent::LateStart(start)))?;
        }
        let mut keyframes = JobKeyframes {
            job,
            prompts,
            lora_strengths,
            shape: self.pipeline.uncached.latent_shape(),
            initial_noise: denoising.initial_noise()?,
            channels: self.channels.take(),
            inverted: RecordSpool::new(self.folder, KEPT_IN_MEMORY),
            places: BTreeMap::new(),
        };
        let inverted = self.invert(&mut keyframes, &denoising, observer)?;
        let walk = StageWalk {
            keyframes_ahead: keyframes.count(),
            transitions: &transitions,
            options,
            denoising: &denoising,
            span: &FrameSpan::whole,
            frames: match shows_film {
                true => plan.pictures(),
                false => plan.first_stage_frames(),
            },
            in_betweens: match shows_film {
                true => plan.in_betweens.clone(),
                false => vec![0; transitions.len()],
            },
            has_job_keyframes: true,
            shows_film,
        };
        let decoder = FrameDecoder::new(&self.pipeline, self.mode, self.pictures);
        let mut report = walk.run(&mut keyframes, &mut self.pipeline, decoder, sink, observer)?;
        report.statistics = report.statistics + inverted;
        Ok(report)
    }

    /// Announces what the model will be asked for.
    fn expect(&mut self, transitions: &[Transition], options: &BlendOptions) {
        let (job, steps) = (self.job, self.plan.steps());
        let scales: Vec<f64> = job.keyframes.iter().map(|at| at.guidance_scale).collect();
        let pictures = self.pictures.indices().map(|index| scales[index]);
        let pictures: Vec<f64> = pictures.collect();
        let pipeline = &mut self.pipeline.uncached;
        let limit = pipeline.batch_limit();
        let outline = FilmOutline::new(transitions, scales).with_steps(steps);
        let rows = outline.call_rows(limit, options);
        pipeline.expect_rows(rows.with_inversion(pictures.iter().copied(), limit));
        let evaluations = job.inversion().model_evaluations(1, steps);
        let mut batches = outline.batches(limit, options);
        batches.extend(BatchSteps::of_inversion(&pictures, evaluations, limit));
        pipeline.expect_batches(batches);
    }

    /// Inverts the keyframes that are pictures: their initial latents become noise.
    fn invert(
        &mut self,
        keyframes: &mut JobKeyframes<'_>,
        denoising: &Denoising,
        observer: &mut dyn RenderObserver,
    ) -> Result<BlendReport, RenderError> {
        let (pictures, shape) = (&self.pictures, keyframes.shape);
        let indices: Vec<usize> = pictures.indices().collect();
        let mut inverted = std::mem::replace(
            &mut keyframes.inverted,
            RecordSpool::new(self.folder, KEPT_IN_MEMORY),
        );
        let mut places = BTreeMap::new();
        let report = self.pipeline.invert(
            indices.len(),
            &|picture| {
                let clean = pictures.clean_latents(picture, shape)?;
                keyframes.starting_from(indices[picture], clean)
            },
            &mut |picture, latents| {
                places.insert(indices[picture], inverted.push_values(latents.values())?);
                Ok(())
            },
            denoising,
            &self.job.inversion(),
            observer,
        )?;
        (keyframes.inverted, keyframes.places) = (inverted, places);
        Ok(report)
    }
}

/// The keyframes of a job. Each is made when the engine asks for it, so that only a few are in memory at a
/// time.
struct JobKeyframes<'a> {
    job: &'a Job,
    prompts: Prompts<'a>,
    /// The strengths of the model's LoRAs for each keyframe.
    lora_strengths: Vec<Vec<f32>>,
    shape: LatentShape,
    /// The standard deviation of the noise from which the sampler starts.
    initial_noise: f64,
    channels: Option<Latents>,
    /// The initial latents of keyframes that are pictures, and where those of each keyframe are.
    inverted: RecordSpool,
    places: BTreeMap<usize, usize>,
}

impl JobKeyframes<'_> {
    /// A keyframe with the noise of its seed, or that from which its picture is made.
    fn make(&self, index: usize) -> Result<Keyframe, RenderError> {
        let initial_latents = match self.places.get(&index) {
            Some(&place) => self.inverted.latents(place, self.shape)?,
            None => {
                let Job { keyframes, .. } = self.job;
                let (seed, shape) = (keyframes[index].seed, self.shape);
                let noise = match keyframes[index].variation {
                    None => noise::initial_latents(seed, shape),
                    Some(to) => noise::varied_latents(seed, to.seed, to.strength, shape),
                };
                noise.map_err(BlendError::from)?.scaled(self.initial_noise)
            }
        };
        self.starting_from(index, initial_latents)
    }

    fn starting_from(
        &self,
        index: usize,
        initial_latents: Latents,
    ) -> Result<Keyframe, RenderError> {
        let keyframe = &self.job.keyframes[index];
        let strengths = &self.lora_strengths[index];
        Ok(Keyframe {
            conditioning: self.prompts.of(&keyframe.prompt, strengths)?,
            negative_conditioning: self.prompts.of(&keyframe.negative_prompt, strengths)?,
            guidance_scale: keyframe.guidance_scale,
            initial_latents,
            concatenated: self.channels.clone(),
            lora_strengths: strengths.clone(),
        })
    }
}

impl KeyframeSource for JobKeyframes<'_> {
    fn count(&self) -> usize {
        self.job.keyframes.len()
    }

    fn guidance_scale(&self, index: usize) -> f64 {
        self.job.keyframes[index].guidance_scale
    }

    fn keyframe(&mut self, index: usize) -> Result<Keyframe, KeyframeError> {
        self.make(index).map_err(KeyframeError::new)
    }
}

/// The transitions as the engine takes them.
fn transitions(job: &Job, plan: &Plan) -> Vec<Transition> {
    let transitions = job.transitions.iter().zip(&plan.profiles);
    transitions
        .map(|(transition, profile)| Transition {
            profile: profile.clone(),
            guidance_damper: transition.guidance_damper,
        })
        .collect()
}
