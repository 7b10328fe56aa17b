//! What the autoencoder loses of a picture, put back where the film still shows that picture.
//!
//! A picture that goes through the autoencoder comes back softer, 27 to 32 dB from itself on the
//! bundled model. The film shows the exact picture at its keyframe; were the frame beside it as soft
//! as the decoder makes it, the film would visibly snap out of focus. So the computed frames near a
//! picture get its lost detail back, pixel by pixel, as far as each still looks like the picture's
//! reconstruction there: where something has moved, the detail no longer belongs.

use std::sync::Arc;

use image::{Rgb, RgbImage};
use lb_video::{VideoError, picture};

/// Grey levels by which a frame may differ from the reconstruction before nothing is put back.
/// Judged by eye on emoji of the bundled model: half of it loses detail that is still wanted, and
/// without any such limit the pictures' outlines stand in each other's frames.
const UNLIKE: u32 = 48;

/// A picture and what the autoencoder makes of it.
#[derive(Debug)]
pub(crate) struct LostDetail {
    picture: Arc<RgbImage>,
    reconstruction: RgbImage,
}

impl LostDetail {
    /// Both have the film's size.
    pub(crate) fn new(picture: Arc<RgbImage>, reconstruction: RgbImage) -> Self {
        Self {
            picture,
            reconstruction,
        }
    }

    /// Adds `share` of the detail to a frame of which `sums` holds the values, less where the frame
    /// looks unlike the reconstruction. Both are compared over squares of `2 · radius + 1` pixels.
    fn add_to(&self, sums: &mut [f32], frame: &RgbImage, share: f64, radius: usize) {
        let differences = differences(frame, &self.reconstruction);
        let (width, height) = picture::size(frame);
        let along = summed(&differences, width, radius);
        let summed = transposed(&summed(&transposed(&along, width), height, radius), height);
        let area = (2 * radius + 1).pow(2) as f64;
        let pairs = self.picture.iter().zip(self.reconstruction.iter());
        let lost = pairs.map(|(&exact, &soft)| f32::from(exact) - f32::from(soft));
        let weights = summed.iter().flat_map(|&sum| {
            let unlike = f64::from(sum) / (area * f64::from(UNLIKE));
            [(share * (1.0 - unlike).max(0.0)) as f32; 3]
        });
        for ((sum, lost), weight) in sums.iter_mut().zip(lost).zip(weights) {
            *sum += weight * lost;
        }
    }
}

/// A computed frame with the detail of the pictures at its transition's ends: `left` and `right` are
/// the details of its keyframes, where these are pictures. The share of each falls along the line
/// from its keyframe to the other.
///
/// # Errors
/// [`VideoError`] for pictures of different sizes.
pub(crate) fn restored(
    mut frame: RgbImage,
    fraction: f64,
    [left, right]: [Option<&LostDetail>; 2],
    radius: usize,
) -> Result<RgbImage, VideoError> {
    if left.is_none() && right.is_none() {
        return Ok(frame);
    }
    let mut sums: Vec<f32> = frame.iter().copied().map(f32::from).collect();
    for (detail, share) in [(left, 1.0 - fraction), (right, fraction)] {
        if let Some(detail) = detail {
            picture::validate_same_size(&frame, picture::size(&detail.reconstruction))?;
            detail.add_to(&mut sums, &frame, share, radius);
        }
    }
    for (value, sum) in frame.iter_mut().zip(sums) {
        *value = sum.clamp(0.0, 255.0).round() as u8;
    }
    Ok(frame)
}

/// Of each pixel the largest difference of its three values.
fn differences(left: &RgbImage, right: &RgbImage) -> Vec<u32> {
    let largest = |(left, right): (&Rgb<u8>, &Rgb<u8>)| {
        let values = left.0.iter().zip(right.0);
        values.map(|(&left, right)| left.abs_diff(right)).max()
    };
    let pixels = left.pixels().zip(right.pixels());
    pixels
        .map(|pair| largest(pair).unwrap_or(0).into())
        .collect()
}

/// Along every row, of each value the sum over `radius` neighbours on both sides; beyond the row's
/// ends stand its end values.
fn summed(values: &[u32], width: usize, radius: usize) -> Vec<u32> {
    let mut sums = Vec::with_capacity(values.len());
    for row in values.chunks_exact(width) {
        let at = |place: usize| row[place.saturating_sub(radius).min(width - 1)];
        let mut sum: u32 = (0..=2 * radius).map(at).sum();
        for place in 0..width {
            sums.push(sum);
            sum = sum + at(place + 2 * radius + 1) - at(place);
        }
    }
    sums
}

fn transposed(values: &[u32], width: usize) -> Vec<u32> {
    let height = values.len() / width.max(1);
    let places = (0..width).flat_map(|column| (0..height).map(move |row| row * width + column));
    places.map(|place| values[place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32, value: impl Fn(u32, u32) -> u8) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| [value(x, y); 3].into())
    }

    /// A fine pattern, of which the autoencoder leaves an even grey.
    fn detail(width: u32, height: u32) -> LostDetail {
        let picture = frame(width, height, |x, y| 100 + 20 * ((x + y) % 2) as u8);
        LostDetail::new(Arc::new(picture), frame(width, height, |_, _| 110))
    }

    #[test]
    fn at_the_keyframe_the_picture_comes_back_and_half_way_half_of_its_detail() {
        let detail = detail(12, 9);
        let soft = detail.reconstruction.clone();
        let made = |fraction| restored(soft.clone(), fraction, [Some(&detail), None], 2).unwrap();
        assert_eq!(made(0.0), *detail.picture);
        assert_eq!(made(0.5).as_raw()[..6], [105, 105, 105, 115, 115, 115]);
        assert_eq!(made(1.0), soft);
        let from_right = restored(soft.clone(), 1.0, [None, Some(&detail)], 2).unwrap();
        assert_eq!(from_right, *detail.picture);
        assert_eq!(restored(soft.clone(), 0.3, [None, None], 2).unwrap(), soft);
    }

    #[test]
    fn where_the_film_shows_something_else_nothing_is_added() {
        let detail = detail(24, 6);
        let moved = frame(24, 6, |x, _| if x < 12 { 110 } else { 200 });
        let made = restored(moved.clone(), 0.0, [Some(&detail), None], 1).unwrap();
        let row = |frame: &RgbImage| {
            let pixels = frame.pixels().take(24);
            pixels.map(|pixel| pixel[0]).collect::<Vec<_>>()
        };
        assert_eq!(row(&made)[..10], row(&detail.picture)[..10]);
        assert_eq!(row(&made)[14..], row(&moved)[14..]);
    }

    #[test]
    fn sums_repeat_the_edges() {
        assert_eq!(summed(&[1, 2, 3, 4], 4, 1), [4, 6, 9, 11]);
        assert_eq!(summed(&[1, 2, 3, 4], 2, 2), [7, 8, 17, 18]);
        assert_eq!(transposed(&[1, 2, 3, 4, 5, 6], 3), [1, 4, 2, 5, 3, 6]);
    }
}
