//! The first or only stage of a film, whose keyframes are made from prompts, noise and pictures.

use lb_blend::{
    Backend, BatchSteps, BlendError, BlendOptions, BlendReport, FilmOutline, Keyframe, Latents,
    Transition, noise,
};
use lb_job::{Job, Plan};
use lb_models::ModelDirectory;

use crate::cached_pipeline::{CachedPipeline, Denoising, Pipelines};
use crate::error::RenderError;
use crate::frames::FrameDecoder;
use crate::modes::Mode;
use crate::observe::{RenderEvent, RenderObserver, proceed};
use crate::picture_keyframes::KeyframePictures;
use crate::position::FrameSpan;
use crate::sampling::{late_start, schedule};
use crate::sinks::FrameSink;
use crate::stage::{Prompts, StageReport, StageWalk};

/// A first stage that is ready to run: its pictures are read, and its pipeline is open.
pub(crate) struct FirstStage<'a> {
    job: &'a Job,
    plan: &'a Plan,
    pipeline: CachedPipeline,
    mode: Mode,
    pictures: KeyframePictures,
    /// The concatenated channels of all keyframes.
    channels: Option<Latents>,
}

impl<'a> FirstStage<'a> {
    /// Opens a stage for frames of this width and height. Only the VAE encoder of the model
    /// may be loaded, for an inpainted film.
    pub(crate) fn open(
        job: &'a Job,
        plan: &'a Plan,
        size: (usize, usize),
        directory: &ModelDirectory,
        pipelines: &Pipelines<'_>,
        observer: &mut dyn RenderObserver,
    ) -> Result<Self, RenderError> {
        directory.latent_shape(size.0, size.1)?;
        let mode = Mode::read(job, directory, size)?;
        let pictures = KeyframePictures::read(job, size, &mode)?;
        let encodes_pictures = job.inpaint.is_some() || job.pictures() > 0;
        let mut pipeline = pipelines.open(directory, size, |_| {}, encodes_pictures, observer)?;
        Ok(Self {
            channels: mode.channels(&mut pipeline)?,
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
        self.expect(&transitions);
        let prompts = Prompts::encode(job, &mut self.pipeline, observer)?;
        let denoising = Denoising {
            sampler: job.sampler,
            schedule: schedule(job, self.pipeline.uncached.directory()),
            steps: plan.steps(),
        };
        let mut keyframes = self.keyframes(&prompts, denoising.initial_noise()?)?;
        self.pictures.encode(&mut self.pipeline)?;
        if let Some(start) = late_start(job, plan.steps(), self.pipeline.uncached.directory()) {
            proceed(observer.event(&RenderEvent::LateStart(start)))?;
        }
        let inverted = self.invert(&mut keyframes, &denoising, observer)?;
        let walk = StageWalk {
            keyframes_ahead: keyframes.len(),
            transitions: &transitions,
            options: BlendOptions::default()
                .with_spacing(job.spacing)
                .with_distance(job.distance)
                .with_crossfeed(job.crossfeed),
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
    fn expect(&mut self, transitions: &[Transition]) {
        let (job, steps) = (self.job, self.plan.steps());
        let scales: Vec<f64> = job.keyframes.iter().map(|at| at.guidance_scale).collect();
        let pictures = self.pictures.indices().map(|index| scales[index]);
        let pictures: Vec<f64> = pictures.collect();
        let pipeline = &mut self.pipeline.uncached;
        let limit = pipeline.batch_limit();
        let outline = FilmOutline::new(transitions, scales).with_steps(steps);
        let rows = outline.call_rows(limit);
        pipeline.expect_rows(rows.with_inversion(pictures.iter().copied(), limit));
        let evaluations = job.inversion().model_evaluations(1, steps);
        let mut batches = outline.batches(limit);
        batches.extend(BatchSteps::of_inversion(&pictures, evaluations, limit));
        pipeline.expect_batches(batches);
    }

    /// The keyframes, each starting from the noise of its seed, which has this standard deviation.
    fn keyframes(
        &self,
        prompts: &Prompts<'_>,
        initial_noise: f64,
    ) -> Result<Vec<Keyframe>, RenderError> {
        let shape = self.pipeline.uncached.latent_shape();
        let keyframes = self.job.keyframes.iter().map(|keyframe| {
            noise::initial_latents(keyframe.seed, shape).map(|initial_latents| Keyframe {
                conditioning: prompts.of(&keyframe.prompt).clone(),
                negative_conditioning: prompts.of(&keyframe.negative_prompt).clone(),
                guidance_scale: keyframe.guidance_scale,
                initial_latents: initial_latents.scaled(initial_noise),
                concatenated: self.channels.clone(),
            })
        });
        Ok(keyframes
            .collect::<Result<_, _>>()
            .map_err(BlendError::from)?)
    }

    /// Inverts the keyframes that are pictures: their initial latents become noise.
    fn invert(
        &mut self,
        keyframes: &mut [Keyframe],
        denoising: &Denoising,
        observer: &mut dyn RenderObserver,
    ) -> Result<BlendReport, RenderError> {
        let mut pictures = Vec::new();
        for (index, keyframe) in keyframes.iter_mut().enumerate() {
            if let Some(clean) = self.pictures.clean_latents(index) {
                keyframe.initial_latents = clean.clone();
                pictures.push(keyframe);
            }
        }
        let options = self.job.inversion();
        self.pipeline
            .invert(&mut pictures, denoising, &options, observer)
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
