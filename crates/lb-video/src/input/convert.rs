//! Decoded images of any channels and depth as pictures of one kind. There are never two copies of the pixels
//! beside the result.

use image::{DynamicImage, RgbImage};

/// Red, green and blue bytes, laid over white.
pub(super) fn rgb(image: DynamicImage) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let pixels = match image {
        DynamicImage::ImageRgb8(image) => return image,
        DynamicImage::ImageLuma8(image) => over_white::<_, 1>(image.as_raw(), 0xff),
        DynamicImage::ImageLumaA8(image) => over_white::<_, 2>(image.as_raw(), 0xff),
        DynamicImage::ImageRgba8(image) => over_white::<_, 4>(image.as_raw(), 0xff),
        DynamicImage::ImageLuma16(image) => over_white::<_, 1>(image.as_raw(), 0xffff),
        DynamicImage::ImageLumaA16(image) => over_white::<_, 2>(image.as_raw(), 0xffff),
        DynamicImage::ImageRgb16(image) => over_white::<_, 3>(image.as_raw(), 0xffff),
        image => over_white::<_, 4>(image.into_rgba16().as_raw(), 0xffff),
    };
    // There are three bytes for each pixel, so the buffer always fits.
    RgbImage::from_raw(width, height, pixels).unwrap_or_default()
}

fn over_white<S: Copy + Into<u64>, const N: usize>(samples: &[S], most: u64) -> Vec<u8> {
    let whole = most * most;
    let pixels = samples.as_chunks::<N>().0;
    let mut result = Vec::with_capacity(3 * pixels.len());
    for pixel in pixels {
        let [red, green, blue, alpha] = rgba(pixel, most);
        result.extend([red, green, blue].map(|value| {
            let seen = value * alpha + most * (most - alpha);
            ((seen * 255 + whole / 2) / whole) as u8
        }));
    }
    result
}

/// Grey values from 0 to 1, or the index of the first pixel that is not opaque.
pub(super) fn grey(image: DynamicImage) -> Result<Vec<f32>, usize> {
    match image {
        DynamicImage::ImageLuma8(image) => luma::<_, 1>(image.as_raw(), 0xff),
        DynamicImage::ImageLumaA8(image) => luma::<_, 2>(image.as_raw(), 0xff),
        DynamicImage::ImageRgb8(image) => luma::<_, 3>(image.as_raw(), 0xff),
        DynamicImage::ImageRgba8(image) => luma::<_, 4>(image.as_raw(), 0xff),
        DynamicImage::ImageLuma16(image) => luma::<_, 1>(image.as_raw(), 0xffff),
        DynamicImage::ImageLumaA16(image) => luma::<_, 2>(image.as_raw(), 0xffff),
        DynamicImage::ImageRgb16(image) => luma::<_, 3>(image.as_raw(), 0xffff),
        image => luma::<_, 4>(image.into_rgba16().as_raw(), 0xffff),
    }
}

fn luma<S: Copy + Into<u64>, const N: usize>(samples: &[S], most: u64) -> Result<Vec<f32>, usize> {
    let pixels = samples.as_chunks::<N>().0;
    let mut values = Vec::with_capacity(pixels.len());
    for (index, pixel) in pixels.iter().enumerate() {
        let [red, green, blue, alpha] = rgba(pixel, most);
        if alpha != most {
            return Err(index);
        }
        let weighted = 2126 * red + 7152 * green + 722 * blue;
        values.push((weighted as f64 / (10_000 * most) as f64) as f32);
    }
    Ok(values)
}

/// The red, green, blue and alpha of a pixel of one to four channels.
fn rgba<S: Copy + Into<u64>, const N: usize>(pixel: &[S; N], most: u64) -> [u64; 4] {
    let value = |channel: usize| pixel[channel].into();
    match N {
        1 => [value(0), value(0), value(0), most],
        2 => [value(0), value(0), value(0), value(1)],
        3 => [value(0), value(1), value(2), most],
        _ => [value(0), value(1), value(2), value(3)],
    }
}
