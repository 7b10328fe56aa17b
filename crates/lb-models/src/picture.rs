//! Pictures as models see them: planes of numbers in [-1, 1].

use image::{Rgb, RgbImage};

use crate::error::ModelError;

/// A picture of one channel, row by row from the top: a mask or a depth map.
#[derive(Clone, PartialEq, Debug)]
pub struct GreyPicture {
    /// The number of pixels in a row.
    pub width: usize,
    /// The number of rows.
    pub height: usize,
    /// `width · height` values: 0 (black) to 1 (white) in a mask, in any unit in a depth map.
    pub values: Vec<f32>,
}

/// Red, green and blue planes in [-1, 1]: 2·byte/255 − 1.
pub(crate) fn planes(picture: &RgbImage) -> Vec<f32> {
    let channel = |channel: usize| picture.pixels().map(move |pixel| pixel[channel]);
    let planes = [0, 1, 2].into_iter().flat_map(channel);
    planes
        .map(|byte| 2.0 * (f32::from(byte) / 255.0) - 1.0)
        .collect()
}

/// Planes in [-1, 1] to bytes: round(clamp(x/2 + 0.5)·255), ties to even as in numpy. `None` if a value is
/// not finite.
pub(crate) fn from_planes(planes: &[f32], (width, height): (usize, usize)) -> Option<RgbImage> {
    // Without an early exit, one instruction can check many values.
    let are_finite = planes
        .iter()
        .fold(true, |finite, value| finite & value.is_finite());
    if !are_finite {
        return None;
    }
    let bytes: Vec<u8> = planes.iter().map(|&value| byte(value)).collect();
    let area = width * height;
    let ([red, green], blue) = (
        [0, area].map(|at| &bytes[at..at + area]),
        &bytes[2 * area..],
    );
    let mut picture = RgbImage::new(width as u32, height as u32);
    let pixels = picture.pixels_mut().zip(red).zip(green).zip(blue);
    for (((pixel, &red), &green), &blue) in pixels {
        *pixel = Rgb([red, green, blue]);
    }
    Some(picture)
}

/// round(clamp(x/2 + 0.5)·255), ties to even.
///
/// Adding 1.5·2²³ rounds the value to a whole number, ties to even, and leaves this number in the last bits.
/// Without SSE 4.1, `round_ties_even` is a call of a function for each value: 786,432 calls for a picture
/// of 512×512 pixels.
fn byte(value: f32) -> u8 {
    const ROUNDING: f32 = 12_582_912.0;
    ((value * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0 + ROUNDING).to_bits() as u8
}

/// The width and height of a picture.
pub(crate) fn size_of(picture: &RgbImage) -> (usize, usize) {
    (picture.width() as usize, picture.height() as usize)
}

impl GreyPicture {
    /// Checks that the picture, called `what` in messages, has pixels, as many as its width and height
    /// say, and that all of them are finite.
    pub(crate) fn validate(&self, what: &'static str) -> Result<(), ModelError> {
        let Self { width, height, .. } = *self;
        let (found, expected) = (self.values.len(), width.saturating_mul(height));
        if found != expected {
            let what = format!("the {what} of {width}x{height} pixels");
            let [found, expected] = [found, expected].map(|count| format!("{count} values"));
            return Err(ModelError::shape(what, found, expected));
        }
        if self.values.is_empty() {
            return Err(ModelError::EmptyPicture { what });
        }
        match self.values.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(index) => Err(ModelError::PixelNotFinite {
                what,
                column: index % width,
                row: index / width,
                value: self.values[index],
            }),
        }
    }
}

/// Checks the width and height of the picture that messages call `what`.
pub(crate) fn validate_size(
    what: &'static str,
    found: (usize, usize),
    expected: (usize, usize),
) -> Result<(), ModelError> {
    if found == expected {
        return Ok(());
    }
    Err(ModelError::InputSize {
        what,
        found,
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_stretched_clamped_and_rounded() {
        let planes = [-1.0, 1.0, 0.0, 7.0, -7.0, 0.5];
        let picture = from_planes(&planes, (2, 1)).unwrap();
        assert_eq!(picture.into_raw(), [0, 128, 0, 255, 255, 191]);
    }

    #[test]
    fn bytes_are_rounded_to_the_nearest_and_ties_to_even() {
        let expected =
            |value: f32| ((value / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u8;
        for step in 0..=40_000 {
            let value = step as f32 / 10_000.0 - 2.0;
            assert_eq!(byte(value), expected(value), "{value}");
        }
        // 127.5 and 126.5, exactly.
        for half in [0.0, -1.0 / 127.5] {
            assert_eq!(byte(half) % 2, 0, "{half}");
        }
        for value in [f32::MAX, f32::MIN, f32::MIN_POSITIVE, -0.0] {
            assert_eq!(byte(value), expected(value), "{value}");
        }
    }

    #[test]
    fn every_byte_comes_back() {
        let rgb: Vec<u8> = (0..=255).chain(0..=255).chain(0..=255).collect();
        let picture = RgbImage::from_raw(16, 16, rgb).unwrap();
        let planes = planes(&picture);
        assert_eq!((planes[0], planes[85]), (-1.0, 1.0));
        let back = from_planes(&planes, (16, 16)).unwrap();
        assert_eq!(back, picture);
    }

    #[test]
    fn there_is_no_picture_of_nan() {
        assert_eq!(from_planes(&[f32::NAN, 0.0, 0.0], (1, 1)), None);
    }

    #[test]
    fn grey_pictures_must_have_their_pixels() {
        let refused = |width, height, values: &[f32]| {
            let values = values.to_vec();
            let picture = GreyPicture {
                width,
                height,
                values,
            };
            picture.validate("mask").unwrap_err().to_string()
        };
        assert_eq!(
            refused(2, 2, &[0.0; 3]),
            "the mask of 2x2 pixels: found 3 values, expected 4 values"
        );
        assert_eq!(refused(0, 2, &[]), "the mask has no pixels");
        assert_eq!(
            refused(2, 2, &[0.0, 1.0, 0.0, f32::NAN]),
            "the mask's pixel in column 1, row 1 (from 0) is NaN; it must be finite"
        );
    }
}
