//! The VAE decoder as whoever shows pictures holds it: apart from the engine's backend.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image::RgbImage;
use lb_blend::{LatentShape, Latents};

use crate::device::SettledOptions;
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::pool::{Lease, ModelPool};
use crate::session::SessionTimes;
use crate::vae::{DecodeTiling, Tiles, VaeDecoder};

/// Decodes latents to pictures while the engine holds the [`Pipeline`](crate::Pipeline).
///
/// Clones share one session. It is taken out of the pool when the first picture is asked for, and
/// goes back when the last clone is dropped.
#[derive(Clone)]
pub struct PictureDecoder {
    shared: Arc<Shared>,
}

struct Shared {
    pool: ModelPool,
    directory: ModelDirectory,
    options: SettledOptions,
    batch_limit: usize,
    tiling: DecodeTiling,
    session: Mutex<Option<Lease<VaeDecoder>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let session = self.session.get_mut();
        if let Some(lease) = session.unwrap_or_else(PoisonError::into_inner).take() {
            lease.give_back();
        }
    }
}

impl PictureDecoder {
    pub(crate) fn new(
        pool: ModelPool,
        directory: ModelDirectory,
        options: SettledOptions,
        batch_limit: usize,
        tiling: DecodeTiling,
    ) -> Self {
        let session = Mutex::new(None);
        Self {
            shared: Arc::new(Shared {
                pool,
                directory,
                options,
                batch_limit,
                tiling,
                session,
            }),
        }
    }

    /// Loads the session now rather than at the first picture.
    ///
    /// # Errors
    /// [`ModelError`] where it cannot be loaded.
    pub fn load(&self) -> Result<(), ModelError> {
        self.loaded(|_| Ok(()))
    }

    /// Decodes latents of one shape, in calls of at most the batch limit; large ones one by one, in
    /// tiles ([`DecodeTiling`]).
    ///
    /// # Errors
    /// [`ModelError`] where the session cannot be loaded or run, or gives values that are not
    /// finite.
    pub fn decode(&self, latents: &[&Latents]) -> Result<Vec<RgbImage>, ModelError> {
        let Some(first) = latents.first() else {
            return Ok(Vec::new());
        };
        let shape = first.shape();
        if let Some(other) = latents.iter().find(|other| other.shape() != shape) {
            return Err(ModelError::Shape {
                what: "latents to decode together".into(),
                found: other.shape().to_string(),
                expected: shape.to_string(),
            });
        }
        let tiles = self.tiles(shape);
        self.loaded(|session| {
            if let Some(tiles) = &tiles {
                let pictures = latents.iter();
                return pictures
                    .map(|one| session.decode_tiles(one, tiles))
                    .collect();
            }
            let mut pictures = Vec::with_capacity(latents.len());
            for batch in latents.chunks(self.shared.batch_limit) {
                pictures.extend(session.decode(batch)?);
            }
            Ok(pictures)
        })
    }

    /// Where the session's time went so far.
    #[must_use]
    pub fn times(&self) -> SessionTimes {
        self.lock()
            .as_ref()
            .map(|decoder| decoder.times())
            .unwrap_or_default()
    }

    /// The tiles that latents of this shape are decoded in, and their pictures encoded; none where
    /// that is done whole.
    pub(crate) fn tiles(&self, shape: LatentShape) -> Option<Tiles> {
        self.shared.tiling.tiles(shape)
    }

    fn loaded<T>(
        &self,
        work: impl FnOnce(&mut VaeDecoder) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        let mut session = self.lock();
        let decoder = match &mut *session {
            Some(decoder) => decoder,
            empty => {
                let Shared {
                    pool,
                    directory,
                    options,
                    ..
                } = &*self.shared;
                empty.insert(pool.take(directory, options, None)?)
            }
        };
        work(decoder)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Lease<VaeDecoder>>> {
        self.shared
            .session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
