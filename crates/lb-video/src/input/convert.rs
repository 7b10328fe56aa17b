//! Decoded images of any channels and depth as pictures of one kind.

use image::{DynamicImage, Rgb, RgbImage};

/// The samples of a decoded image, pixel by pixel.
enum Samples {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

/// The samples, and how many of them a pixel has: 1 for grey, 2 for grey and alpha, 3 for colour, 4 for
/// colour and alpha.
fn samples(image: DynamicImage) -> (Samples, usize) {
    let channels = usize::from(image.color().channel_count());
    let samples = match image {
        DynamicImage::ImageLuma8(image) => Samples::Eight(image.into_raw()),
        DynamicImage::ImageLumaA8(image) => Samples::Eight(image.into_raw()),
        DynamicImage::ImageRgb8(image) => Samples::Eight(image.into_raw()),
        DynamicImage::ImageRgba8(image) => Samples::Eight(image.into_raw()),
        DynamicImage::ImageLuma16(image) => Samples::Sixteen(image.into_raw()),
        DynamicImage::ImageLumaA16(image) => Samples::Sixteen(image.into_raw()),
        DynamicImage::ImageRgb16(image) => Samples::Sixteen(image.into_raw()),
        other => return (Samples::Sixteen(other.into_rgba16().into_raw()), 4),
    };
    (samples, channels)
}

/// Red, green and blue bytes, laid over white.
pub(super) fn rgb(image: DynamicImage) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let pixels = match samples(image) {
        (Samples::Eight(bytes), 3) => bytes,
        (Samples::Eight(samples), channels) => over_white(&samples, channels, 0xff),
        (Samples::Sixteen(samples), channels) => over_white(&samples, channels, 0xffff),
    };
    let mut pixels = pixels.chunks_exact(3);
    let black = [0; 3];
    RgbImage::from_fn(width, height, |_, _| {
        Rgb(pixels
            .next()
            .and_then(|pixel| pixel.try_into().ok())
            .unwrap_or(black))
    })
}

fn over_white<S: Copy + Into<u64>>(samples: &[S], channels: usize, most: u64) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(samples.len() / channels * 3);
    let whole = most * most;
    for pixel in samples.chunks_exact(channels) {
        let (colour, alpha) = split(pixel, most);
        rgb.extend([0, 1, 2].map(|channel| {
            let value = colour[channel.min(colour.len() - 1)].into();
            let seen = value * alpha + most * (most - alpha);
            ((seen * 255 + whole / 2) / whole) as u8
        }));
    }
    rgb
}

/// Grey values from 0 to 1, or the index of the first pixel that is not opaque.
pub(super) fn grey(image: DynamicImage) -> Result<Vec<f32>, usize> {
    match samples(image) {
        (Samples::Eight(samples), channels) => luma(&samples, channels, 0xff),
        (Samples::Sixteen(samples), channels) => luma(&samples, channels, 0xffff),
    }
}

fn luma<S: Copy + Into<u64>>(samples: &[S], channels: usize, most: u64) -> Result<Vec<f32>, usize> {
    let pixels = samples.chunks_exact(channels).enumerate();
    let value = |(index, pixel): (usize, &[S])| {
        let (colour, alpha) = split(pixel, most);
        if alpha != most {
            return Err(index);
        }
        let weighted = match *colour {
            [red, green, blue] => 2126 * red.into() + 7152 * green.into() + 722 * blue.into(),
            _ => 10_000 * colour[0].into(),
        };
        Ok((weighted as f64 / (10_000 * most) as f64) as f32)
    };
    pixels.map(value).collect()
}

/// The colour of a pixel, which is one or three values, and its alpha.
fn split<S: Copy + Into<u64>>(pixel: &[S], most: u64) -> (&[S], u64) {
    match pixel {
        [colour @ .., alpha] if pixel.len().is_multiple_of(2) => (colour, (*alpha).into()),
        colour => (colour, most),
    }
}
