//! The VAE decoder as a handle of its own, because pictures are decoded while the engine has the rest
//! of the pipeline.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image::RgbImage;
use lb_blend::noise::initial_latents;
use lb_blend::{BackendError, LatentShape, Latents};

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

struct Shared {
    pool: ModelPool,
    directory: ModelDirectory,
    options: SettledOptions,
    /// The shape of the film's latents.
    shape: LatentShape,
    batch_limit: usize,
    tiling: DecodeTiling,
    sessions: Mutex<Vec<SizedDecoder>>,
}

/// A session, and the height and width of the latents that it takes; `None` if it takes any.
struct SizedDecoder {
    size: Option<[usize; 2]>,
    decoder: Lease<VaeDecoder>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let sessions = self.sessions.get_mut();
        let sessions = sessions.unwrap_or_else(PoisonError::into_inner);
        for session in sessions.drain(..) {
            session.decoder.give_back();
        }
    }
}

impl PictureDecoder {
    pub(crate) fn new(
        pool: ModelPool,
        directory: ModelDirectory,
        options: SettledOptions,
        shape: LatentShape,
        batch_limit: usize,
        tiling: DecodeTiling,
    ) -> Self {
        let shared = Shared {
            pool,
            directory,
            options,
            shape,
            batch_limit,
            tiling,
            sessions: Mutex::new(Vec::new()),
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
        self.loaded(self.shared.shape, |_| Ok(()))
    }

    /// Decodes latents of one shape, in calls of at most the batch limit. Large ones are decoded one by
    /// one, in tiles ([`DecodeTiling`]).
    ///
    /// # Errors
    /// [`ModelError`] if the session cannot be loaded or run, or returns values that are not finite.
    pub fn decode(&self, latents: &[&Latents]) -> Result<Vec<RgbImage>, ModelError> {
        let Some(first) = latents.first() else {
            return Ok(Vec::new());
        };
        let shape = first.shape();
        if let Some(other) = latents.iter().find(|other| other.shape() != shape) {
            let what = "latents to decode together";
            return Err(ModelError::shape(what, other.shape(), shape));
        }
        let tiles = self.tiles(shape);
        self.loaded(shape, |session| {
            if let Some(tiles) = &tiles {
                let pictures = latents.iter().map(|one| session.decode_tiles(one, tiles));
                return pictures.collect();
            }
            let mut pictures = Vec::with_capacity(latents.len());
            for batch in latents.chunks(self.shared.batch_limit) {
                pictures.extend(session.decode(batch)?);
            }
            Ok(pictures)
        })
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
        let shape = match self.session_size(self.shared.shape) {
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

    /// How long the decoder's session took so far.
    #[must_use]
    pub fn times(&self) -> SessionTimes {
        let mut times = SessionTimes::default();
        for session in self.lock().iter() {
            times += session.decoder.times();
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
        match self.tiles(shape) {
            Some(tiles) => tiles.shape(shape.channels),
            None => shape,
        }
    }

    /// The height and width of the latents that the session for latents of this shape takes; `None` if
    /// sessions take any size.
    fn session_size(&self, shape: LatentShape) -> Option<[usize; 2]> {
        let at_once = self.shape_at_once(shape);
        let wants_size = self.shared.options.device.provider().wants_size;
        wants_size.then_some([at_once.height, at_once.width])
    }

    /// Works with the session for latents of this shape.
    fn loaded<T>(
        &self,
        shape: LatentShape,
        work: impl FnOnce(&mut VaeDecoder) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        let size = self.session_size(shape);
        let mut sessions = self.lock();
        let position = sessions.iter().position(|session| session.size == size);
        let index = match position {
            Some(index) => index,
            None => {
                let Shared {
                    pool,
                    directory,
                    options,
                    ..
                } = &*self.shared;
                let decoder = pool.take(directory, options, size, None)?;
                sessions.push(SizedDecoder { size, decoder });
                sessions.len() - 1
            }
        };
        work(&mut sessions[index].decoder)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<SizedDecoder>> {
        let sessions = self.shared.sessions.lock();
        sessions.unwrap_or_else(PoisonError::into_inner)
    }
}
