//! Keyframes that are pictures. They are read, fitted and encoded, and the film shows them exactly.

mod lost_detail;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use image::RgbImage;
use lb_blend::{BlendError, LatentShape, Latents, relative_error};
use lb_job::{Fit, Job};
use lb_models::LARGEST_SIDE;
use lb_video::{picture, picture_size, read_picture};

use self::lost_detail::LostDetail;
use crate::cached_pipeline::CachedPipeline;
use crate::error::RenderError;
use crate::modes::{Mode, fit_picture};
use crate::record_spool::RecordSpool;
use crate::stage::{ENCODED_TOGETHER, KEPT_IN_MEMORY};
use crate::summary::Reconstruction;

/// A size that is derived from a picture is rounded to multiples of this many pixels.
const MULTIPLE: f64 = 64.0;

/// The keyframes of a film that are pictures.
#[derive(Debug)]
pub(crate) struct KeyframePictures {
    /// The indices of these keyframes, in order.
    indices: Vec<usize>,
    size: (usize, usize),
    /// The pictures at the film's size, in the order of the indices.
    exact: RecordSpool,
    /// The encoded pictures, in the same order.
    clean: RecordSpool,
    /// The detail that the autoencoder loses. It is kept from the time when a keyframe is finished until
    /// its last transition is.
    details: BTreeMap<usize, LostDetail>,
    film_keyframes: usize,
    is_looped: bool,
}

impl KeyframePictures {
    /// The empty value, for a film without pictures as keyframes.
    pub(crate) fn none() -> Self {
        Self {
            indices: Vec::new(),
            size: (0, 0),
            exact: RecordSpool::new("", 0),
            clean: RecordSpool::new("", 0),
            details: BTreeMap::new(),
            film_keyframes: 0,
            is_looped: false,
        }
    }

    /// Reads the pictures of a job for a film of this width and height. Pictures of another size are
    /// cropped, unless the job chooses another fit. In an inpainted film, the kept part of its source
    /// is put over them, as over all frames. What does not fit into memory is kept in `folder`.
    pub(crate) fn read(
        job: &Job,
        size: (usize, usize),
        mode: &Mode,
        folder: &Path,
    ) -> Result<Self, RenderError> {
        let mut read = Self {
            size,
            exact: RecordSpool::new(folder, KEPT_IN_MEMORY),
            clean: RecordSpool::new(folder, KEPT_IN_MEMORY),
            film_keyframes: job.keyframes.len(),
            is_looped: job.looped,
            ..Self::none()
        };
        for (index, keyframe) in job.keyframes.iter().enumerate() {
            let Some(path) = &keyframe.image else {
                continue;
            };
            let picture = read_picture(path)?;
            let fit = job.fit.unwrap_or(Fit::Crop);
            let fitted = fit_picture("keyframe's picture", picture, size, Some(fit))?;
            read.exact.push(mode.finish(fitted)?.into_raw())?;
            read.indices.push(index);
        }
        Ok(read)
    }

    /// The indices of the keyframes that are pictures.
    pub(crate) fn indices(&self) -> impl Iterator<Item = usize> {
        self.indices.iter().copied()
    }

    /// Encodes all pictures, a group with each loading of the encoder.
    pub(crate) fn encode(&mut self, pipeline: &mut CachedPipeline) -> Result<(), RenderError> {
        let all: Vec<usize> = (0..self.indices.len()).collect();
        for group in all.chunks(ENCODED_TOGETHER) {
            let pictures = group.iter().map(|&place| self.exact(place));
            let pictures: Vec<RgbImage> = pictures.collect::<Result<_, _>>()?;
            let pictures: Vec<&RgbImage> = pictures.iter().collect();
            for clean in pipeline.encode_pictures(&pictures)? {
                self.clean.push_values(clean.values())?;
            }
        }
        Ok(())
    }

    fn exact(&self, place: usize) -> Result<RgbImage, RenderError> {
        let (width, height) = self.size;
        let pixels = self.exact.record(place, 3 * width * height)?;
        Ok(picture::from_rgb(width, height, pixels)?)
    }

    /// The encoded picture with this place among those of the film.
    pub(crate) fn clean_latents(
        &self,
        place: usize,
        shape: LatentShape,
    ) -> Result<Latents, RenderError> {
        self.clean.latents(place, shape)
    }

    /// What the film shows at a keyframe whose latents were decoded to `decoded`. If the keyframe is a
    /// picture, this is the exact picture, and how close the keyframe comes to it is returned as well.
    pub(crate) fn keyframe(
        &mut self,
        index: usize,
        latents: &Latents,
        decoded: RgbImage,
    ) -> Result<(RgbImage, Option<Reconstruction>), RenderError> {
        let Ok(place) = self.indices.binary_search(&index) else {
            return Ok((decoded, None));
        };
        let exact = self.exact(place)?;
        let clean = self.clean_latents(place, latents.shape())?;
        let reconstruction = Reconstruction {
            keyframe: index,
            latent_error: relative_error(latents, &clean).map_err(BlendError::from)?,
            psnr: picture::psnr(&decoded, &exact)?,
        };
        let detail = LostDetail::new(exact.clone(), decoded);
        self.details.insert(index, detail);
        Ok((exact, Some(reconstruction)))
    }

    /// What the film shows at a fraction of a transition whose latents were decoded to `decoded`.
    /// `radius` is half of the width of a latent, in pixels.
    pub(crate) fn frame(
        &self,
        transition: usize,
        fraction: f64,
        decoded: RgbImage,
        radius: usize,
    ) -> Result<RgbImage, RenderError> {
        if self.details.is_empty() {
            return Ok(decoded);
        }
        let next = (transition + 1) % self.film_keyframes;
        let ends = [transition, next].map(|index| self.details.get(&index));
        Ok(lost_detail::restored(decoded, fraction, ends, radius)?)
    }

    /// Forgets what no transition after this one needs.
    pub(crate) fn finish_transition(&mut self, transition: usize) {
        if transition > 0 || !self.is_looped {
            self.details.remove(&transition);
        }
    }
}

/// The width and height of a job's film with a model that is made for pictures of this `width` and
/// `height`. This is the size that the job gives; otherwise it has about as many pixels as the model's, in
/// the proportions that most of the keyframes that are pictures have, or in those of the first one where no
/// proportions are more frequent.
///
/// # Errors
/// [`RenderError::Input`] for a picture that cannot be read.
pub fn film_size(
    job: &Job,
    (width, height): (usize, usize),
) -> Result<(usize, usize), RenderError> {
    if let Some(size) = job.size {
        return Ok(size);
    }
    let images = job.keyframes.iter().filter_map(|at| at.image.as_ref());
    let sizes = images.map(|path| Ok(proportioned(picture_size(path)?, width * height)));
    let sizes: Vec<_> = sizes.collect::<Result<_, RenderError>>()?;
    Ok(most_frequent(&sizes).unwrap_or((width, height)))
}

/// The size that occurs most often, and of several the one that occurs first.
fn most_frequent(sizes: &[(usize, usize)]) -> Option<(usize, usize)> {
    let mut counts: BTreeMap<(usize, usize), (usize, Reverse<usize>)> = BTreeMap::new();
    for (index, size) in sizes.iter().enumerate() {
        counts.entry(*size).or_insert((0, Reverse(index))).0 += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, frequency)| *frequency);
    most.map(|(size, _)| size)
}

/// Width and height of a film of about this many pixels in the proportions of a picture.
fn proportioned((width, height): (usize, usize), pixels: usize) -> (usize, usize) {
    let stretch = (width.max(1) as f64 / height.max(1) as f64).sqrt();
    let rounded = |pixels: f64| {
        let sides = (pixels / MULTIPLE).round().max(1.0) * MULTIPLE;
        (sides as usize).min(LARGEST_SIDE)
    };
    let side = (pixels as f64).sqrt();
    (rounded(side * stretch), rounded(side / stretch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_has_its_pictures_proportions_at_the_models_size() {
        assert_eq!(proportioned((128, 128), 128 * 128), (128, 128));
        assert_eq!(proportioned((3000, 3000), 768 * 768), (768, 768));
        assert_eq!(proportioned((4032, 3024), 768 * 768), (896, 640));
        assert_eq!(proportioned((1080, 1920), 512 * 512), (384, 704));
        assert_eq!(proportioned((16_000, 1), 128 * 128), (LARGEST_SIDE, 64));
    }

    #[test]
    fn a_film_has_the_size_that_suits_most_of_its_pictures() {
        let (wide, high, square) = ((192, 64), (64, 192), (128, 128));
        assert_eq!(most_frequent(&[]), None);
        assert_eq!(most_frequent(&[high, wide]), Some(high));
        assert_eq!(most_frequent(&[high, wide, wide, square]), Some(wide));
        assert_eq!(most_frequent(&[square, wide, high, high, wide]), Some(wide));
    }
}
