//! Inpainting: the source picture and its mask from disk, at the film's size.

use image::RgbImage;
use lb_blend::Latents;
use lb_models::{GrayPicture, Pipeline};
use lb_video::{picture, read_picture};

use super::composite::KeptPixels;
use super::fit::{fit_mask, fit_picture};
use super::read_grey_picture;
use crate::error::RenderError;
use crate::reuse::Reuse;
use lb_job::{Fit, Inpaint};

const SOURCE: &str = "source picture";
const MASK: &str = "mask";

/// A source picture and its mask, both of the film's size.
#[derive(Debug)]
pub(crate) struct InpaintPictures {
    source: RgbImage,
    mask: GrayPicture,
    kept: KeptPixels,
}

impl InpaintPictures {
    /// Reads both and fits them alike.
    pub(super) fn read(
        inpaint: &Inpaint,
        film: (usize, usize),
        fit: Option<Fit>,
    ) -> Result<Self, RenderError> {
        let source = read_picture(&inpaint.image)?;
        let mask = read_grey_picture(&inpaint.mask)?;
        check_alike(picture::size(&source), (mask.width, mask.height), fit)?;
        let source = fit_picture(SOURCE, source, film, fit)?;
        let mask = fit_mask(MASK, mask, film, fit)?;
        let kept = KeptPixels::new(&source, &mask, inpaint.feather);
        Ok(Self { source, mask, kept })
    }

    pub(super) fn channels(
        &self,
        pipeline: &mut Pipeline,
        reuse: &Reuse,
    ) -> Result<Latents, RenderError> {
        let mask = self.mask.values.iter();
        let mask: Vec<u8> = mask.flat_map(|value| value.to_le_bytes()).collect();
        let inputs = [b"inpaint", &self.source.as_raw()[..], &mask];
        let channels = pipeline.directory().concatenated_channels();
        let shape = pipeline.latent_shape().with_channels(channels);
        reuse.encoded_channels(pipeline, &inputs, shape, |pipeline| {
            Ok(pipeline.inpaint_channels(&self.source, &self.mask)?)
        })
    }

    pub(super) fn finish(&self, picture: RgbImage) -> Result<RgbImage, RenderError> {
        Ok(self.kept.over(picture)?)
    }
}

/// Checks that a mask lies on its picture: pictures of other proportions would be cropped or padded
/// elsewhere. Stretching takes each to the whole film.
fn check_alike(
    picture: (usize, usize),
    mask: (usize, usize),
    fit: Option<Fit>,
) -> Result<(), RenderError> {
    let alike = picture.0 as u128 * mask.1 as u128 == picture.1 as u128 * mask.0 as u128;
    let moved = matches!(fit, Some(Fit::Crop | Fit::Pad));
    if moved && !alike {
        return Err(RenderError::MaskProportions { picture, mask });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_that_is_moved_with_its_picture_has_its_proportions() {
        for (mask, fit, taken) in [
            ((60, 40), Some(Fit::Crop), true),
            ((30, 20), Some(Fit::Pad), true),
            ((40, 60), Some(Fit::Stretch), true),
            ((40, 60), None, true),
            ((40, 60), Some(Fit::Crop), false),
            ((61, 40), Some(Fit::Pad), false),
        ] {
            let result = check_alike((60, 40), mask, fit);
            assert_eq!(result.is_ok(), taken, "{mask:?} {fit:?}");
            if let Err(error) = result {
                assert!(error.is_request());
                assert!(error.to_string().contains("60x40"), "{error}");
            }
        }
    }
}
