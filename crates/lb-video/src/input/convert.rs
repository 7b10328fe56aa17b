//! Decoded images of any channels and depth as pictures of one kind.

use image::{DynamicImage, RgbImage};

/// Red, green and blue bytes, laid over white.
pub(super) fn rgb(image: DynamicImage) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let pixels = match image {
        DynamicImage::ImageRgb8(image) => return image,
        image if has_bytes(&image) => over_white(image.into_rgba8().as_raw(), 0xff),
        image => over_white(image.into_rgba16().as_raw(), 0xffff),
    };
    // There are three bytes for each pixel, so the buffer always fits.
    RgbImage::from_raw(width, height, pixels).unwrap_or_default()
}

fn over_white<S: Copy + Into<u64>>(samples: &[S], most: u64) -> Vec<u8> {
    let whole = most * most;
    let pixels = samples.as_chunks().0.iter();
    let seen = pixels.flat_map(|pixel: &[S; 4]| {
        let [red, green, blue, alpha]: [u64; 4] = pixel.map(Into::into);
        [red, green, blue].map(|value| {
            let seen = value * alpha + most * (most - alpha);
            ((seen * 255 + whole / 2) / whole) as u8
        })
    });
    seen.collect()
}

/// Grey values from 0 to 1, or the index of the first pixel that is not opaque.
pub(super) fn grey(image: DynamicImage) -> Result<Vec<f32>, usize> {
    if has_bytes(&image) {
        luma(image.into_rgba8().as_raw(), 0xff)
    } else {
        luma(image.into_rgba16().as_raw(), 0xffff)
    }
}

fn luma<S: Copy + Into<u64>>(samples: &[S], most: u64) -> Result<Vec<f32>, usize> {
    let pixels = samples.as_chunks().0.iter().enumerate();
    let values = pixels.map(|(index, pixel): (usize, &[S; 4])| {
        let [red, green, blue, alpha]: [u64; 4] = pixel.map(Into::into);
        let weighted = 2126 * red + 7152 * green + 722 * blue;
        let value = (weighted as f64 / (10_000 * most) as f64) as f32;
        if alpha == most { Ok(value) } else { Err(index) }
    });
    values.collect()
}

/// Whether a channel has 8 bits.
fn has_bytes(image: &DynamicImage) -> bool {
    let colour = image.color();
    colour.bytes_per_pixel() == colour.channel_count()
}
