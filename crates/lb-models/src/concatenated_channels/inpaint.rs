//! Inpainting: the pixels that are repainted, and the picture without them.

use image::RgbImage;
use lb_blend::LatentShape;

use crate::error::ModelError;
use crate::picture::{self, GreyPicture, validate_size};

/// The least value of a white pixel in a mask, as in `VaeImageProcessor.binarize` of diffusers.
const THRESHOLD: f32 = 0.5;

/// A source picture and its mask in the form that an inpainting model sees.
#[derive(Clone, PartialEq, Debug)]
pub struct MaskedPicture {
    /// The mask at the latents' size, row by row: 1 is repainted, 0 is kept.
    pub mask: Vec<f32>,
    /// Red, green and blue planes of the source in [-1, 1], 0 where it is repainted.
    pub planes: Vec<f32>,
}

/// Removes the pixels that are repainted from a picture, as diffusers' `StableDiffusionInpaintPipeline`
/// does.
///
/// Black (below 0.5) is kept, white is repainted. The mask is reduced to the latents' size by taking
/// the upper left pixel of every square of `pixels_per_latent` (nearest neighbour).
///
/// # Errors
/// [`ModelError::InputSize`] for a source or mask that is not `pixels_per_latent` times the latents'
/// size; [`ModelError::MaskRepaintsNothing`], [`ModelError::MaskRepaintsEverything`] and
/// [`ModelError::MaskTooFine`] for masks that ask for no inpainting (a film that keeps everything is
/// a still, one that keeps nothing does not need the picture); [`ModelError::PixelNotFinite`] and
/// [`ModelError::Shape`] for a broken mask.
pub fn masked_picture(
    source: &RgbImage,
    mask: &GreyPicture,
    shape: LatentShape,
    pixels_per_latent: usize,
) -> Result<MaskedPicture, ModelError> {
    let step = pixels_per_latent;
    let sides = [shape.width, shape.height];
    let size = sides.map(|side| side.saturating_mul(step)).into();
    validate_size("source picture", picture::size_of(source), size)?;
    validate_size("mask", (mask.width, mask.height), size)?;
    mask.validate("mask")?;

    let repaints = |&value: &f32| value >= THRESHOLD;
    let pixels = mask.values.len();
    let repainted = mask.values.iter().filter(|value| repaints(value)).count();
    if repainted == 0 {
        return Err(ModelError::MaskRepaintsNothing { pixels });
    }
    if repainted == pixels {
        return Err(ModelError::MaskRepaintsEverything { pixels });
    }
    let rows = mask.values.chunks_exact(mask.width).step_by(step);
    let seen = rows.flat_map(|row| row.iter().step_by(step));
    let reduced: Vec<f32> = seen.map(|value| f32::from(repaints(value))).collect();
    if reduced.iter().all(|&value| value == 0.0) {
        return Err(ModelError::MaskTooFine { repainted, step });
    }

    let mut planes = picture::planes(source);
    for plane in planes.chunks_exact_mut(pixels) {
        for (value, mask) in plane.iter_mut().zip(&mask.values) {
            if repaints(mask) {
                *value = 0.0;
            }
        }
    }
    Ok(MaskedPicture {
        mask: reduced,
        planes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: LatentShape = LatentShape {
        channels: 4,
        height: 1,
        width: 2,
    };

    fn masked(white: &[usize]) -> Result<MaskedPicture, ModelError> {
        let source = RgbImage::from_raw(4, 2, (0..24).collect()).unwrap();
        let mut values = vec![0.49; 8];
        for &pixel in white {
            values[pixel] = 0.5;
        }
        let mask = GreyPicture {
            width: 4,
            height: 2,
            values,
        };
        masked_picture(&source, &mask, SHAPE, 2)
    }

    #[test]
    fn repainted_pixels_are_gone_and_the_others_are_the_sources() {
        let masked = masked(&[2, 5]).unwrap();
        assert_eq!(masked.mask, [0.0, 1.0]);
        for channel in 0..3 {
            for pixel in 0..8 {
                let byte = (3 * pixel + channel) as f32;
                let kept = 2.0 * (byte / 255.0) - 1.0;
                let expected = if [2, 5].contains(&pixel) { 0.0 } else { kept };
                assert_eq!(masked.planes[8 * channel + pixel], expected);
            }
        }
    }

    #[test]
    fn masks_that_ask_for_no_inpainting_are_refused() {
        let refused = |white: &[usize]| masked(white).unwrap_err().to_string();
        assert!(refused(&[]).contains("none of its 8 pixels is white"));
        let all: Vec<usize> = (0..8).collect();
        assert!(refused(&all).contains("none of its 8 pixels is black"));
        let fine = refused(&[1, 4, 7]);
        assert!(
            fine.contains("(3 pixels)") && fine.contains("one pixel of every 2x2"),
            "{fine}"
        );
    }

    #[test]
    fn sizes_must_be_the_films() {
        let source = RgbImage::new(4, 2);
        let mask = GreyPicture {
            width: 2,
            height: 4,
            values: vec![0.0; 8],
        };
        let refused = |source: &RgbImage, shape| {
            let error = masked_picture(source, &mask, shape, 2).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            refused(&source, SHAPE),
            "the mask has 2x4 pixels; 4x2 are needed"
        );
        let turned = LatentShape {
            height: 2,
            width: 1,
            ..SHAPE
        };
        assert_eq!(
            refused(&source, turned),
            "the source picture has 4x2 pixels; 2x4 are needed"
        );
    }
}
