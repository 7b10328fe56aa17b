//! Putting the kept part of an inpainted picture over the pictures that the model makes.

use image::RgbImage;
use lb_models::GreyPicture;
use lb_video::{VideoError, picture};

/// A pixel of a mask is white from this value on; the model uses the same threshold.
const THRESHOLD: f32 = 0.5;
/// The share of a fully repainted pixel, as a fixed-point number.
const WHOLE: u32 = 1 << 16;

/// The pixels of the source picture that are kept. Next to them, the share of the repainted picture
/// rises from 0 to 1 over the width of the feather.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct KeptPixels {
    source: RgbImage,
    /// For each pixel the share of the repainted picture, 0 to [`WHOLE`].
    shares: Vec<u32>,
}

impl KeptPixels {
    /// Black pixels of `mask` (below 0.5) are kept. The repainted part fades in over `feather` pixels
    /// from the nearest kept pixel. Source and mask have the same size.
    pub(crate) fn new(source: &RgbImage, mask: &GreyPicture, feather: f64) -> Self {
        let kept: Vec<bool> = mask.values.iter().map(|&value| value < THRESHOLD).collect();
        let share = |squared: u64| {
            let risen = ((squared as f64).sqrt() / (feather + 1.0)).min(1.0);
            // A smoothstep is flat at both ends, so that neither end is visible as an edge.
            (risen * risen * (3.0 - 2.0 * risen) * f64::from(WHOLE)).round() as u32
        };
        let distances = squared_distances(&kept, source.width() as usize);
        Self {
            source: source.clone(),
            shares: distances.into_iter().map(share).collect(),
        }
    }

    /// The kept pixels over a repainted picture of the same size.
    pub(crate) fn over(&self, mut repainted: RgbImage) -> Result<RgbImage, VideoError> {
        picture::validate_same_size(&repainted, picture::size(&self.source))?;
        let sources = self.source.pixels().zip(&self.shares);
        for (pixel, (source, &share)) in repainted.pixels_mut().zip(sources) {
            for (value, &source) in pixel.0.iter_mut().zip(&source.0) {
                let mixed = u32::from(*value) * share + u32::from(source) * (WHOLE - share);
                *value = ((mixed + WHOLE / 2) / WHOLE) as u8;
            }
        }
        Ok(repainted)
    }
}

/// The exact square of every pixel's distance to the nearest marked pixel (Meijster, Roerdink and
/// Hesselink 2000). If no pixel is marked, it is larger than any distance in the picture.
fn squared_distances(marked: &[bool], width: usize) -> Vec<u64> {
    let height = marked.len() / width.max(1);
    let far = (width + height) as i64;
    // Along columns first.
    let mut along: Vec<i64> = vec![far; marked.len()];
    for column in 0..width {
        let mut distance = far;
        for row in (0..height).chain((0..height).rev()) {
            let at = row * width + column;
            distance = if marked[at] {
                0
            } else {
                (distance + 1).min(far)
            };
            along[at] = along[at].min(distance);
        }
    }
    let lines = along.chunks_exact(width.max(1));
    lines.flat_map(lower_envelope).collect()
}

/// For each position the least of `(position − centre)² + heights[centre]²` over all centres.
fn lower_envelope(heights: &[i64]) -> Vec<u64> {
    let value = |position: i64, centre: i64| {
        let height = heights[centre as usize];
        (position - centre) * (position - centre) + height * height
    };
    // The first position at which the parabola around `right` lies below the one around `left`.
    let crossing = |left: i64, right: i64| {
        let lifted = value(0, right) - value(0, left);
        lifted.div_euclid(2 * (right - left)) + 1
    };
    let length = heights.len() as i64;
    // The parabolas of the envelope, and the position from which on each is the lowest.
    let mut lowest: Vec<(i64, i64)> = vec![(0, 0)];
    for centre in 1..length {
        while let Some(&(other, from)) = lowest.last()
            && value(from, other) > value(from, centre)
        {
            lowest.pop();
        }
        match lowest.last() {
            None => lowest.push((centre, 0)),
            Some(&(other, _)) => {
                let from = crossing(other, centre);
                if from < length {
                    lowest.push((centre, from));
                }
            }
        }
    }
    let mut envelope = Vec::with_capacity(heights.len());
    let mut index = 0;
    for position in 0..length {
        while lowest
            .get(index + 1)
            .is_some_and(|&(_, from)| from <= position)
        {
            index += 1;
        }
        envelope.push(value(position, lowest[index].0) as u64);
    }
    envelope
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(width: usize, kept: &[bool]) -> GreyPicture {
        let level = |&kept: &bool| if kept { 0.49 } else { 0.5 };
        GreyPicture {
            width,
            height: kept.len() / width,
            values: kept.iter().map(level).collect(),
        }
    }

    fn even(width: u32, height: u32, level: u8) -> RgbImage {
        RgbImage::from_pixel(width, height, image::Rgb([level; 3]))
    }

    #[test]
    fn the_feather_rises_into_the_repainted_side_alone() {
        let row = [true, true, false, false, false, false, false];
        let levels = |feather: f64| {
            let kept = KeptPixels::new(&even(7, 1, 0), &mask(7, &row), feather);
            let pixels = kept.over(even(7, 1, 200)).unwrap().into_raw();
            pixels.into_iter().step_by(3).collect::<Vec<u8>>()
        };
        assert_eq!(levels(0.0), [0, 0, 200, 200, 200, 200, 200]);
        assert_eq!(levels(3.0), [0, 0, 31, 100, 169, 200, 200]);
    }

    #[test]
    fn distances_go_around_corners_by_the_straight_line() {
        let mut kept = vec![false; 25];
        kept[0] = true;
        let squares = squared_distances(&kept, 5);
        assert_eq!(squares[..5], [0, 1, 4, 9, 16]);
        assert_eq!(squares[24], 32);
        assert!(
            squared_distances(&[false; 6], 3)
                .iter()
                .all(|&far| far > 13)
        );
    }

    proptest! {
        #[test]
        fn distances_are_those_to_the_nearest_marked_pixel(
            width in 1_usize..9,
            marked in prop::collection::vec(prop::bool::weighted(0.2), 1..80),
        ) {
            let height = marked.len().div_ceil(width);
            let mut marked = marked;
            marked.resize(width * height, false);
            marked[width * height / 2] = true;
            let squares = squared_distances(&marked, width);
            for (at, &found) in squares.iter().enumerate() {
                let apart = |other: usize| {
                    let columns = (at % width).abs_diff(other % width);
                    let rows = (at / width).abs_diff(other / width);
                    (columns * columns + rows * rows) as u64
                };
                let nearest = (0..marked.len()).filter(|&other| marked[other]).map(apart).min();
                prop_assert_eq!(Some(found), nearest);
            }
        }

        #[test]
        fn kept_pixels_are_those_of_the_source(
            pixels in prop::collection::vec((any::<[u8; 3]>(), any::<[u8; 3]>(), any::<bool>()), 48),
            feather in 0.0_f64..20.0,
        ) {
            let picture = |rgb: Vec<u8>| RgbImage::from_raw(8, 6, rgb).unwrap();
            let source = picture(pixels.iter().flat_map(|pixel| pixel.0).collect());
            let made = picture(pixels.iter().flat_map(|pixel| pixel.1).collect());
            let kept: Vec<bool> = pixels.iter().map(|pixel| pixel.2).collect();
            let put = KeptPixels::new(&source, &mask(8, &kept), feather);
            let made = put.over(made).unwrap();
            for (at, kept) in kept.into_iter().enumerate() {
                let [found, source] = [&made, &source].map(|picture| &picture.as_raw()[3 * at..][..3]);
                prop_assert!(!kept || found == source);
            }
        }
    }
}
