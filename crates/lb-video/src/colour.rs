//! R'G'B' to Y'CbCr 4:2:0, BT.709, limited range.
//!
//! Rec. ITU-R BT.709-6, items 3.2 to 3.4 and 4.6: E'Y = 0.2126 R' + 0.7152 G' + 0.0722 B', Cb and
//! Cr are the scaled differences B' - E'Y and R' - E'Y; luma is 16 to 235, chroma 16 to 240 around
//! 128. Every value is rounded to the nearest.
//!
//! Chroma lies where a decoder looks for it when a stream does not say (H.264 Annex E,
//! chroma_sample_loc_type 0): beside the left one of two columns, between two rows. So it is the
//! mean of the two rows, of three columns weighted 1, 2, 1.

use image::RgbImage;

use crate::picture::{size, square_distance};

/// Planes of a picture in Y'CbCr 4:2:0: luma at full size, both chroma planes at half.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct YuvPlanes {
    pub(crate) luma: Vec<u8>,
    pub(crate) blue_difference: Vec<u8>,
    pub(crate) red_difference: Vec<u8>,
}

const SHIFT: u32 = 16;
const KR: f64 = 0.2126;
const KG: f64 = 0.7152;
const KB: f64 = 0.0722;

/// Luma's weights of red, green and blue, in fixed point.
const LUMA: [i32; 3] = fixed([KR, KG, KB], 219.0 / 255.0);
/// Cb's weights: (B' - E'Y) / 1.8556.
const BLUE_DIFFERENCE: [i32; 3] = fixed([-KR, -KG, 1.0 - KB], 224.0 / 255.0 / 1.8556);
/// Cr's weights: (R' - E'Y) / 1.5748.
const RED_DIFFERENCE: [i32; 3] = fixed([1.0 - KR, -KG, -KB], 224.0 / 255.0 / 1.5748);

const fn fixed(weights: [f64; 3], scale: f64) -> [i32; 3] {
    let one = (1u32 << SHIFT) as f64 * scale;
    [
        (weights[0] * one).round() as i32,
        (weights[1] * one).round() as i32,
        (weights[2] * one).round() as i32,
    ]
}

fn weigh(weights: [i32; 3], pixel: [i32; 3]) -> i32 {
    weights[0] * pixel[0] + weights[1] * pixel[1] + weights[2] * pixel[2]
}

impl YuvPlanes {
    pub(crate) fn grey((width, height): (usize, usize)) -> Self {
        let chroma = vec![128; width * height / 4];
        Self {
            luma: vec![128; width * height],
            blue_difference: chroma.clone(),
            red_difference: chroma,
        }
    }

    /// Copies the visible part of planes whose rows have these strides in bytes.
    pub(crate) fn copy(
        planes: [&[u8]; 3],
        strides: (usize, usize, usize),
        (width, height): (usize, usize),
    ) -> Self {
        let rows = |plane: &[u8], stride: usize, (width, height): (usize, usize)| {
            let rows = plane.chunks(stride).take(height);
            rows.flat_map(|row| &row[..width]).copied().collect()
        };
        let half = (width / 2, height / 2);
        Self {
            luma: rows(planes[0], strides.0, (width, height)),
            blue_difference: rows(planes[1], strides.1, half),
            red_difference: rows(planes[2], strides.2, half),
        }
    }

    /// Luma, Cb, Cr.
    pub(crate) fn planes(&self) -> [&[u8]; 3] {
        [&self.luma, &self.blue_difference, &self.red_difference]
    }

    /// Sum of the squared differences of all values.
    pub(crate) fn square_error(&self, other: &Self) -> u64 {
        let pairs = self.planes().into_iter().zip(other.planes());
        pairs.map(|(one, other)| square_distance(one, other)).sum()
    }

    /// Replaces the planes by those of `frame`, whose sides are even.
    pub(crate) fn read(&mut self, frame: &RgbImage) {
        let (width, height) = size(frame);
        debug_assert!(width.is_multiple_of(2) && height.is_multiple_of(2));
        self.luma.clear();
        self.blue_difference.clear();
        self.red_difference.clear();
        self.luma.extend(frame.pixels().map(|pixel| luma(pixel.0)));
        for rows in frame.as_raw().chunks_exact(width * 3 * 2) {
            let (upper, lower) = rows.split_at(width * 3);
            let (upper, lower) = (upper.as_chunks().0, lower.as_chunks().0);
            let column = |x: usize| add(upper[x], lower[x]);
            for x in (0..width).step_by(2) {
                let (left, here, right) = (column(x.saturating_sub(1)), column(x), column(x + 1));
                let sum = [0, 1, 2].map(|band| left[band] + 2 * here[band] + right[band]);
                self.blue_difference.push(chroma(BLUE_DIFFERENCE, sum));
                self.red_difference.push(chroma(RED_DIFFERENCE, sum));
            }
        }
    }
}

/// Converts planes of luma, Cb and Cr, whose rows have these strides in bytes, to R'G'B' of
/// `width * height` pixels. Chroma is interpolated linearly between its samples.
pub(crate) fn to_rgb(
    planes: [&[u8]; 3],
    strides: (usize, usize, usize),
    (width, height): (usize, usize),
) -> Vec<u8> {
    let mut pixels = vec![0; width * height * 3];
    let strides = [strides.0, strides.1, strides.2];
    let (last_column, last_row) = (width.div_ceil(2) - 1, height.div_ceil(2) - 1);
    let lumas: [f32; 256] = std::array::from_fn(|luma| (luma as f32 - 16.0) / 219.0);
    for (y, pixels) in pixels.chunks_exact_mut(3 * width).enumerate() {
        let row = |plane: usize, y: usize| &planes[plane][y * strides[plane]..];
        let luma = &row(0, y)[..width];
        let beyond = match y % 2 {
            0 => (y / 2).saturating_sub(1),
            _ => (y / 2 + 1).min(last_row),
        };
        let [blue, red] = [1, 2].map(|plane| {
            let chroma = |y: usize| &row(plane, y)[..=last_column];
            (chroma(y / 2), chroma(beyond))
        });
        for (x, (&luma, pixel)) in luma.iter().zip(pixels.as_chunks_mut().0).enumerate() {
            let (left, right) = (x / 2, x.div_ceil(2).min(last_column));
            let difference = |(near, far): (&[u8], &[u8])| {
                let two = |row: &[u8]| f32::from(row[left]) + f32::from(row[right]);
                (0.375 * two(near) + 0.125 * two(far) - 128.0) / 224.0
            };
            let luma = lumas[usize::from(luma)];
            let blue = luma + 1.8556 * difference(blue);
            let red = luma + 1.5748 * difference(red);
            let green = (luma - KR as f32 * red - KB as f32 * blue) / KG as f32;
            *pixel = [red, green, blue].map(|band| rounded(band * 255.0));
        }
    }
    pixels
}

/// The nearest byte, as `round` finds it. That is a call of a function on processors that are not asked for more
/// than they all have, and half of the time of a conversion.
fn rounded(value: f32) -> u8 {
    let whole = value as u8;
    whole.saturating_add(u8::from(value - f32::from(whole) >= 0.5))
}

fn luma(pixel: [u8; 3]) -> u8 {
    let weighed = weigh(LUMA, pixel.map(i32::from));
    (16 + ((weighed + (1 << (SHIFT - 1))) >> SHIFT)) as u8
}

/// `sum` is eight times the mean colour.
fn chroma(weights: [i32; 3], sum: [i32; 3]) -> u8 {
    let shift = SHIFT + 3;
    (128 + ((weigh(weights, sum) + (1 << (shift - 1))) >> shift)) as u8
}

fn add(upper: [u8; 3], lower: [u8; 3]) -> [i32; 3] {
    [0, 1, 2].map(|band| i32::from(upper[band]) + i32::from(lower[band]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planes(width: usize, height: usize, pixels: Vec<u8>) -> YuvPlanes {
        let mut planes = YuvPlanes::default();
        planes.read(&crate::picture::from_rgb(width, height, pixels).unwrap());
        planes
    }

    #[test]
    fn rounding_is_that_of_the_standard_library() {
        for value in (-300..70_000).map(|step| step as f32 / 256.0) {
            for value in [value.next_down(), value, value.next_up()] {
                assert_eq!(rounded(value), value.round() as u8, "{value}");
            }
        }
    }

    /// The values of BT.709's 100 % colour bars in 8 bits.
    #[test]
    fn plain_colours_have_their_published_values() {
        for (rgb, yuv) in [
            ([0, 0, 0], [16, 128, 128]),
            ([255, 255, 255], [235, 128, 128]),
            ([255, 0, 0], [63, 102, 240]),
            ([0, 255, 0], [173, 42, 26]),
            ([0, 0, 255], [32, 240, 118]),
            ([255, 255, 0], [219, 16, 138]),
            ([0, 255, 255], [188, 154, 16]),
            ([255, 0, 255], [78, 214, 230]),
            ([128, 128, 128], [126, 128, 128]),
        ] {
            let planes = planes(4, 2, rgb.repeat(8));
            assert_eq!(planes.luma, [yuv[0]; 8], "{rgb:?}");
            assert_eq!(planes.blue_difference, [yuv[1]; 2], "{rgb:?}");
            assert_eq!(planes.red_difference, [yuv[2]; 2], "{rgb:?}");
        }
    }

    #[test]
    fn grey_has_no_colour_at_any_level() {
        for level in 0..=255 {
            let planes = planes(2, 2, vec![level; 12]);
            assert_eq!(
                (planes.blue_difference[0], planes.red_difference[0]),
                (128, 128)
            );
        }
    }

    /// A ramp over columns: a sample beside the left column has that column's colour, where a
    /// sample between both columns would have their mean.
    #[test]
    fn chroma_lies_beside_the_left_column() {
        let row: Vec<u8> = (0..8u8).flat_map(|x| [x * 32, 0, 0]).collect();
        let ramp = planes(8, 2, row.repeat(2));
        for (sample, x) in [(1, 2u8), (2, 4), (3, 6)] {
            let alone = planes(2, 2, [x * 32, 0, 0].repeat(4));
            assert_eq!(ramp.red_difference[sample], alone.red_difference[0]);
        }
    }
}
