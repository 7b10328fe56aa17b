//! The autoencoder, which turns latents into pictures and pictures into latents.

use image::RgbImage;
use lb_blend::{LatentShape, Latents};
use lb_checkpoint::Component;
use ort::value::TensorRef;

use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::picture;
use crate::pool::Pooled;
use crate::session::{ComponentSession, Port, SessionRequest, SessionTimes};
use crate::tiles::Tiles;

const DECODER: &str = "VAE decoder";
const ENCODER: &str = "VAE encoder";

/// The half of the autoencoder that makes pictures of latents.
pub(crate) struct VaeDecoder {
    session: ComponentSession,
    scaling_factor: f32,
    pixels_per_latent: usize,
    /// The shapes of latents and the rows of calls that were planned.
    planned: Vec<(LatentShape, usize)>,
}

impl Pooled for VaeDecoder {
    const COMPONENT: Component = Component::VaeDecoder;

    fn load(
        directory: &ModelDirectory,
        mut request: SessionRequest<'_>,
    ) -> Result<Self, ModelError> {
        if let GraphSource::File(_) = request.source {
            request.profile = None;
        }
        let session = ComponentSession::load(DECODER, request)?;
        session.validate(&[Port::floats("latent_sample")], &[Port::floats("sample")])?;
        Ok(Self {
            session,
            scaling_factor: directory.decoder_scaling_factor(),
            pixels_per_latent: directory.pixels_per_latent,
            planned: Vec::new(),
        })
    }

    fn session(&mut self) -> &mut ComponentSession {
        &mut self.session
    }
}

impl VaeDecoder {
    /// Decodes latents of one shape, in one call of `rows` rows, or of as many as there are latents if
    /// these are more. A picture is `None` if it has values that are not finite.
    pub(crate) fn decode(
        &mut self,
        latents: &[&Latents],
        rows: usize,
    ) -> Result<Vec<Option<RgbImage>>, ModelError> {
        self.run(latents, rows, picture::from_planes)
    }

    /// Decodes latents tile by tile. The picture is `None` if it has values that are not finite.
    pub(crate) fn decode_tiles(
        &mut self,
        latents: &Latents,
        tiles: &Tiles,
    ) -> Result<Option<RgbImage>, ModelError> {
        let mut joined = tiles.in_pixels(self.pixels_per_latent).join(3);
        for tile in tiles.cut(latents) {
            let planes = |planes: &[f32], size| (planes.to_vec(), size);
            for (planes, size) in self.run(&[&tile?], 1, planes)? {
                if size != joined.tile_size() {
                    let [found, expected] =
                        [size, joined.tile_size()].map(|size| format!("{size:?}"));
                    let what = "a tile from the VAE decoder";
                    return Err(ModelError::shape(what, found, expected));
                }
                joined.add(&planes);
            }
        }
        let size = joined.size();
        Ok(picture::from_planes(&joined.finish(), size))
    }

    /// Makes the first call of this many latents of a shape, with zeros, because it takes long. If there
    /// is no memory for it, it is left to the calls that need it.
    pub(crate) fn plan(&mut self, shape: LatentShape, rows: usize) -> Result<(), ModelError> {
        if self.planned.contains(&(shape, rows)) {
            return Ok(());
        }
        self.planned.push((shape, rows));
        let zeros = Latents::from_values(shape, vec![0.0; shape.len()])
            .map_err(|error| ModelError::shape("latents to plan with", error, shape))?;
        match self.run(&[&zeros], rows, |_, _| ()) {
            Err(error) if !matches!(error, ModelError::OutOfMemory { .. }) => Err(error),
            _ => Ok(()),
        }
    }

    /// The error for a picture with values that are not finite.
    pub(crate) fn not_finite(&self) -> ModelError {
        self.session.not_finite()
    }

    /// Decodes latents of one shape, and returns what `read` makes of each picture's planes and its width
    /// and height. The last latents fill up the call until it has `rows` rows.
    fn run<T: Send>(
        &mut self,
        latents: &[&Latents],
        rows: usize,
        read: impl Fn(&[f32], (usize, usize)) -> T + Sync,
    ) -> Result<Vec<T>, ModelError> {
        let (Some(first), Some(last)) = (latents.first(), latents.last()) else {
            return Ok(Vec::new());
        };
        let shape = first.shape();
        let rows = rows.max(latents.len());
        let padded = latents.iter().chain(std::iter::repeat(last)).take(rows);
        let values = padded.flat_map(|latents| latents.values());
        let scaled: Vec<f32> = values.map(|value| value / self.scaling_factor).collect();
        let sides = [rows, shape.channels, shape.height, shape.width];
        let input = TensorRef::from_array_view((sides, scaled.as_slice()))
            .map_err(ModelError::runtime("handing latents to the VAE decoder"))?;
        let outputs = self.session.run(ort::inputs!["latent_sample" => input])?;
        let (found, values) = outputs["sample"]
            .try_extract_tensor::<f32>()
            .map_err(ModelError::runtime("reading the VAE decoder's output"))?;
        match **found {
            [count, 3, height, width] if count as usize == rows => {
                let size = (width as usize, height as usize);
                let pictures = values.chunks_exact(3 * size.0 * size.1);
                let pictures: Vec<&[f32]> = pictures.take(latents.len()).collect();
                Ok(side_by_side(&pictures, |planes| read(planes, size)))
            }
            _ => Err(ModelError::shape(
                "sample of the VAE decoder",
                format!("{found:?}"),
                format!("[{rows}, 3, height, width]"),
            )),
        }
    }

    pub(crate) fn times(&self) -> SessionTimes {
        self.session.times()
    }
}

/// Applies `read` to each part on a thread of its own, because a GPU waits while pictures are made into bytes
/// on the CPU.
fn side_by_side<T: Send>(parts: &[&[f32]], read: impl Fn(&[f32]) -> T + Sync) -> Vec<T> {
    let Some((last, others)) = parts.split_last() else {
        return Vec::new();
    };
    let read = &read;
    std::thread::scope(|scope| {
        let others: Vec<_> = others
            .iter()
            .map(|&part| scope.spawn(move || read(part)))
            .collect();
        let last = read(last);
        let others = others.into_iter().map(|thread| match thread.join() {
            Ok(made) => made,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        others.chain([last]).collect()
    })
}

/// The half of the autoencoder that makes latents of pictures.
pub(crate) struct VaeEncoder {
    session: ComponentSession,
    scaling_factor: f32,
}

impl Pooled for VaeEncoder {
    const COMPONENT: Component = Component::VaeEncoder;

    fn load(directory: &ModelDirectory, request: SessionRequest<'_>) -> Result<Self, ModelError> {
        let session = ComponentSession::load(ENCODER, request)?;
        session.validate(
            &[Port::floats("sample")],
            &[Port::floats("latent_parameters")],
        )?;
        Ok(Self {
            session,
            scaling_factor: directory.scaling_factor,
        })
    }

    fn session(&mut self) -> &mut ComponentSession {
        &mut self.session
    }
}

impl VaeEncoder {
    /// Encodes a picture as [`Self::encode`] does, but tile by tile if `tiles` are given. Tiles of latents
    /// are joined like those of pictures: along a ramp in the middle of their overlap.
    pub(crate) fn encode_large(
        &mut self,
        planes: &[f32],
        size: (usize, usize),
        shape: LatentShape,
        tiles: Option<&Tiles>,
    ) -> Result<Latents, ModelError> {
        let Some(tiles) = tiles else {
            return self.encode(planes, size, shape);
        };
        let wrong = |error| ModelError::shape("a picture to encode", error, format!("{size:?}"));
        let picture = LatentShape {
            channels: 3,
            height: size.1,
            width: size.0,
        };
        let picture = Latents::from_values(picture, planes.to_vec()).map_err(wrong)?;
        let mut joined = tiles.clone().join(shape.channels);
        for tile in tiles.in_pixels(size.0 / shape.width).cut(&picture) {
            let tile = tile?;
            let size = (tile.shape().width, tile.shape().height);
            let latents = self.encode(tile.values(), size, tiles.shape(shape.channels))?;
            joined.add(latents.values());
        }
        Latents::from_values(shape, joined.finish()).map_err(wrong)
    }

    /// The mean of the posterior of a picture, times the scaling factor. `planes` are the picture's red,
    /// green and blue in [-1, 1], with the given width and height; `shape` is that of the latents.
    pub(crate) fn encode(
        &mut self,
        planes: &[f32],
        (width, height): (usize, usize),
        shape: LatentShape,
    ) -> Result<Latents, ModelError> {
        let not_finite = self.session.not_finite();
        let input = TensorRef::from_array_view(([1, 3, height, width], planes))
            .map_err(ModelError::runtime("handing a picture to the VAE encoder"))?;
        let outputs = self.session.run(ort::inputs!["sample" => input])?;
        let (found, parameters) = outputs["latent_parameters"]
            .try_extract_tensor::<f32>()
            .map_err(ModelError::runtime("reading the VAE encoder's output"))?;
        let wrong_shape = || {
            let expected = [1, 2 * shape.channels, shape.height, shape.width];
            let what = "latent_parameters of the VAE encoder";
            ModelError::shape(what, format!("{found:?}"), format!("{expected:?}"))
        };
        // A tiny autoencoder makes the latents alone, without log-variances.
        if parameters.len() != 2 * shape.len() && parameters.len() != shape.len() {
            return Err(wrong_shape());
        }
        let mean = &parameters[..shape.len()];
        if mean.iter().any(|value| !value.is_finite()) {
            return Err(not_finite);
        }
        let scaled = mean.iter().map(|value| value * self.scaling_factor);
        Latents::from_values(shape, scaled.collect()).map_err(|_| wrong_shape())
    }
}
