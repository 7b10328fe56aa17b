//! Depth: a map of any size and unit becomes the channel that a depth model sees.

use lb_blend::{LatentShape, Latents};

use super::channels_of;
use crate::error::ModelError;
use crate::picture::GreyPicture;

/// The cubic kernel's free parameter, with torch's value (Keys 1981 prefers −0.5).
const A: f64 = -0.75;
/// A map whose values differ by less than this fraction of the largest is flat: stretching it would
/// only show its rounding.
const FLAT: f64 = 1e-6;

/// The map resized to the latents' height and width and stretched to [-1, 1] by its own minimum and
/// maximum, as in diffusers' `StableDiffusionDepth2ImgPipeline`.
///
/// Resizing is bicubic without antialiasing: torch's
/// `interpolate(mode="bicubic", align_corners=False)`. The meaning of larger values depends on the
/// model: Stable Diffusion 2's takes MiDaS's inverse depth, in which near is large. A flat map, which
/// has no range to stretch, becomes 0 everywhere, the middle of the range.
///
/// # Errors
/// [`ModelError::EmptyPicture`], [`ModelError::PixelNotFinite`] and [`ModelError::Shape`] for broken
/// maps.
pub fn depth_channel(map: &GreyPicture, shape: LatentShape) -> Result<Latents, ModelError> {
    map.validate("depth map")?;
    let resized = resize(map, shape.height, shape.width);
    let least = resized.iter().copied().fold(f64::MAX, f64::min);
    let most = resized.iter().copied().fold(f64::MIN, f64::max);
    let range = most - least;
    let stretch = |value: f64| {
        if range <= FLAT * least.abs().max(most.abs()) {
            0.0
        } else {
            (2.0 * (value - least) / range - 1.0) as f32
        }
    };
    let stretched = resized.into_iter().map(stretch).collect();
    channels_of(shape.with_channels(1), stretched)
}

fn resize(map: &GreyPicture, height: usize, width: usize) -> Vec<f64> {
    let taps = |to, from| (0..to).map(|index| taps(index, to, from)).collect();
    let (rows, columns): (Vec<_>, Vec<_>) = (taps(height, map.height), taps(width, map.width));
    let mut resized = Vec::with_capacity(height * width);
    for row in &rows {
        for column in &columns {
            let along = |&(y, weight): &(usize, f64)| {
                let line = &map.values[y * map.width..][..map.width];
                let taps = column.iter();
                let taps = taps.map(|&(x, weight)| weight * f64::from(line[x]));
                weight * taps.sum::<f64>()
            };
            resized.push(row.iter().map(along).sum());
        }
    }
    resized
}

/// The four of `from` pixels that pixel `index` of `to` is computed from, with their weights. Beyond
/// the edge, the edge's pixel is repeated.
fn taps(index: usize, to: usize, from: usize) -> [(usize, f64); 4] {
    let position = (index as f64 + 0.5) * from as f64 / to as f64 - 0.5;
    let first = position.floor();
    let offset = position - first;
    let weights = [
        outer(1.0 + offset),
        inner(offset),
        inner(1.0 - offset),
        outer(2.0 - offset),
    ];
    let mut next = first - 1.0;
    weights.map(|weight| {
        let pixel = next.clamp(0.0, (from - 1) as f64) as usize;
        next += 1.0;
        (pixel, weight)
    })
}

/// The cubic convolution kernel at a distance of at most 1.
fn inner(distance: f64) -> f64 {
    ((A + 2.0) * distance - (A + 3.0)) * distance * distance + 1.0
}

/// The cubic convolution kernel at a distance from 1 to 2.
fn outer(distance: f64) -> f64 {
    ((A * distance - 5.0 * A) * distance + 8.0 * A) * distance - 4.0 * A
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: LatentShape = LatentShape {
        channels: 4,
        height: 2,
        width: 3,
    };

    fn map(width: usize, height: usize, value: impl Fn(usize) -> f32) -> GreyPicture {
        GreyPicture {
            width,
            height,
            values: (0..width * height).map(value).collect(),
        }
    }

    #[test]
    fn a_map_of_the_latents_size_is_only_stretched() {
        let values = [3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let channel = depth_channel(&map(3, 2, |index| values[index]), SHAPE).unwrap();
        assert_eq!(channel.shape(), SHAPE.with_channels(1));
        let expected = [-1.0, -0.6, -0.2, 0.2, 0.6, 1.0_f32];
        for (found, expected) in channel.values().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn any_unit_and_size_give_the_whole_range() {
        for (width, height) in [(1, 7), (2, 1), (50, 31)] {
            let sloped = map(width, height, |index| 1e4 + 3.0 * index as f32);
            let values = depth_channel(&sloped, SHAPE).unwrap().into_values();
            let most = values.iter().copied().fold(f32::MIN, f32::max);
            let least = values.iter().copied().fold(f32::MAX, f32::min);
            assert_eq!((least, most), (-1.0, 1.0), "{width}x{height}");
        }
    }

    #[test]
    fn a_flat_map_is_the_middle() {
        for value in [0.0, 0.1, -3e30, 65535.0] {
            let channel = depth_channel(&map(17, 9, |_| value), SHAPE).unwrap();
            assert_eq!(channel.values(), [0.0; 6], "{value}");
        }
    }

    #[test]
    fn broken_maps_are_refused() {
        let refused = |map: &GreyPicture| depth_channel(map, SHAPE).unwrap_err().to_string();
        assert_eq!(refused(&map(0, 3, |_| 0.0)), "the depth map has no pixels");
        let infinite = refused(&map(
            3,
            3,
            |index| if index == 5 { f32::INFINITY } else { 0.0 },
        ));
        assert!(
            infinite.contains("column 2, row 1") && infinite.contains("inf"),
            "{infinite}"
        );
    }
}
