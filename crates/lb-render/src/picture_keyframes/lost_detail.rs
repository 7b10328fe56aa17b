//! Restoring the detail of a picture that the autoencoder loses, where the film still shows the picture.
//!
//! A picture that goes through the autoencoder comes back softer, with 27 to 32 dB between it and the
//! original on the bundled model. The film shows the exact picture at its keyframe. If the frame
//! beside it were as soft as the decoder makes it, the film would visibly snap out of focus. So the
//! computed frames near a picture get its lost detail back, pixel by pixel, as far as each still
//! looks like the picture's reconstruction there: where something has moved, the detail would be in
//! the wrong position.

use image::RgbImage;
use lb_video::{VideoError, picture};

/// Nothing is restored where a frame differs from the reconstruction by this many grey levels. The
/// number was chosen by looking at films of the bundled model: with half of it, visible detail is lost,
/// and without a limit, the outlines of pictures appear in frames that show something else.
const UNLIKE: u32 = 48;

/// A picture and what the autoencoder makes of it.
#[derive(Debug)]
pub(crate) struct LostDetail {
    picture: RgbImage,
    reconstruction: RgbImage,
}

impl LostDetail {
    /// The detail of a picture; both pictures have the film's size.
    pub(crate) fn new(picture: RgbImage, reconstruction: RgbImage) -> Self {
        Self {
            picture,
            reconstruction,
        }
    }

    /// Adds `share` of the detail to `sums`, which are the values of `frame`, and less where the frame
    /// looks unlike the reconstruction. They are compared over squares of `2 · radius + 1` pixels.
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

/// A computed frame with the lost detail of the keyframes of its transition, `left` and `right`, if
/// these are pictures. The share of each falls linearly from its own keyframe to the other.
pub(crate) fn restored(
    frame: RgbImage,
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
            detail.add_to(&mut sums, &frame, share, radius);
        }
    }
    let pixels = sums
        .into_iter()
        .map(|sum| sum.clamp(0.0, 255.0).round() as u8);
    let (width, height) = picture::size(&frame);
    picture::from_rgb(width, height, pixels.collect())
}

/// For each pixel the largest difference of its three values.
fn differences(left: &RgbImage, right: &RgbImage) -> Vec<u32> {
    let pixels = left
        .as_raw()
        .chunks_exact(3)
        .zip(right.as_raw().chunks_exact(3));
    let largest = |(left, right): (&[u8], &[u8])| {
        let values = left.iter().zip(right);
        values
            .map(|(&left, &right)| u32::from(left.abs_diff(right)))
            .max()
    };
    pixels.map(|pair| largest(pair).unwrap_or(0)).collect()
}

/// For each value the sum over it and `radius` neighbours on both sides, along its row. Beyond its
/// ends, a row continues with its first or last value.
fn summed(values: &[u32], width: usize, radius: usize) -> Vec<u32> {
    let mut sums = Vec::with_capacity(values.len());
    for row in values.chunks_exact(width) {
        let at = |index: usize| row[index.saturating_sub(radius).min(width - 1)];
        let mut sum: u32 = (0..=2 * radius).map(at).sum();
        for index in 0..width {
            sums.push(sum);
            sum = sum + at(index + 2 * radius + 1) - at(index);
        }
    }
    sums
}

fn transposed(values: &[u32], width: usize) -> Vec<u32> {
    let height = values.len() / width.max(1);
    let order = (0..width).flat_map(|column| (0..height).map(move |row| row * width + column));
    order.map(|index| values[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: usize, height: usize, value: impl Fn(usize, usize) -> u8) -> RgbImage {
        let pixels = (0..width * height).flat_map(|at| [value(at % width, at / width); 3]);
        picture::from_rgb(width, height, pixels.collect()).unwrap()
    }

    /// A fine pattern that the autoencoder turns into an even grey.
    fn detail(width: usize, height: usize) -> LostDetail {
        let picture = frame(width, height, |x, y| 100 + 20 * ((x + y) % 2) as u8);
        LostDetail::new(picture, frame(width, height, |_, _| 110))
    }

    #[test]
    fn all_detail_is_restored_at_the_keyframe_and_half_of_it_half_way() {
        let detail = detail(12, 9);
        let soft = detail.reconstruction.clone();
        let made = |fraction| restored(soft.clone(), fraction, [Some(&detail), None], 2).unwrap();
        assert_eq!(made(0.0), detail.picture);
        assert_eq!(made(0.5).as_raw()[..6], [105, 105, 105, 115, 115, 115]);
        assert_eq!(made(1.0), soft);
        let from_right = restored(soft.clone(), 1.0, [None, Some(&detail)], 2).unwrap();
        assert_eq!(from_right, detail.picture);
        assert_eq!(restored(soft.clone(), 0.3, [None, None], 2).unwrap(), soft);
    }

    #[test]
    fn nothing_is_restored_where_the_film_shows_something_else() {
        let detail = detail(24, 6);
        let moved = frame(24, 6, |x, _| if x < 12 { 110 } else { 200 });
        let made = restored(moved.clone(), 0.0, [Some(&detail), None], 1).unwrap();
        let row = |frame: &RgbImage| {
            frame.as_raw()[..72]
                .iter()
                .copied()
                .step_by(3)
                .collect::<Vec<_>>()
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
