//! Pictures: making them from bytes, cross-fading and comparing them.
//!
//! A picture is an [`RgbImage`] of 8-bit R'G'B' values (sRGB), row by row from the top.

mod mix;

use std::sync::Arc;

use image::RgbImage;
use image::imageops::{FilterType, resize};

use crate::error::VideoError;

pub use crate::limits::MAX_SIDE;
pub use mix::Mix;

/// 1.0 in the fixed-point numbers of a cross-fade.
const ONE: u32 = 1 << 16;

/// The steps of a cross-fade's rounding thresholds from one column and one row to the next, in units of
/// 1/65536: 1/p and 1/p², where p = 1.3247… solves p³ = p + 1. Multiples of the two fill the plane
/// evenly, without the clusters of random numbers (Martin Roberts, "The Unreasonable Effectiveness of
/// Quasirandom Sequences").
const THRESHOLD_STEPS: [u32; 2] = [49_472, 37_345];

/// A picture of `width * height * 3` bytes: red, green and blue of each pixel.
///
/// # Errors
/// [`VideoError::FrameSize`] for a side of 0 or above [`MAX_SIDE`], [`VideoError::PixelCount`] for
/// another number of bytes.
pub fn from_rgb(width: usize, height: usize, pixels: Vec<u8>) -> Result<RgbImage, VideoError> {
    validate_size(width, height)?;
    let (size, bytes) = ((width, height), pixels.len());
    RgbImage::from_raw(width as u32, height as u32, pixels)
        .filter(|_| bytes == width * height * 3)
        .ok_or(VideoError::PixelCount { size, bytes })
}

/// Width and height in pixels.
#[must_use]
pub fn size(picture: &RgbImage) -> (usize, usize) {
    (picture.width() as usize, picture.height() as usize)
}

/// `(1 - weight) * left + weight * right`, computed on the R'G'B' values and rounded with ordered
/// dithering. The weight is rounded to steps of 1/65536; a weight of 0 or 1 gives `left` or `right`
/// itself, without a copy.
///
/// A value between two grey levels is rounded up where its fraction passes the pixel's threshold, which
/// is the same in every cross-fade. With one threshold for all pixels, a slow cross-fade would stand
/// still while all values that differ by one level wait, and then all of them would leap at once. With
/// dithering they change one after the other. On average it is exact, and no value is off by a whole
/// level.
///
/// # Errors
/// [`VideoError::SizesDiffer`], and [`VideoError::Weight`] for a weight outside of 0 to 1.
pub fn cross_fade(
    left: &Arc<RgbImage>,
    right: &Arc<RgbImage>,
    weight: f64,
) -> Result<Arc<RgbImage>, VideoError> {
    validate_same_size(right, size(left))?;
    if !(0.0..=1.0).contains(&weight) {
        return Err(VideoError::Weight { weight });
    }
    if weight == 0.0 {
        return Ok(Arc::clone(left));
    }
    if weight == 1.0 {
        return Ok(Arc::clone(right));
    }
    let share = (weight * f64::from(ONE)).round() as u32;
    let mut mixed = RgbImage::clone(left);
    let row_bytes = 3 * size(left).0;
    let rows = mixed.chunks_exact_mut(row_bytes);
    for (y, (row, right)) in (0_u32..).zip(rows.zip(right.chunks_exact(row_bytes))) {
        let pixels = row.chunks_exact_mut(3).zip(right.chunks_exact(3));
        for (x, (pixel, right)) in (0_u32..).zip(pixels) {
            let threshold = threshold(x, y);
            for (value, &right) in pixel.iter_mut().zip(right) {
                let sum = u32::from(*value) * (ONE - share) + u32::from(right) * share;
                *value = ((sum + threshold) / ONE) as u8;
            }
        }
    }
    Ok(Arc::new(mixed))
}

/// The threshold of a pixel for rounding with ordered dithering, from 0 to below [`ONE`].
fn threshold(x: u32, y: u32) -> u32 {
    let [across, down] = THRESHOLD_STEPS;
    x.wrapping_mul(across)
        .wrapping_add(y.wrapping_mul(down))
        .wrapping_add(ONE / 2)
        % ONE
}

/// The picture at `scale` times its width and height, resampled with a Lanczos window of three lobes. A
/// scale of 1 gives the picture itself, without a copy.
///
/// # Panics
/// For a scale of 0.
#[must_use]
pub fn enlarged(picture: &Arc<RgbImage>, scale: usize) -> Arc<RgbImage> {
    assert!(scale > 0, "a picture cannot have no pixels");
    if scale == 1 {
        return Arc::clone(picture);
    }
    let [width, height] = [picture.width(), picture.height()].map(|side| side * scale as u32);
    Arc::new(resize(&**picture, width, height, FilterType::Lanczos3))
}

/// Peak signal-to-noise ratio of two pictures over all their values, in dB; infinite for equal
/// pictures.
///
/// # Errors
/// [`VideoError::SizesDiffer`].
pub fn psnr(left: &RgbImage, right: &RgbImage) -> Result<f64, VideoError> {
    Ok(10.0 * (255.0 * 255.0 / mean_square(left, right)?).log10())
}

/// The distance of two pictures in grey levels, 0 to 255: √(Σ (x − y)² / values), the Euclidean distance
/// over all values, normalised to one of them.
///
/// # Errors
/// [`VideoError::SizesDiffer`].
pub fn distance(left: &RgbImage, right: &RgbImage) -> Result<f64, VideoError> {
    Ok(mean_square(left, right)?.sqrt())
}

/// The mean square difference of all values. The sum is an exact integer.
fn mean_square(left: &RgbImage, right: &RgbImage) -> Result<f64, VideoError> {
    validate_same_size(right, size(left))?;
    Ok(square_distance(left, right) as f64 / left.len().max(1) as f64)
}

/// The sum of the squared differences of values, as many as the shorter list has.
#[must_use]
pub fn square_distance(left: &[u8], right: &[u8]) -> u64 {
    let pairs = left.iter().zip(right);
    pairs.map(|(l, r)| u64::from(l.abs_diff(*r)).pow(2)).sum()
}

/// Checks a picture that belongs with others of this width and height. Its buffer must not be
/// longer than its pixels either, which the image crate would allow.
///
/// # Errors
/// [`VideoError::SizesDiffer`], [`VideoError::PixelCount`].
pub fn validate_same_size(picture: &RgbImage, expected: (usize, usize)) -> Result<(), VideoError> {
    let (found, bytes) = (size(picture), picture.as_raw().len());
    if found != expected {
        return Err(VideoError::SizesDiffer { found, expected });
    }
    if bytes != found.0 * found.1 * 3 {
        return Err(VideoError::PixelCount { size: found, bytes });
    }
    Ok(())
}

pub(crate) fn validate_size(width: usize, height: usize) -> Result<(), VideoError> {
    let allowed = 1..=MAX_SIDE;
    if allowed.contains(&width) && allowed.contains(&height) {
        Ok(())
    } else {
        Err(VideoError::FrameSize {
            width,
            height,
            max: MAX_SIDE,
        })
    }
}
