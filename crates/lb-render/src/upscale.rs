//! The second stage of an upscaled film: the computed frames of the first one become keyframes.
//!
//! Every pair of neighbouring frames is a transition. All keyframes start from the same noise, and their
//! prompts are mixed as in the first stage; the pictures of low resolution in their concatenated
//! channels determine what they show.

mod low_res_frames;

use std::path::Path;

use lb_blend::{
    Backend, BlendError, BlendOptions, Conditioning, FilmOutline, Keyframe, KeyframeError,
    KeyframeSource, Transition, lerp,
};
use lb_job::{EmbeddingFile, Job, Plan, Upscale};
use lb_models::{
    LARGEST_SIDE, ModelDirectory, ModelError, ModelKind, PipelineOptions, UpscaleNoise,
    low_res_channels,
};
use lb_schedule::{GuidanceRescale, guidance_scale_between};

pub(crate) use self::low_res_frames::{LowResFrames, LowResPictures};
use crate::cached_pipeline::{CachedPipeline, Denoising, Pipelines};
use crate::error::RenderError;
use crate::frames::FrameDecoder;
use crate::modes::Mode;
use crate::observe::{RenderEvent, RenderObserver, Stage, proceed};
use crate::picture_keyframes::KeyframePictures;
use crate::position::FramePosition;
use crate::prompts::Prompts;
use crate::sinks::FrameSink;
use crate::stage::{StageReport, StageWalk};

/// The model and the settings for upscaling a job's frames, which have been validated.
pub(crate) struct Upscaler<'a> {
    upscale: &'a Upscale,
    directory: &'a ModelDirectory,
    /// Width and height of the film.
    size: (usize, usize),
}

impl<'a> Upscaler<'a> {
    /// Validates a model as the upscaler of frames of this width and height.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`] for a model that is no upscaler, [`ModelError::NoiseLevel`] for a
    /// noise level that it does not have, and [`RenderError::LowResSize`] for frames that it cannot
    /// enlarge.
    pub(crate) fn new(
        upscale: &'a Upscale,
        directory: &'a ModelDirectory,
        (width, height): (usize, usize),
    ) -> Result<Self, RenderError> {
        directory.require_kind(ModelKind::Upscale, "upscaling")?;
        if let Some(most) = directory
            .upscaler
            .as_ref()
            .map(|config| config.max_noise_level)
            && upscale.noise_level > most
        {
            let found = upscale.noise_level;
            return Err(ModelError::NoiseLevel { found, most }.into());
        }
        let factor = directory.pixels_per_latent;
        let most = LARGEST_SIDE / factor;
        let fits = |side: usize| (1..=most).contains(&side);
        if !fits(width) || !fits(height) {
            return Err(RenderError::LowResSize {
                width,
                height,
                most,
            });
        }
        Ok(Self {
            upscale,
            directory,
            size: (width * factor, height * factor),
        })
    }
}

/// A second stage that is ready to run: its pipeline is open.
pub(crate) struct SecondStage<'a> {
    job: &'a Job,
    upscale: &'a Upscale,
    pipeline: CachedPipeline,
}

impl<'a> SecondStage<'a> {
    /// Opens a stage; loads nothing. Prompts may name those of the job's embeddings that fit the upscaler's text encoder.
    pub(crate) fn open(
        job: &'a Job,
        upscaler: Upscaler<'a>,
        pipelines: &Pipelines<'_>,
        observer: &mut dyn RenderObserver,
    ) -> Result<Self, RenderError> {
        let Upscaler {
            upscale,
            directory,
            size,
        } = upscaler;
        let options = |options: &mut PipelineOptions| options.noise_level = upscale.noise_level;
        let directory = with_fitting_embeddings(directory, &job.embeddings)?;
        Ok(Self {
            job,
            upscale,
            pipeline: pipelines.open(&directory, size, options, false, observer)?,
        })
    }

    /// Width and height of the film in pixels.
    pub(crate) fn picture_size(&self) -> (usize, usize) {
        self.pipeline.uncached.picture_size()
    }

    /// Computes the film's frames from those of low resolution. What does not fit into memory is kept in
    /// `folder`.
    pub(crate) fn run(
        mut self,
        low_res: &LowResFrames,
        plan: &Plan,
        folder: &Path,
        sink: &mut dyn FrameSink,
        observer: &mut dyn RenderObserver,
    ) -> Result<StageReport, RenderError> {
        let transitions = low_res.pairs();
        proceed(observer.event(&RenderEvent::Stage(Stage::Upscaling { transitions })))?;
        let prompts = Prompts::encode(self.job, &[], &mut self.pipeline, folder, observer)?;
        let profile = self.upscale.profile()?;
        let denoising = Denoising {
            sampler: self.job.sampler,
            schedule: self.pipeline.uncached.directory().schedule.clone(),
            steps: profile.steps(),
            guidance_rescale: GuidanceRescale::OFF,
            guidance_every: self.job.guidance_every,
        };
        // The film's damper is already in the guidance scales of the keyframes, so the transitions
        // between them have none.
        let transitions = vec![Transition::new(profile, 1.0); transitions];
        let mut keyframes = UpscaledKeyframes {
            job: self.job,
            low_res,
            prompts,
            initial_noise: denoising.initial_noise()?,
            noise: self.pipeline.uncached.upscale_noise(self.upscale.seed)?,
            directory: self.pipeline.uncached.directory().clone(),
            noise_level: self.upscale.noise_level,
        };
        let limit = self.pipeline.uncached.batch_limit();
        let outline = FilmOutline::of_source(&transitions, &keyframes);
        let options = BlendOptions::default()
            .with_spacing(self.job.spacing)
            .with_distance(self.job.distance)
            .with_guidance_every(self.job.guidance_every);
        let rows = outline.call_rows(limit, &options);
        self.pipeline.uncached.expect_rows(rows);
        let batches = outline.batches(limit, &options);
        self.pipeline.uncached.expect_batches(batches);
        let walk = StageWalk {
            transitions: &transitions,
            options,
            denoising: &denoising,
            span: &|pair| low_res.span(pair),
            keyframes_ahead: KEYFRAMES_AHEAD,
            frames: plan.pictures(),
            in_betweens: low_res.shares(&plan.in_betweens),
            has_job_keyframes: false,
            shows_film: true,
        };
        let decoder = FrameDecoder::new(&self.pipeline, Mode::Text, KeyframePictures::none());
        walk.run(&mut keyframes, &mut self.pipeline, decoder, sink, observer)
    }
}

/// The upscaler with those embeddings that fit its text encoder. The others are for the model of the first stage,
/// and their names are ordinary words here.
fn with_fitting_embeddings(
    upscaler: &ModelDirectory,
    embeddings: &[EmbeddingFile],
) -> Result<ModelDirectory, RenderError> {
    let mut fitting = Vec::new();
    for embedding in embeddings {
        let named = (&embedding.path, embedding.name.clone());
        match upscaler.clone().with_embeddings([named.clone()]) {
            Ok(_) => fitting.push(named),
            Err(
                ModelError::EmbeddingWidth { .. }
                | ModelError::EmbeddingLength { .. }
                | ModelError::EmbeddingOfOnnx { .. },
            ) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(upscaler.clone().with_embeddings(fitting)?)
}

/// The number of keyframes that are made before the work begins, to find out whether the upscaler has to
/// be loaded. It is limited because each one takes megabytes of memory and the time to read a picture.
const KEYFRAMES_AHEAD: usize = 17;

/// Keyframes made from frames of low resolution. Each is made when the engine asks for it, so that only
/// a few are in memory at a time.
struct UpscaledKeyframes<'a> {
    job: &'a Job,
    low_res: &'a LowResFrames,
    /// Encoded by the upscaler's own text encoder.
    prompts: Prompts<'a>,
    noise: UpscaleNoise,
    /// The standard deviation of the noise from which the sampler starts.
    initial_noise: f64,
    /// The upscaler.
    directory: ModelDirectory,
    noise_level: usize,
}

impl UpscaledKeyframes<'_> {
    /// The job's keyframes around a frame of low resolution, and its position between them.
    fn neighbours(&self, index: usize) -> (&lb_job::Keyframe, &lb_job::Keyframe, FramePosition) {
        let position = self.low_res.position(index);
        let keyframes = &self.job.keyframes;
        let left = &keyframes[position.transition];
        let right = &keyframes[(position.transition + 1) % keyframes.len()];
        (left, right, position)
    }

    fn make(&self, index: usize) -> Result<Keyframe, RenderError> {
        let (left, right, FramePosition { fraction, .. }) = self.neighbours(index);
        let picture = self.low_res.picture(index)?;
        let upscaler = self.directory.upscaler.as_ref();
        let schedule = upscaler.map(|config| config.low_res_schedule.clone());
        let channels = low_res_channels(
            &picture,
            &self.noise.low_res,
            &schedule.unwrap_or_default(),
            self.noise_level,
        )?;
        Ok(Keyframe {
            conditioning: self.mixed(&left.prompt, &right.prompt, fraction)?,
            negative_conditioning: self.mixed(
                &left.negative_prompt,
                &right.negative_prompt,
                fraction,
            )?,
            guidance_scale: self.guidance_scale(index),
            initial_latents: self
                .noise
                .initial_latents
                .clone()
                .scaled(self.initial_noise),
            concatenated: Some(channels),
            lora_strengths: Vec::new(),
        })
    }

    /// The conditionings of two prompts, mixed as in the first stage.
    fn mixed(&self, left: &str, right: &str, fraction: f64) -> Result<Conditioning, RenderError> {
        let (left, right) = (self.prompts.of(left, &[])?, self.prompts.of(right, &[])?);
        let mut mixed = left.clone();
        lerp(&left.values, &right.values, fraction, &mut mixed.values).map_err(BlendError::from)?;
        Ok(mixed)
    }
}

impl KeyframeSource for UpscaledKeyframes<'_> {
    fn count(&self) -> usize {
        self.low_res.count()
    }

    /// The guidance scale of the first stage at this frame.
    fn guidance_scale(&self, index: usize) -> f64 {
        let (left, right, position) = self.neighbours(index);
        let scales = [left.guidance_scale, right.guidance_scale];
        let damper = self.job.transitions[position.transition].guidance_damper;
        guidance_scale_between(scales, damper, position.fraction)
    }

    fn keyframe(&mut self, index: usize) -> Result<Keyframe, KeyframeError> {
        self.make(index).map_err(KeyframeError::new)
    }
}
