//! A small film to test with: a disc that moves over a gradient and changes its colour.

use lb_video::{RgbImage, picture as pictures};

pub(crate) const WIDTH: usize = 96;
pub(crate) const HEIGHT: usize = 64;

pub(crate) fn plain(colour: [u8; 3]) -> RgbImage {
    pictures::from_rgb(WIDTH, HEIGHT, colour.repeat(WIDTH * HEIGHT)).unwrap()
}

pub(crate) fn scene(count: usize) -> Vec<RgbImage> {
    (0..count)
        .map(|index| picture(WIDTH, HEIGHT, index as f64 / count.max(2) as f64))
        .collect()
}

/// `time` runs from 0 to 1. Edges are soft: a hard one between two colours cannot survive 4:2:0.
pub(crate) fn picture(width: usize, height: usize, time: f64) -> RgbImage {
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x as f64 / width as f64, y as f64 / height as f64);
            let distance = (u - 0.2 - 0.6 * time).hypot((v - 0.5) * height as f64 / width as f64);
            let inside = ((0.18 - distance) * 12.0 + 0.5).clamp(0.0, 1.0);
            let disc = [220.0 - 160.0 * time, 40.0 + 150.0 * time, 50.0];
            let ground = [90.0 + 100.0 * u, 140.0 + 60.0 * v, 200.0 - 60.0 * u];
            for (disc, ground) in disc.into_iter().zip(ground) {
                pixels.push((ground + (disc - ground) * inside).round() as u8);
            }
        }
    }
    pictures::from_rgb(width, height, pixels).unwrap()
}
