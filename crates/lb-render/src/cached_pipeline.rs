//! A pipeline whose results are kept in a cache.
//!
//! [`CachedPipeline`] has the expensive methods of [`Pipeline`]. Each one looks its results up, and
//! computes and saves those that are missing, so the code that calls it does not depend on the cache.
//! A component of the model is loaded when the first of its results is missing: if all results of a
//! film are in the cache, no model is loaded. Without a cache, everything is computed.
//!
//! The key of a result is made of the inputs and of the component that computes it;
//! `docs/architecture.md` has a drawing of what goes into which key.

mod content;
pub(crate) mod entries;
mod snapshots;

use std::ops::ControlFlow;
use std::rc::Rc;

use image::RgbImage;
use lb_blend::{
    Backend, BlendOptions, BlendReport, Conditioning, DdimInversion, FilmOutline, InversionOptions,
    Keyframe, Latents, StepProgress,
};
use lb_cache::{Cache, CacheEntry, ContentKey, Key, LenientCache, Memoized};
use lb_models::{
    Component, ComponentOrigin, Device, GreyPicture, ModelDirectory, ModelPool, PictureDecoder,
    Pipeline, PipelineOptions, Tokens,
};
use lb_schedule::Spacing;

use self::content::Content;
use self::entries::{ConditioningEntry, LatentsEntry, PictureEntry};
pub(crate) use self::snapshots::{CachedSnapshots, Denoising};
use self::snapshots::{UnetKeys, keyframe_key};
use crate::error::RenderError;
use crate::observe::{RenderEvent, RenderObserver, Stage, proceed};

/// A model's pipeline with a cache, and the keys of its components.
pub(crate) struct CachedPipeline {
    /// The pipeline itself, for everything that is not cached: what is cheap to compute, and single
    /// predictions, instead of which [`Self::snapshots`] are cached.
    pub(crate) uncached: Pipeline,
    cache: Rc<LenientCache>,
    text_encoder: Option<Key>,
    unet: Option<UnetKeys>,
    vae_encoder: Option<Key>,
    vae_decoder: Option<Key>,
}

/// Opens the pipelines of one render.
pub(crate) struct Pipelines<'a> {
    pool: &'a ModelPool,
    options: &'a PipelineOptions,
    cache: Rc<LenientCache>,
}

impl<'a> Pipelines<'a> {
    /// Pipelines with models from this pool, whose results are kept in a cache if there is one.
    pub(crate) fn new(
        pool: &'a ModelPool,
        options: &'a PipelineOptions,
        cache: Option<Cache>,
    ) -> Self {
        Self {
            pool,
            options,
            cache: Rc::new(LenientCache::new(cache)),
        }
    }

    /// An observer that also reports problems with the cache to `observer`, before every other event.
    pub(crate) fn observer<'b>(&self, observer: &'b mut dyn RenderObserver) -> CacheReporter<'b> {
        CacheReporter {
            cache: Rc::clone(&self.cache),
            observer,
        }
    }

    /// Opens a pipeline for pictures of this width and height; loads nothing. Weights whose hash is
    /// not in the cache yet are read to hash them.
    ///
    /// `options` can change the options of this pipeline alone, and `encodes_pictures` says whether
    /// the VAE encoder will be needed.
    pub(crate) fn open(
        &self,
        directory: &ModelDirectory,
        (width, height): (usize, usize),
        options: impl FnOnce(&mut PipelineOptions),
        encodes_pictures: bool,
        observer: &mut dyn RenderObserver,
    ) -> Result<CachedPipeline, RenderError> {
        let mut changed = self.options.clone();
        options(&mut changed);
        let pipeline = Pipeline::open(self.pool, directory.clone(), width, height, changed)?;
        let mut key = |component| match self.cache.is_on() {
            true => component_key(&self.cache, &pipeline.origin(component)?, observer),
            false => Ok(None),
        };
        let unet = key(Component::Unet)?;
        // On a GPU, other kernels may round differently.
        let is_changed = !directory.loras().is_empty() && pipeline.device() == Device::Cpu;
        let plain = match self.cache.is_on() && is_changed {
            true => {
                let origin = pipeline.origin_without_loras(Component::Unet)?;
                component_key(&self.cache, &origin, observer)?
            }
            false => unet,
        };
        let mut key = |component| match self.cache.is_on() {
            true => component_key(&self.cache, &pipeline.origin(component)?, observer),
            false => Ok(None),
        };
        Ok(CachedPipeline {
            text_encoder: key(Component::TextEncoder)?,
            unet: unet
                .zip(plain)
                .map(|(changed, plain)| UnetKeys { changed, plain }),
            vae_encoder: match encodes_pictures {
                true => key(Component::VaeEncoder)?,
                false => None,
            },
            vae_decoder: key(Component::VaeDecoder)?,
            uncached: pipeline,
            cache: Rc::clone(&self.cache),
        })
    }
}

impl CachedPipeline {
    /// The conditionings of these prompts. Those that are missing are computed together, however different
    /// their lengths are, so that the text encoder is loaded once.
    pub(crate) fn encode(&mut self, prompts: &[Tokens]) -> Result<Vec<Conditioning>, RenderError> {
        let width = self.uncached.directory().text_width;
        let encoder = self.text_encoder;
        let keys = prompts
            .iter()
            .map(|prompt| Some(conditioning_key(encoder?, prompt)));
        let keys: Vec<Option<Key>> = keys.collect();
        let entry = |at: usize| ConditioningEntry {
            tokens: prompts[at].ids.len(),
            width,
        };
        let encoded = self.cache.memoize_each(entry, &keys, |missing| {
            let missing: Vec<Tokens> = missing.iter().map(|&at| prompts[at].clone()).collect();
            Ok::<_, RenderError>(self.uncached.encode(&missing)?)
        })?;
        Ok(encoded.values)
    }

    /// The latents of these pictures, which have the pipeline's size.
    pub(crate) fn encode_pictures(
        &mut self,
        pictures: &[&RgbImage],
    ) -> Result<Vec<Latents>, RenderError> {
        let (encoder, entry) = (self.vae_encoder, self.latents_entry());
        let key = |picture: &&RgbImage| encoded_key(encoder?, "picture", &Content(*picture));
        let encoded = memoize(&self.cache, &entry, pictures, key, |missing| {
            let missing: Vec<RgbImage> = missing.iter().map(|&picture| picture.clone()).collect();
            Ok(self.uncached.encode_pictures(&missing)?)
        })?;
        Ok(encoded.values)
    }

    /// The concatenated channels of a picture that is repainted where `mask` is white.
    pub(crate) fn inpaint_channels(
        &mut self,
        picture: &RgbImage,
        mask: &GreyPicture,
    ) -> Result<Latents, RenderError> {
        let channels = self.uncached.directory().concatenated_channels();
        let entry = LatentsEntry {
            shape: self.uncached.latent_shape().with_channels(channels),
        };
        let encoder = self.vae_encoder;
        let key = |inputs: &_| encoded_key(encoder?, "inpainting", inputs);
        let inputs = [(Content(picture), Content(mask))];
        let mut made = memoize(&self.cache, &entry, &inputs, key, |_| {
            Ok(vec![self.uncached.inpaint_channels(picture, mask)?])
        })?;
        Ok(made.values.remove(0))
    }

    /// Inverts keyframes that are pictures, a group at a time. `keyframe` makes one of the `count` keyframes,
    /// whose initial latents are the encoded picture, and `finish` takes the noise from which the
    /// model would make it. Returns the cost.
    ///
    /// # Errors
    /// Those of [`lb_blend::invert`], and [`RenderError::Interrupted`] once the observer says so.
    pub(crate) fn invert(
        &mut self,
        count: usize,
        keyframe: &dyn Fn(usize) -> Result<Keyframe, RenderError>,
        finish: &mut dyn FnMut(usize, &Latents) -> Result<(), RenderError>,
        denoising: &Denoising,
        options: &InversionOptions,
        observer: &mut dyn RenderObserver,
    ) -> Result<BlendReport, RenderError> {
        let mut report = BlendReport::default();
        if count == 0 {
            // The sampler of such a film need not be one that can be inverted.
            return Ok(report);
        }
        let key = |index| match &self.unet {
            Some(unet) => {
                let keyframe = keyframe(index)?;
                Ok(Some(inversion_key(unet, denoising, options, &keyframe)))
            }
            None => Ok(None),
        };
        let keys: Vec<Option<Key>> = (0..count).map(key).collect::<Result<_, RenderError>>()?;
        let is_known = |key: &Option<Key>| key.is_some_and(|key| self.cache.contains(&key));
        let (known, missing): (Vec<usize>, Vec<usize>) =
            (0..keys.len()).partition(|&index| is_known(&keys[index]));
        let Denoising {
            sampler,
            schedule,
            steps,
            ..
        } = denoising;
        let inversion = DdimInversion::of(*sampler, schedule, *steps)?;
        let evaluations = |pictures| options.model_evaluations(pictures, denoising.steps);
        let total = evaluations(count);
        let entry = self.latents_entry();
        let mut has_begun = false;
        // Each group is one batch of the engine, so that only one batch is lost if this is stopped.
        let limit = self.uncached.batch_limit().max(1);
        let groups = known.chunks(limit).chain(missing.chunks(limit));
        for group in groups {
            let keys: Vec<Option<Key>> = group.iter().map(|&index| keys[index]).collect();
            let pipeline = &mut self.uncached;
            let inverted = self.cache.memoize(&entry, &keys, |missing| {
                if !std::mem::replace(&mut has_begun, true) {
                    proceed(observer.event(&RenderEvent::Stage(Stage::Inverting)))?;
                }
                let starts = missing.iter().map(|&at| keyframe(group[at]));
                let starts: Vec<Keyframe> = starts.collect::<Result<_, _>>()?;
                let mut steps = InversionSteps {
                    before: report.model_evaluations + report.reused_evaluations,
                    total,
                    observer: &mut *observer,
                };
                let inverted =
                    lb_blend::invert(pipeline, &inversion, &starts, options, &mut steps)?;
                report.model_evaluations += inverted.model_evaluations;
                report.predicted_rows += inverted.predicted_rows;
                report.predict_calls += inverted.predict_calls;
                Ok::<_, RenderError>(inverted.initial_latents)
            })?;
            report.reused_evaluations += evaluations(inverted.found);
            for (&index, latents) in group.iter().zip(&inverted.values) {
                finish(index, latents)?;
            }
        }
        Ok(report)
    }

    /// The decoder of this pipeline's latents, to be used while the engine has the pipeline.
    pub(crate) fn decoder(&self) -> CachedDecoder {
        CachedDecoder {
            decoder: self.uncached.decoder(),
            cache: Rc::clone(&self.cache),
            key: self.vae_decoder,
            size: self.uncached.picture_size(),
        }
    }

    /// The engine's snapshot store for a film.
    pub(crate) fn snapshots<'a>(
        &self,
        film: FilmOutline<'a>,
        options: &BlendOptions,
        denoising: &Denoising,
    ) -> CachedSnapshots<'a> {
        let measures = options.spacing == Spacing::Perceptual;
        let measured_by = self.vae_decoder.filter(|_| measures);
        let unet = self.unet.filter(|_| measured_by.is_some() == measures);
        CachedSnapshots::new(&self.cache, unet, measured_by, film, options, denoising)
    }

    /// Loads the UNet and the decoder now, rather than while blending, if any frames between the
    /// keyframes that `snapshots` knows are missing.
    pub(crate) fn load(
        &mut self,
        snapshots: &CachedSnapshots<'_>,
        observer: &mut dyn RenderObserver,
    ) -> Result<(), RenderError> {
        if snapshots.are_complete() {
            return Ok(());
        }
        proceed(observer.event(&RenderEvent::Stage(Stage::Loading)))?;
        Ok(self.uncached.load()?)
    }

    fn latents_entry(&self) -> LatentsEntry {
        LatentsEntry {
            shape: self.uncached.latent_shape(),
        }
    }
}

/// The results for these inputs. `compute` receives those inputs whose results are not in the cache.
fn memoize<I: Clone, E: CacheEntry>(
    cache: &LenientCache,
    entry: &E,
    inputs: &[I],
    key: impl Fn(&I) -> Option<Key>,
    compute: impl FnOnce(&[I]) -> Result<Vec<E::Value>, RenderError>,
) -> Result<Memoized<E::Value>, RenderError> {
    let keys: Vec<Option<Key>> = inputs.iter().map(key).collect();
    cache.memoize(entry, &keys, |missing| {
        let missing: Vec<I> = missing.iter().map(|&at| inputs[at].clone()).collect();
        compute(&missing)
    })
}

/// The key of a prompt's conditioning. Without weights, LoRAs and embeddings, it is made of the ids alone.
fn conditioning_key(encoder: Key, prompt: &Tokens) -> Key {
    let Tokens {
        ids,
        weights,
        vectors,
        lora_strengths,
        ..
    } = prompt;
    let mut key = Key::of(ConditioningEntry::KIND, &(encoder, ids.as_slice()));
    for (what, values) in [
        ("weights", weights),
        ("LoRAs", lora_strengths),
        ("embeddings", vectors),
    ] {
        if !values.is_empty() {
            key = Key::of(ConditioningEntry::KIND, &(what, key, values.as_slice()));
        }
    }
    key
}

/// The key of the VAE encoder's result for this content and purpose.
fn encoded_key(encoder: Key, purpose: &str, content: &impl ContentKey) -> Option<Key> {
    Some(Key::of(LatentsEntry::KIND, &(purpose, encoder, content)))
}

/// The VAE decoder of a [`CachedPipeline`].
pub(crate) struct CachedDecoder {
    decoder: PictureDecoder,
    cache: Rc<LenientCache>,
    key: Option<Key>,
    /// Width and height of every picture.
    size: (usize, usize),
}

impl CachedDecoder {
    /// The pictures of these latents, and how many of them were in the cache.
    pub(crate) fn decode(&self, latents: &[&Latents]) -> Result<Memoized<RgbImage>, RenderError> {
        let entry = PictureEntry { size: self.size };
        let key = |latents: &&Latents| {
            let content = (self.key?, Content(*latents));
            Some(Key::of(PictureEntry::KIND, &content))
        };
        memoize(&self.cache, &entry, latents, key, |missing| {
            Ok(self.decoder.decode(missing)?)
        })
    }
}

/// See [`Pipelines::observer`].
pub(crate) struct CacheReporter<'a> {
    cache: Rc<LenientCache>,
    observer: &'a mut dyn RenderObserver,
}

impl RenderObserver for CacheReporter<'_> {
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        for problem in self.cache.take_problems() {
            self.observer
                .event(&RenderEvent::Cache { problem: &problem })?;
        }
        self.observer.event(event)
    }
}

/// Reports the steps of one batch as steps of all inversions of a film.
struct InversionSteps<'a> {
    observer: &'a mut dyn RenderObserver,
    /// Model evaluations before this batch.
    before: usize,
    /// Model evaluations of all inversions.
    total: usize,
}

impl lb_blend::Observer for InversionSteps<'_> {
    fn step(&mut self, progress: &StepProgress) -> ControlFlow<()> {
        let mut progress = *progress;
        progress.model_evaluations += self.before;
        progress.total_model_evaluations = self.total;
        self.observer.event(&RenderEvent::Step(&progress))
    }
}

/// The key of a component, which differs for other weights, another runtime or another device. It is
/// `None` if the weights cannot be read.
fn component_key(
    cache: &LenientCache,
    origin: &ComponentOrigin,
    observer: &mut dyn RenderObserver,
) -> Result<Option<Key>, RenderError> {
    let mut files = Vec::with_capacity(origin.files.len());
    for path in &origin.files {
        let hash = cache.file_hash(path, |progress| {
            observer.event(&RenderEvent::Weights {
                path: progress.path,
                done: progress.done,
                total: progress.total,
            })
        });
        match hash {
            ControlFlow::Continue(Some(hash)) => files.push(hash),
            ControlFlow::Continue(None) => return Ok(None),
            ControlFlow::Break(()) => return Err(RenderError::Interrupted),
        }
    }
    let content = (origin.description.as_slice(), files);
    Ok(Some(Key::of(COMPONENT, &content)))
}

/// The kind of the keys of components, which are parts of other keys.
const COMPONENT: lb_cache::EntryKind = lb_cache::EntryKind::new("component", 1);

/// The key of the noise from which the model would make a picture. The keyframe's initial latents are the
/// encoded picture.
fn inversion_key(
    unet: &UnetKeys,
    denoising: &Denoising,
    options: &InversionOptions,
    picture: &Keyframe,
) -> Key {
    let denoising = denoising.with_guidance_at_every_step();
    let denoiser = Key::of(COMPONENT, &("denoiser", unet.of(picture), &denoising));
    let content = (
        "inverted",
        keyframe_key(&denoiser, picture),
        Content(options),
    );
    Key::of(LatentsEntry::KIND, &content)
}
