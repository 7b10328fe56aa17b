//! Inpainting: the source picture and its mask, read from disk and fitted to the film's size.

use image::RgbImage;
use lb_job::{Fit, Inpaint};
use lb_models::GreyPicture;
use lb_video::{picture, read_picture};

use super::composite::KeptPixels;
use super::fit::{fit_mask, fit_picture, read_grey_picture};
use crate::error::RenderError;

/// A source picture and its mask, both of the film's size.
#[derive(Debug)]
pub(crate) struct InpaintPictures {
    pub(super) source: RgbImage,
    pub(super) mask: GreyPicture,
    pub(super) kept: KeptPixels,
}

impl InpaintPictures {
    /// Reads both and fits them in the same way.
    pub(super) fn read(
        inpaint: &Inpaint,
        film: (usize, usize),
        fit: Option<Fit>,
    ) -> Result<Self, RenderError> {
        let source = read_picture(&inpaint.image)?;
        let mask = read_grey_picture(&inpaint.mask)?;
        validate_proportions(picture::size(&source), (mask.width, mask.height), fit)?;
        let source = fit_picture("source picture", source, film, fit)?;
        let mask = fit_mask(mask, film, fit)?;
        let kept = KeptPixels::new(&source, &mask, inpaint.feather);
        Ok(Self { source, mask, kept })
    }
}

/// Checks that a mask still matches its picture after both are fitted: if its proportions differ, it is
/// cropped or padded in another way. Stretching always makes both match.
fn validate_proportions(
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
    fn a_cropped_or_padded_mask_must_have_the_proportions_of_its_picture() {
        for (mask, fit, taken) in [
            ((60, 40), Some(Fit::Crop), true),
            ((30, 20), Some(Fit::Pad), true),
            ((40, 60), Some(Fit::Stretch), true),
            ((40, 60), None, true),
            ((40, 60), Some(Fit::Crop), false),
            ((61, 40), Some(Fit::Pad), false),
        ] {
            let result = validate_proportions((60, 40), mask, fit);
            assert_eq!(result.is_ok(), taken, "{mask:?} {fit:?}");
            if let Err(error) = result {
                assert!(error.is_request());
                assert!(error.to_string().contains("60x40"), "{error}");
            }
        }
    }
}
