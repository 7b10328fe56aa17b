//! A model's components as the engine's [`Backend`], with its tokenizer and autoencoder.

use std::sync::Arc;
use std::time::{Duration, Instant};

use image::RgbImage;
use lb_blend::{
    Backend, BackendError, BatchSteps, CallRows, Conditioning, LatentShape, Latents, PredictRequest,
};
use lb_checkpoint::{Component, ModelKind};
use lb_prompt::Prompt;

use crate::component_origin::ComponentOrigin;
use crate::concatenated_channels::{
    MaskedPicture, UpscaleNoise, channels_of, depth_channel, low_res_channels, masked_picture,
};
use crate::device::CallSizing;
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::options::{PipelineOptions, SettledOptions};
use crate::picture::{self, GreyPicture};
use crate::picture_decoder::{CallSize, PictureDecoder};
use crate::pool::{Lease, ModelPool};
use crate::session::SessionTimes;
use crate::text_encoder::TextEncoder;
use crate::tokenizer::{Tokenizer, Tokens};
use crate::unet::{Unet, compiled_rows, shape_profile};
use crate::vae::VaeEncoder;

/// Tokenizer, text encoder, UNet and autoencoder of one model directory, each taken out of a
/// [`ModelPool`] when it is first needed. The text encoder and the VAE encoder go back after use, the
/// UNet when the pipeline is dropped.
pub struct Pipeline {
    pool: ModelPool,
    directory: ModelDirectory,
    shape: LatentShape,
    options: PipelineOptions,
    session: SettledOptions,
    tokenizer: Arc<Tokenizer>,
    unet: Option<Lease<Unet>>,
    expected_rows: Option<CallRows>,
    expected_batches: Vec<BatchSteps>,
    /// Tokens of every conditioning.
    expected_tokens: usize,
    decoder: PictureDecoder,
    /// Empty until they are first asked for.
    channel_weights: Vec<f64>,
    /// The times of sessions that were given back.
    past_times: SessionTimes,
    /// The time that was saved by loading sessions at the same time: the sum of what each took, less the time
    /// that passed.
    overlap: Duration,
}

impl Pipeline {
    /// Opens a pipeline for pictures of `width` × `height` pixels: settles on a device that works
    /// here and reads the tokenizer, no weights yet. Sessions are those of `pool`.
    ///
    /// # Errors
    /// [`ModelError::NoiseLevel`] for a level that an upscaler does not have,
    /// [`ModelError::DeviceUnavailable`] for a device that cannot be used, and the errors of
    /// [`PipelineOptions::validate`], [`ModelDirectory::latent_shape`] and [`Tokenizer::of`].
    pub fn open(
        pool: &ModelPool,
        directory: ModelDirectory,
        width: usize,
        height: usize,
        options: PipelineOptions,
    ) -> Result<Self, ModelError> {
        options.validate()?;
        if let Some(most) = directory
            .upscaler
            .as_ref()
            .map(|config| config.max_noise_level)
            && options.noise_level > most
        {
            let found = options.noise_level;
            return Err(ModelError::NoiseLevel { found, most });
        }
        let shape = directory.latent_shape(width, height)?;
        let tokenizer = pool.tokenizer(&directory)?;
        let expected_tokens = directory.text_length;
        let session = pool.settle(&options.session)?;
        let asked = options.batch_limit.unwrap_or(usize::MAX);
        let call_size = match session.device.provider().call_sizing {
            CallSizing::Planned => {
                CallSize::Fixed(rows_of(DECODED_AREA_WHERE_PLANNED, shape).min(DECODED_ROWS))
            }
            CallSizing::Any => CallSize::AtMost(rows_of(DECODED_AREA, shape)),
            // Four pictures at once gain less than a tenth on a CPU, and a keyframe by itself would lose.
            CallSizing::Compiled => CallSize::Fixed(1),
        };
        let decoder = PictureDecoder::new(
            pool.clone(),
            directory.clone(),
            session.clone(),
            shape,
            call_size.limited_to(asked),
            options.tiling,
        );
        Ok(Self {
            pool: pool.clone(),
            directory,
            shape,
            options,
            session,
            tokenizer,
            unet: None,
            expected_rows: None,
            expected_batches: Vec::new(),
            expected_tokens,
            decoder,
            channel_weights: Vec::new(),
            past_times: SessionTimes::default(),
            overlap: Duration::ZERO,
        })
    }

    /// The model directory.
    #[must_use]
    pub fn directory(&self) -> &ModelDirectory {
        &self.directory
    }

    /// The shape of this pipeline's latents.
    #[must_use]
    pub fn latent_shape(&self) -> LatentShape {
        self.shape
    }

    /// Width and height of this pipeline's pictures, in pixels.
    #[must_use]
    pub fn picture_size(&self) -> (usize, usize) {
        let scale = self.directory.pixels_per_latent;
        (self.shape.width * scale, self.shape.height * scale)
    }

    /// The token ids of a prompt without marks, and the part of it that was cut off.
    ///
    /// # Errors
    /// The errors of [`Tokenizer::tokenize`].
    pub fn tokenize(&self, prompt: &str) -> Result<Tokens, ModelError> {
        self.tokenizer.tokenize(prompt)
    }

    /// The token ids of a prompt.
    ///
    /// # Errors
    /// The errors of [`Tokenizer::tokenize_prompt`].
    pub fn tokenize_prompt(&self, prompt: &Prompt) -> Result<Tokens, ModelError> {
        self.tokenizer.tokenize_prompt(prompt)
    }

    /// The model's tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The conditioning of each prompt. Equal prompts are encoded once.
    ///
    /// On CUDA, if batches are expected, [`Self::load`] goes on at the same time.
    ///
    /// # Errors
    /// [`ModelError`] if the text encoder cannot be loaded or run, or on CUDA another component.
    pub fn encode(&mut self, prompts: &[Tokens]) -> Result<Vec<Conditioning>, ModelError> {
        let mut different: Vec<Tokens> = Vec::new();
        let mut indices = Vec::with_capacity(prompts.len());
        for prompt in prompts {
            let is_same = |known: &Tokens| {
                known.ids == prompt.ids
                    && known.weights == prompt.weights
                    && known.vectors == prompt.vectors
                    && known.lora_strengths == prompt.lora_strengths
            };
            let known = different.iter().position(is_same);
            indices.push(known.unwrap_or(different.len()));
            if known.is_none() {
                different.push(prompt.clone());
            }
        }
        let (pool, directory) = (self.pool.clone(), self.directory.clone());
        let session = self.session.clone();
        let encode = || {
            let session = session.of(Component::TextEncoder);
            let mut encoder: Lease<TextEncoder> = pool.take(&directory, &session, None, None)?;
            let encoded = encoder.encode(&different)?;
            Ok((encoded, encoder.give_back()))
        };
        let loads_ahead = self.plans_each_size() && !self.expected_batches.is_empty();
        let (before, begun) = (self.times(), Instant::now());
        let (encoded, times) = match loads_ahead {
            true => match side_by_side(encode, || self.load()) {
                Err(ModelError::OutOfMemory { .. }) => {
                    self.unload();
                    encode()?
                }
                loaded => loaded?.0,
            },
            false => encode()?,
        };
        self.past_times += times;
        self.count_overlap(before, begun.elapsed());
        let encoded = indices.into_iter().map(|index| encoded[index].clone());
        Ok(encoded.collect())
    }

    /// The latents of pictures of the pipeline's size, which decode to about the same pictures: the
    /// mean of the autoencoder's posterior times its scaling factor.
    ///
    /// # Errors
    /// [`ModelError::InputSize`] for a picture of another size, and [`ModelError`] if the VAE encoder
    /// cannot be loaded or run.
    pub fn encode_pictures(&mut self, pictures: &[RgbImage]) -> Result<Vec<Latents>, ModelError> {
        let size = self.picture_size();
        for picture in pictures {
            picture::validate_size("picture to encode", picture::size_of(picture), size)?;
        }
        let planes: Vec<_> = pictures.iter().map(picture::planes).collect();
        self.encode_planes(&planes)
    }

    fn encode_planes(&mut self, pictures: &[Vec<f32>]) -> Result<Vec<Latents>, ModelError> {
        let (size, shape) = (self.picture_size(), self.shape);
        let tiles = self.decoder.tiles(shape);
        let at_once = self.decoder.shape_at_once(shape);
        let latent_size = Some([at_once.height, at_once.width]);
        let session = self.session.of(Component::VaeEncoder);
        let mut encoder: Lease<VaeEncoder> =
            self.pool
                .take(&self.directory, &session, latent_size, None)?;
        let encode = |planes: &Vec<f32>| encoder.encode_large(planes, size, shape, tiles.as_ref());
        let encoded = pictures.iter().map(encode).collect();
        self.past_times += encoder.give_back();
        encoded
    }

    /// The 5 concatenated channels of an inpainting model: the mask, then the latents of `source`
    /// without what is repainted. Both pictures must have this pipeline's size.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`] for another kind of model, those of [`masked_picture`], and
    /// [`ModelError`] if the VAE encoder cannot be loaded or run.
    pub fn inpaint_channels(
        &mut self,
        source: &RgbImage,
        mask: &GreyPicture,
    ) -> Result<Latents, ModelError> {
        self.directory.require_kind(ModelKind::Inpaint, "a mask")?;
        let shape = self.shape;
        let step = self.directory.pixels_per_latent;
        let MaskedPicture { mask, planes } = masked_picture(source, mask, shape, step)?;
        let encoded = self.encode_planes(&[planes])?;
        let mut values = mask;
        values.extend(encoded.iter().flat_map(Latents::values));
        let channels = ModelKind::Inpaint.concatenated_channels(shape.channels);
        channels_of(shape.with_channels(channels), values)
    }

    /// The concatenated channel of a depth model, from a map of any size.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`] for another kind of model, and those of [`depth_channel`].
    pub fn depth_channel(&self, map: &GreyPicture) -> Result<Latents, ModelError> {
        self.directory
            .require_kind(ModelKind::Depth, "a depth map")?;
        depth_channel(map, self.shape)
    }

    /// The noise of an upscaled film: what all its pictures start from, and what is added to all
    /// its pictures of low resolution.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`] for another kind of model.
    pub fn upscale_noise(&self, seed: u64) -> Result<UpscaleNoise, ModelError> {
        self.directory.upscaler()?;
        UpscaleNoise::seeded(seed, self.shape)
    }

    /// The 3 concatenated channels of an upscaler: a picture of low resolution (a quarter of this
    /// pipeline's width and height), as noisy as the pipeline's noise level says.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`] for another kind of model, and those of [`low_res_channels`].
    pub fn low_res_channels(
        &self,
        picture: &RgbImage,
        noise: &UpscaleNoise,
    ) -> Result<Latents, ModelError> {
        let schedule = &self.directory.upscaler()?.low_res_schedule;
        low_res_channels(picture, &noise.low_res, schedule, self.options.noise_level)
    }

    /// The decoder of this pipeline's latents. All handles share one session.
    #[must_use]
    pub fn decoder(&self) -> PictureDecoder {
        self.decoder.clone()
    }

    /// Announces how many rows the UNet will be called with. TensorRT builds its engine for them, and
    /// then takes no others. On other devices, and once the UNet is loaded, it changes nothing.
    pub fn expect_rows(&mut self, rows: CallRows) {
        self.expected_rows = Some(rows);
    }

    /// Announces how many tokens the conditionings have: those of one chunk if it is not called. The UNet is
    /// compiled for them where it is compiled, and CUDA plans its calls. On other devices, and once the UNet is
    /// loaded, it changes nothing.
    pub fn expect_tokens(&mut self, tokens: usize) {
        self.expected_tokens = tokens;
    }

    /// Announces the batches that will be predicted. On CUDA, where a new size of call takes as long
    /// as dozens of calls, the UNet's calls then have the one or two sizes that suit them best, and on the
    /// devices of plugins the UNet is compiled for the one that does. On other devices it changes nothing.
    pub fn expect_batches(&mut self, batches: Vec<BatchSteps>) {
        self.expected_batches = batches;
        if self.call_sizing() == CallSizing::Compiled {
            self.give_unet_back();
        } else if let Some(mut unet) = self.unet.take() {
            self.choose_sizes(&mut unet);
            self.unet = Some(unet);
        }
    }

    /// Loads the UNet and the VAE decoder now rather than when they are first needed. On CUDA this
    /// happens at the same time, and their calls are planned if batches are expected.
    ///
    /// # Errors
    /// [`ModelError`] if one of them cannot be loaded.
    pub fn load(&mut self) -> Result<(), ModelError> {
        let decoder = self.decoder.clone();
        if !self.plans_each_size() {
            self.load_unet()?;
            return decoder.load();
        }
        let (before, begun) = (self.times(), Instant::now());
        // The UNet stays on this thread, because cuDNN keeps some plans for the thread that made them.
        let load_unet = || {
            self.load_unet()?;
            self.plan()
        };
        match side_by_side(|| decoder.plan(), load_unet) {
            Err(ModelError::OutOfMemory { .. }) => {
                // What was planned in large calls has taken memory that the components may lack.
                self.unload();
                self.load_unet()?;
                return decoder.load();
            }
            loaded => loaded?,
        };
        self.count_overlap(before, begun.elapsed());
        Ok(())
    }

    /// Drops what was loaded, because there is not enough memory.
    fn unload(&mut self) {
        self.unet = None;
        self.decoder.unload();
    }

    /// Loads the UNet now rather than at the first prediction.
    ///
    /// # Errors
    /// [`ModelError`] if it cannot be loaded.
    pub fn load_unet(&mut self) -> Result<(), ModelError> {
        if self.unet.is_none() {
            let wants_shapes = self.session.device.provider().wants_shapes;
            let compiled = self.compiled_rows();
            let rows = match compiled {
                Some(rows) => Some(CallRows {
                    fewest: rows,
                    usual: rows,
                    most: rows,
                }),
                None => self.expected_rows.filter(|_| wants_shapes),
            };
            let profile = rows
                .map(|rows| shape_profile(&self.directory, self.shape, self.expected_tokens, rows));
            let size = Some([self.shape.height, self.shape.width]);
            let mut unet: Lease<Unet> =
                self.pool
                    .take(&self.directory, &self.session, size, profile)?;
            unet.set_class(self.options.noise_level);
            match compiled {
                Some(rows) => unet.keep_to_size(rows),
                None => self.choose_sizes(&mut unet),
            }
            self.unet = Some(unet);
        }
        Ok(())
    }

    /// Makes the UNet's first calls, which take long, with inputs that are zero.
    fn plan(&mut self) -> Result<(), ModelError> {
        let Some(unet) = &mut self.unet else {
            return Ok(());
        };
        let directory = &self.directory;
        let concatenated_channels = directory.concatenated_channels();
        let concatenated = self.shape.with_channels(concatenated_channels);
        unet.plan(&PredictRequest {
            rows: 1,
            shape: self.shape,
            latents: &vec![0.0; self.shape.len()],
            concatenated_channels,
            concatenated: &vec![0.0; concatenated.len()],
            timestep: 0,
            tokens: self.expected_tokens,
            width: directory.text_width,
            conditioning: &vec![0.0; self.expected_tokens * directory.text_width],
            loras: directory.lora_inputs(Component::Unet),
            lora_strengths: &vec![0.0; directory.lora_inputs(Component::Unet)],
        })
    }

    /// A request with the strengths that the UNet takes: none if all LoRAs change the text encoder alone.
    fn with_lora_strengths<'r>(
        &self,
        request: &PredictRequest<'r>,
    ) -> Result<PredictRequest<'r>, ModelError> {
        let (found, expected) = (request.loras, self.directory.loras().len());
        if found != expected {
            return Err(ModelError::LoraStrengths { found, expected });
        }
        Ok(match self.directory.lora_inputs(Component::Unet) {
            0 => PredictRequest {
                loras: 0,
                lora_strengths: &[],
                ..*request
            },
            _ => *request,
        })
    }

    fn call_sizing(&self) -> CallSizing {
        self.session.device.provider().call_sizing
    }

    fn plans_each_size(&self) -> bool {
        self.call_sizing() == CallSizing::Planned
    }

    /// The rows of all calls of the UNet, if it is compiled for the batches that are expected.
    fn compiled_rows(&self) -> Option<usize> {
        let is_compiled = self.call_sizing() == CallSizing::Compiled;
        let batches = &self.expected_batches;
        (is_compiled && !batches.is_empty())
            .then(|| compiled_rows(batches, self.shape, self.call_limit()))
    }

    fn give_unet_back(&mut self) {
        if let Some(unet) = self.unet.take() {
            self.past_times += unet.give_back();
        }
    }

    fn choose_sizes(&self, unet: &mut Unet) {
        if self.call_sizing() == CallSizing::Any {
            return;
        }
        match self.expected_batches.is_empty() {
            true => unet.allow_any_size(self.call_limit()),
            false => unet.choose_sizes(&self.expected_batches, self.shape, self.call_limit()),
        }
    }

    /// The most rows of one call of the UNet.
    fn call_limit(&self) -> usize {
        let limit = self.options.batch_limit;
        limit.unwrap_or_else(|| rows_of(PREDICTED_AREA, self.shape))
    }

    /// Everything that the results of a component depend on, for caches. Nothing is loaded; of the
    /// weights, only headers are read.
    ///
    /// # Errors
    /// [`ModelError`] if the component's graph cannot be made or its files cannot be listed.
    pub fn origin(&self, component: Component) -> Result<ComponentOrigin, ModelError> {
        self.origin_in(&self.directory, component)
    }

    /// As [`Self::origin`], for the model as it is without its LoRAs. On a CPU, a row in which none of them has any
    /// strength has the same results.
    ///
    /// # Errors
    /// Those of [`Self::origin`].
    pub fn origin_without_loras(
        &self,
        component: Component,
    ) -> Result<ComponentOrigin, ModelError> {
        let none: [&std::path::Path; 0] = [];
        let directory = self.directory.clone().with_loras(none)?;
        self.origin_in(&directory, component)
    }

    /// The device that the sessions run on.
    #[must_use]
    pub fn device(&self) -> crate::device::Device {
        self.session.device
    }

    fn origin_in(
        &self,
        directory: &ModelDirectory,
        component: Component,
    ) -> Result<ComponentOrigin, ModelError> {
        ComponentOrigin::new(
            self.pool.runtime(),
            directory,
            component,
            &self.options,
            &self.session.of(component),
            self.call_limit(),
        )
    }

    /// Adds to the overlap: the time that all sessions together took since `before`, less the time that has
    /// passed.
    fn count_overlap(&mut self, before: SessionTimes, passed: Duration) {
        let total = |times: SessionTimes| times.loading + times.running;
        let taken = total(self.times()).saturating_sub(total(before));
        self.overlap += taken.saturating_sub(passed);
    }

    /// How long the sessions took that this pipeline loaded and ran so far. Sessions that the pool had
    /// loaded before cost no time for loading, and what is loaded at the same time counts once.
    #[must_use]
    pub fn times(&self) -> SessionTimes {
        let mut times = self.past_times;
        if let Some(unet) = &self.unet {
            times += unet.times();
        }
        times += self.decoder.times();
        times.loading = times.loading.saturating_sub(self.overlap);
        times
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.give_unet_back();
    }
}

impl Backend for Pipeline {
    fn batch_limit(&self) -> usize {
        match self.call_sizing() {
            CallSizing::Any => self.call_limit(),
            // The UNet divides a batch into calls itself.
            CallSizing::Planned | CallSizing::Compiled => MOST_ROWS,
        }
    }

    fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), BackendError> {
        request.validate(output).map_err(BackendError::new)?;
        let expected = self.directory.concatenated_channels();
        if request.concatenated_channels != expected {
            return Err(BackendError::new(ModelError::ConcatenatedChannels {
                kind: self.directory.kind,
                found: request.concatenated_channels,
                expected,
            }));
        }
        let request = &self
            .with_lora_strengths(request)
            .map_err(BackendError::new)?;
        self.load_unet().map_err(BackendError::new)?;
        let Some(unet) = &mut self.unet else {
            return Ok(());
        };
        unet.predict(request, output).map_err(BackendError::new)
    }

    fn channel_weights(&mut self, channels: usize) -> Result<Vec<f64>, BackendError> {
        if self.channel_weights.len() != channels {
            self.channel_weights = self.decoder.channel_weights(channels)?;
        }
        Ok(self.channel_weights.clone())
    }

    fn picture_features(
        &mut self,
        predicted_clean: &[Latents],
    ) -> Result<Vec<Vec<f32>>, BackendError> {
        let latents: Vec<&Latents> = predicted_clean.iter().collect();
        let pictures = self.decoder.decode(&latents).map_err(BackendError::new)?;
        let bytes = pictures.into_iter().map(RgbImage::into_raw);
        Ok(bytes
            .map(|bytes| bytes.into_iter().map(f32::from).collect())
            .collect())
    }
}

/// Runs both at the same time, the second on the calling thread. If both fail, the error of the first
/// is returned.
fn side_by_side<A: Send, B>(
    first: impl FnOnce() -> Result<A, ModelError> + Send,
    second: impl FnOnce() -> Result<B, ModelError>,
) -> Result<(A, B), ModelError> {
    std::thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        match first.join() {
            Ok(first) => Ok((first?, second?)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// How many latent pixels one UNet call takes if the user sets no limit: enough to fill a CPU's vector
/// units at small sizes, few enough to stay within gigabytes at large ones.
const PREDICTED_AREA: usize = 16 * 64 * 64;
/// The most rows of a call or of a batch, however small the latents are.
const MOST_ROWS: usize = 64;
/// How many latent pixels one call of the VAE decoder takes, whose activations are 64 times larger than
/// the UNet's.
const DECODED_AREA: usize = 4 * 16 * 16;
/// The same on a device that plans kernels for each size of call.
const DECODED_AREA_WHERE_PLANNED: usize = 4 * 64 * 64;
/// The most pictures of such a call. More gain little: for a picture of 512×512 pixels, an H100 takes 10.8
/// milliseconds if it decodes one at a time, and 8.3 if it decodes four. And a keyframe that is decoded by
/// itself takes as long as a full call.
const DECODED_ROWS: usize = 4;

fn rows_of(budget: usize, shape: LatentShape) -> usize {
    (budget / (shape.height * shape.width).max(1)).clamp(1, MOST_ROWS)
}
