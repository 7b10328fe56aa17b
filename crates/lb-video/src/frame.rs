//! One picture.

use std::sync::Arc;

use crate::error::VideoError;

/// Longest side of a [`Frame`], in pixels.
pub const MAX_SIDE: usize = 16_384;

/// A picture of 8-bit R'G'B' pixels (sRGB), row by row from the top. Clones share the pixels.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    width: usize,
    height: usize,
    pixels: Arc<Vec<u8>>,
}

impl Frame {
    /// A frame of `width * height * 3` bytes: red, green, blue.
    ///
    /// # Errors
    /// [`VideoError::FrameSize`] for a side of 0 or above [`MAX_SIDE`], [`VideoError::PixelCount`]
    /// if the bytes are not as many.
    pub fn from_rgb(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, VideoError> {
        check_size(width, height)?;
        let expected = width * height * 3;
        if pixels.len() != expected {
            return Err(VideoError::PixelCount {
                width,
                height,
                bytes: pixels.len(),
                expected,
            });
        }
        Ok(Self {
            width,
            height,
            pixels: Arc::new(pixels),
        })
    }

    /// `(1 - weight) * left + weight * right`, in the R'G'B' values as they are, rounded to the
    /// nearest; weight 0 gives exactly `left` and 1 exactly `right`. The weight counts in steps of
    /// 1/65536.
    ///
    /// # Errors
    /// [`VideoError::SizesDiffer`]; [`VideoError::Weight`] unless it lies in 0 to 1.
    pub fn blend(left: &Self, right: &Self, weight: f64) -> Result<Self, VideoError> {
        right.check_same_size(left.width, left.height)?;
        if !(0.0..=1.0).contains(&weight) {
            return Err(VideoError::Weight { weight });
        }
        if weight == 0.0 {
            return Ok(left.clone());
        }
        if weight == 1.0 {
            return Ok(right.clone());
        }
        let share = (weight * f64::from(ONE)).round() as u32;
        let mix = |(&left, &right): (&u8, &u8)| {
            ((u32::from(left) * (ONE - share) + u32::from(right) * share + ONE / 2) / ONE) as u8
        };
        let pixels = left
            .pixels
            .iter()
            .zip(right.pixels.iter())
            .map(mix)
            .collect();
        Ok(Self {
            width: left.width,
            height: left.height,
            pixels: Arc::new(pixels),
        })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels: red, green, blue, row by row from the top.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub(crate) fn check_same_size(&self, width: usize, height: usize) -> Result<(), VideoError> {
        if (self.width, self.height) == (width, height) {
            return Ok(());
        }
        Err(VideoError::SizesDiffer {
            width: self.width,
            height: self.height,
            expected_width: width,
            expected_height: height,
        })
    }
}

/// 1.0 in the fixed-point numbers of a cross-fade.
const ONE: u32 = 1 << 16;

pub(crate) fn check_size(width: usize, height: usize) -> Result<(), VideoError> {
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

impl std::fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Frame({}x{})", self.width, self.height)
    }
}
