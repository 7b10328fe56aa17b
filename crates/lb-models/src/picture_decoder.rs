//! The VAE decoder as a handle of its own, because pictures are decoded while the engine has the rest
//! of the pipeline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image::RgbImage;
use lb_blend::noise::initial_latents;
use lb_blend::{BackendError, CallRows, LatentShape, Latents};
use lb_export::Precision;

use crate::device::{CallSizing, InputShape, ShapeProfile};
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::options::SettledOptions;
use crate::pool::{Lease, ModelPool};
use crate::session::SessionTimes;
use crate::tiles::{DecodeTiling, Tiles};
use crate::vae::VaeDecoder;

/// Side of the latents that channels are weighed with: small enough to cost nothing beside a film,
/// large enough for what the decoder's convolutions and attention see.
const PROBE_SIDE: usize = 16;
/// How far a channel is moved: far enough to survive rounding to bytes, not so far that the decoder
/// answers differently.
const PROBE_CHANGE: f32 = 0.3;

/// Decodes latents to pictures while the engine holds the [`Pipeline`](crate::Pipeline).
///
/// Clones share one session, or one for each size of latents on devices whose graphs are written for one
/// size. A session is taken out of the pool when the first picture is asked for, and goes back when the
/// last clone is dropped.
#[derive(Clone)]
pub struct PictureDecoder {
    shared: Arc<Shared>,
}

/// How many latents one call of the decoder has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CallSize {
    /// As many as there are, but no more than this.
    AtMost(usize),
    /// Always this many. The last call is padded.
    Fixed(usize),
}

impl CallSize {
    /// The same, but no larger than `most`.
    pub(crate) fn limited_to(self, most: usize) -> Self {
        match self {
            Self::AtMost(size) => Self::AtMost(size.min(most)),
            Self::Fixed(size) => Self::Fixed(size.min(most)),
        }
    }

    /// The most latents of a call.
    fn most(self) -> usize {
        match self {
            Self::AtMost(size) | Self::Fixed(size) => size,
        }
    }

    /// The fewest rows of a call.
    fn fewest(self) -> usize {
        match self {
            Self::AtMost(_) => 1,
            Self::Fixed(size) => size,
        }
    }
}

struct Shared {
    pool: ModelPool,
    directory: ModelDirectory,
    options: SettledOptions,
    /// The shape of the film's latents.
    shape: LatentShape,
    call_size: CallSize,
    tiling: DecodeTiling,
    decoders: Mutex<Vec<KeptDecoder>>,
    /// Whether there was no memory for a call of several latents.
    one_by_one: AtomicBool,
}

/// A decoder that was needed before.
struct KeptDecoder {
    /// The height and width of the latents that it takes; `None` if it takes any.
    size: Option<[usize; 2]>,
    numbers: Numbers,
    decoder: Lease<VaeDecoder>,
}

/// The precision of a decoder's graph, and whether the device may compute in narrower numbers.
type Numbers = (Precision, bool);

impl Drop for Shared {
    fn drop(&mut self) {
        let decoders = self.decoders.get_mut();
        let decoders = decoders.unwrap_or_else(PoisonError::into_inner);
        for kept in decoders.drain(..) {
            kept.decoder.give_back();
        }
    }
}

impl PictureDecoder {
    pub(crate) fn new(
        pool: ModelPool,
        directory: ModelDirectory,
        options: SettledOptions,
        shape: LatentShape,
        call_size: CallSize,
        tiling: DecodeTiling,
    ) -> Self {
        let shared = Shared {
            pool,
            directory,
            options,
            shape,
            call_size,
            tiling,
            decoders: Mutex::default(),
            one_by_one: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Loads the session now rather than at the first picture.
    ///
    /// # Errors
    /// [`ModelError`] if it cannot be loaded.
    pub fn load(&self) -> Result<(), ModelError> {
        let shared = &*self.shared;
        shared.usual(&mut self.lock(), shared.shape)?;
        Ok(())
    }

    /// Loads the session, and makes the first call for the film's latents, which takes long.
    pub(crate) fn plan(&self) -> Result<(), ModelError> {
        let (shared, mut decoders) = (&*self.shared, self.lock());
        let rows = match self.tiles(shared.shape) {
            Some(_) => 1,
            None => shared.call_size.fewest(),
        };
        let decoder = shared.usual(&mut decoders, shared.shape)?;
        decoder.plan(self.shape_at_once(shared.shape), rows)
    }

    /// Drops the session, because there is not enough memory. From now on, latents are decoded one by one.
    pub(crate) fn unload(&self) {
        self.lock().clear();
        self.shared.one_by_one.store(true, Ordering::Relaxed);
    }

    /// Decodes latents of one shape, in calls of at most the batch limit. On CUDA all calls have one
    /// size, as a new one takes long; see [`Pipeline::expect_batches`](crate::Pipeline::expect_batches).
    /// Large ones are decoded one by one, in tiles ([`DecodeTiling`]).
    ///
    /// Pictures with values that are not finite in 16-bit floats are decoded once more in 32-bit floats.
    ///
    /// # Errors
    /// [`ModelError`] if a session cannot be loaded or run, or returns values that are not finite in
    /// 32-bit floats either.
    pub fn decode(&self, latents: &[&Latents]) -> Result<Vec<RgbImage>, ModelError> {
        let Some(first) = latents.first() else {
            return Ok(Vec::new());
        };
        let shape = first.shape();
        if let Some(other) = latents.iter().find(|other| other.shape() != shape) {
            let what = "latents to decode together";
            return Err(ModelError::shape(what, other.shape(), shape));
        }
        let (shared, mut decoders) = (&*self.shared, self.lock());
        let decoded = shared.decode(shared.usual(&mut decoders, shape)?, latents)?;
        let overflowing = decoded.iter().zip(latents);
        let overflowing = overflowing.filter(|(picture, _)| picture.is_none());
        let overflowing: Vec<&Latents> = overflowing.map(|(_, latents)| *latents).collect();
        if overflowing.is_empty() {
            return Ok(decoded.into_iter().flatten().collect());
        }
        let wide = shared.wide(&mut decoders, shape)?;
        let again: Option<Vec<RgbImage>> = shared.decode(wide, &overflowing)?.into_iter().collect();
        let mut again = again.ok_or_else(|| wide.not_finite())?.into_iter();
        let pictures = decoded.into_iter();
        Ok(pictures
            .filter_map(|picture| picture.or_else(|| again.next()))
            .collect())
    }

    /// How strongly each latent channel shows in a picture: the mean square change of a decoded noise
    /// (seed 0) when [`PROBE_CHANGE`] × another noise (seed 1) is added to one of its channels,
    /// divided by the mean of all channels. The noises are small, or as large as the latents that the
    /// session takes if it takes one size only.
    pub(crate) fn channel_weights(&self, channels: usize) -> Result<Vec<f64>, BackendError> {
        let small = LatentShape {
            channels,
            height: PROBE_SIDE,
            width: PROBE_SIDE,
        };
        let shape = match self.shared.session_size(self.shared.shape) {
            Some([height, width]) => LatentShape {
                height,
                width,
                ..small
            },
            None => small,
        };
        let noise = |seed| initial_latents(seed, shape).map_err(BackendError::new);
        let (base, change) = (noise(0)?, noise(1)?);
        let mut probes = vec![base.clone()];
        for channel in 0..channels {
            let mut values = base.values().to_vec();
            let area = shape.height * shape.width;
            let changed = values.iter_mut().zip(change.values());
            for (value, change) in changed.skip(channel * area).take(area) {
                *value += PROBE_CHANGE * change;
            }
            probes.push(Latents::from_values(shape, values).map_err(BackendError::new)?);
        }
        let probes: Vec<&Latents> = probes.iter().collect();
        let pictures = self.decode(&probes).map_err(BackendError::new)?;
        let changes = pictures[1..].iter().map(|picture| {
            let pairs = picture.iter().zip(pictures[0].iter());
            let change = |(&changed, &base)| (f64::from(changed) - f64::from(base)).powi(2);
            pairs.map(change).sum()
        });
        let changes: Vec<f64> = changes.collect();
        let mean = changes.iter().sum::<f64>() / channels as f64;
        // With a decoder that ignores its input, all channels weigh the same.
        let weight = |change: f64| if mean > 0.0 { change / mean } else { 1.0 };
        Ok(changes.into_iter().map(weight).collect())
    }

    /// How long the decoder's sessions took so far.
    #[must_use]
    pub fn times(&self) -> SessionTimes {
        let mut times = SessionTimes::default();
        for kept in self.lock().iter() {
            times += kept.decoder.times();
        }
        times
    }

    /// The tiles in which latents of this shape are decoded and their pictures encoded; `None` if that
    /// is done whole.
    pub(crate) fn tiles(&self, shape: LatentShape) -> Option<Tiles> {
        self.shared.tiling.tiles(shape)
    }

    /// The shape of what is decoded or encoded at once of latents of this shape: that of a tile, or the
    /// whole.
    pub(crate) fn shape_at_once(&self, shape: LatentShape) -> LatentShape {
        self.shared.shape_at_once(shape)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<KeptDecoder>> {
        let decoders = self.shared.decoders.lock();
        decoders.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn shape_at_once(&self, shape: LatentShape) -> LatentShape {
        match self.tiling.tiles(shape) {
            Some(tiles) => tiles.shape(shape.channels),
            None => shape,
        }
    }

    /// The height and width of the latents that the session for latents of this shape takes; `None` if
    /// sessions take any size.
    fn session_size(&self, shape: LatentShape) -> Option<[usize; 2]> {
        let at_once = self.shape_at_once(shape);
        let wants_size = self.options.device.provider().wants_size;
        wants_size.then_some([at_once.height, at_once.width])
    }

    /// The shape of all calls of a session that is compiled for one.
    fn profile(&self, size: Option<[usize; 2]>) -> Option<ShapeProfile> {
        let is_compiled = self.options.device.provider().call_sizing == CallSizing::Compiled;
        let [height, width] = size.filter(|_| is_compiled)?;
        let rows = self.call_size.fewest();
        Some(ShapeProfile {
            inputs: vec![InputShape {
                name: "latent_sample",
                has_rows: true,
                sides: vec![self.shape.channels, height, width],
            }],
            rows: CallRows {
                fewest: rows,
                usual: rows,
                most: rows,
            },
        })
    }

    /// The decoder for latents of this shape in the precision that the options say.
    fn usual<'a>(
        &self,
        decoders: &'a mut Vec<KeptDecoder>,
        shape: LatentShape,
    ) -> Result<&'a mut VaeDecoder, ModelError> {
        let numbers = (self.options.precision, self.options.may_narrow);
        self.decoder(decoders, shape, numbers)
    }

    /// The decoder for latents of this shape in 32-bit floats. A warning says so when the first one is
    /// loaded beside one in 16-bit floats.
    fn wide<'a>(
        &self,
        decoders: &'a mut Vec<KeptDecoder>,
        shape: LatentShape,
    ) -> Result<&'a mut VaeDecoder, ModelError> {
        let wide = (Precision::Float32, false);
        if decoders.iter().all(|kept| kept.numbers != wide) {
            tracing::warn!(
                "the VAE decoder's numbers do not fit into 16 bits; \
                 the pictures concerned are decoded again in 32 bits, which takes longer"
            );
        }
        self.decoder(decoders, shape, wide)
    }

    /// The decoder for latents of this shape, loaded if it is not yet.
    fn decoder<'a>(
        &self,
        decoders: &'a mut Vec<KeptDecoder>,
        shape: LatentShape,
        numbers: Numbers,
    ) -> Result<&'a mut VaeDecoder, ModelError> {
        let size = self.session_size(shape);
        let is_wanted = |kept: &KeptDecoder| kept.size == size && kept.numbers == numbers;
        let index = match decoders.iter().position(is_wanted) {
            Some(index) => index,
            None => {
                let (precision, may_narrow) = numbers;
                let options = SettledOptions {
                    precision,
                    may_narrow,
                    ..self.options.clone()
                };
                let profile = self.profile(size);
                let decoder = self.pool.take(&self.directory, &options, size, profile)?;
                decoders.push(KeptDecoder {
                    size,
                    numbers,
                    decoder,
                });
                decoders.len() - 1
            }
        };
        Ok(&mut decoders[index].decoder)
    }

    /// Decodes latents of one shape, of which there is at least one. A picture is `None` if it has
    /// values that are not finite.
    fn decode(
        &self,
        decoder: &mut VaeDecoder,
        latents: &[&Latents],
    ) -> Result<Vec<Option<RgbImage>>, ModelError> {
        if let Some(tiles) = self.tiling.tiles(latents[0].shape()) {
            let pictures = latents.iter().map(|one| decoder.decode_tiles(one, &tiles));
            return pictures.collect();
        }
        let mut pictures = Vec::with_capacity(latents.len());
        while pictures.len() < latents.len() {
            let size = match self.one_by_one.load(Ordering::Relaxed) {
                true => CallSize::AtMost(1),
                false => self.call_size,
            };
            let left = &latents[pictures.len()..];
            let batch = &left[..left.len().min(size.most())];
            let rows = batch.len().max(size.fewest());
            match decoder.decode(batch, rows) {
                Ok(decoded) => pictures.extend(decoded),
                Err(ModelError::OutOfMemory { .. }) if rows > 1 => {
                    tracing::warn!(
                        "{rows} pictures at once do not fit into memory; decoding them one by one"
                    );
                    self.one_by_one.store(true, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(pictures)
    }
}
