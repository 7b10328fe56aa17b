//! Pictures as keyframes: from disk to the film's size, to the noise that becomes them, and back.

mod detail;
mod inversion;

use std::collections::BTreeMap;
use std::sync::Arc;

use image::RgbImage;
use lb_blend::{BlendError, Keyframe, Latents, relative_error};
use lb_models::{LARGEST_SIDE, Pipeline};
use lb_video::picture::psnr;
use lb_video::{picture_size, read_picture};

use self::detail::LostDetail;
pub(crate) use self::inversion::Inversion;
use super::Mode;
use super::fit::fit_picture;
use crate::error::RenderError;
use crate::reuse::Reuse;
use crate::summary::Reconstruction;
use lb_job::{Fit, Job};

/// Sides of a film are multiples of so many pixels.
const MULTIPLE: f64 = 64.0;

/// The keyframes of a film that are pictures, by their index.
#[derive(Debug)]
pub(crate) struct KeyframePictures {
    /// At the film's size.
    exact: BTreeMap<usize, Arc<RgbImage>>,
    /// What the encoder makes of them.
    clean: BTreeMap<usize, Latents>,
    /// Of the keyframes that are finished, as long as a transition beside them is not.
    details: BTreeMap<usize, LostDetail>,
    film_keyframes: usize,
    looped: bool,
}

impl KeyframePictures {
    /// Reads the pictures of a job for a film of this width and height. Pictures of another size
    /// are cropped, unless the job says how else to fit them. What an inpainted film keeps lies
    /// over them, as over all of its frames.
    ///
    /// # Errors
    /// [`RenderError::Input`] for a picture that cannot be read.
    pub(crate) fn read(job: &Job, size: (usize, usize), mode: &Mode) -> Result<Self, RenderError> {
        let mut exact = BTreeMap::new();
        for (index, keyframe) in job.keyframes.iter().enumerate() {
            let Some(path) = &keyframe.image else {
                continue;
            };
            let picture = read_picture(path)?;
            let fit = job.fit.unwrap_or(Fit::Crop);
            let fitted = fit_picture("keyframe's picture", picture, size, Some(fit))?;
            exact.insert(index, Arc::new(mode.finish(fitted)?));
        }
        Ok(Self {
            exact,
            clean: BTreeMap::new(),
            details: BTreeMap::new(),
            film_keyframes: job.keyframes.len(),
            looped: job.looped,
        })
    }

    /// Those of a film's keyframes that are pictures.
    pub(crate) fn keyframes<'a>(
        &'a self,
        keyframes: &'a [Keyframe],
    ) -> impl Iterator<Item = &'a Keyframe> {
        self.exact.keys().map(|&index| &keyframes[index])
    }

    /// Encodes all of them.
    ///
    /// # Errors
    /// [`RenderError::Model`] where the VAE encoder cannot be loaded or run.
    pub(crate) fn encode(
        &mut self,
        pipeline: &mut Pipeline,
        reuse: &Reuse,
    ) -> Result<(), RenderError> {
        let pictures: Vec<&RgbImage> = self.exact.values().map(Arc::as_ref).collect();
        let clean = reuse.encoded_pictures(pipeline, &pictures)?;
        self.clean = self.exact.keys().copied().zip(clean).collect();
        Ok(())
    }

    /// What the film shows at a finished keyframe of which the decoder made `made`: the exact
    /// picture, where it is one, and how close the keyframe comes to it.
    ///
    /// # Errors
    /// [`RenderError::Blend`] and [`RenderError::Video`] for sizes that differ.
    pub(crate) fn keyframe(
        &mut self,
        index: usize,
        latents: &Latents,
        made: RgbImage,
    ) -> Result<(Arc<RgbImage>, Option<Reconstruction>), RenderError> {
        let (Some(exact), Some(clean)) = (self.exact.remove(&index), self.clean.remove(&index))
        else {
            return Ok((Arc::new(made), None));
        };
        let reconstruction = Reconstruction {
            keyframe: index,
            latent_error: relative_error(latents, &clean).map_err(BlendError::from)?,
            psnr: psnr(&made, &exact)?,
        };
        let detail = LostDetail::new(Arc::clone(&exact), made);
        self.details.insert(index, detail);
        Ok((exact, Some(reconstruction)))
    }

    /// A computed frame of a transition as the film shows it. `radius` is half of the width of a
    /// latent, in pixels.
    ///
    /// # Errors
    /// [`RenderError::Video`] for sizes that differ.
    pub(crate) fn frame(
        &self,
        transition: usize,
        fraction: f64,
        made: RgbImage,
        radius: usize,
    ) -> Result<RgbImage, RenderError> {
        let next = (transition + 1) % self.film_keyframes;
        let ends = [transition, next].map(|index| self.details.get(&index));
        Ok(detail::restored(made, fraction, ends, radius)?)
    }

    /// Lets go of what no later transition needs.
    pub(crate) fn finished(&mut self, transition: usize) {
        if transition > 0 || !self.looped {
            self.details.remove(&transition);
        }
    }
}

/// The width and height of a job's film with a model that is made for pictures of `side` × `side`
/// pixels: what the job says, else that size in the proportions of the first keyframe that is a
/// picture.
///
/// # Errors
/// [`RenderError::Input`] for a picture that cannot be read.
pub fn film_size(job: &Job, side: usize) -> Result<(usize, usize), RenderError> {
    if let Some(size) = job.size {
        return Ok(size);
    }
    let mut images = job.keyframes.iter().filter_map(|at| at.image.as_ref());
    Ok(match images.next() {
        Some(path) => proportioned(picture_size(path)?, side),
        None => (side, side),
    })
}

/// Width and height of a film of about `side`² pixels in the proportions of a picture.
fn proportioned((width, height): (usize, usize), side: usize) -> (usize, usize) {
    let stretch = (width.max(1) as f64 / height.max(1) as f64).sqrt();
    let rounded = |pixels: f64| {
        let sides = (pixels / MULTIPLE).round().max(1.0) * MULTIPLE;
        (sides as usize).min(LARGEST_SIDE)
    };
    let side = side as f64;
    (rounded(side * stretch), rounded(side / stretch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_has_its_first_pictures_proportions_at_the_models_size() {
        assert_eq!(proportioned((128, 128), 128), (128, 128));
        assert_eq!(proportioned((3000, 3000), 768), (768, 768));
        assert_eq!(proportioned((4032, 3024), 768), (896, 640));
        assert_eq!(proportioned((1080, 1920), 512), (384, 704));
        assert_eq!(proportioned((16_000, 1), 128), (LARGEST_SIDE, 64));
    }
}
