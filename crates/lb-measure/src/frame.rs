//! What is measured of single frames, in exact integers.

use std::sync::Arc;

use image::RgbImage;
use lb_video::picture;

/// The two keyframes of a transition.
pub(crate) struct Ends {
    left: Arc<RgbImage>,
    right: Arc<RgbImage>,
    square_distance: i64,
}

impl Ends {
    pub(crate) fn new(left: &Arc<RgbImage>, right: &Arc<RgbImage>) -> Self {
        Self {
            left: Arc::clone(left),
            right: Arc::clone(right),
            square_distance: picture::square_distance(left, right) as i64,
        }
    }

    pub(crate) fn distance(&self) -> f64 {
        (self.square_distance as f64 / self.left.as_raw().len() as f64).sqrt()
    }

    /// The blend residual of a frame: its distance to the nearest mix of the ends over the distance of
    /// the ends. There is none where the ends do not differ.
    pub(crate) fn residual(&self, frame: &RgbImage) -> Option<f64> {
        if self.square_distance == 0 {
            return None;
        }
        let (mut along, mut away) = (0, 0);
        let ends = self.left.iter().zip(self.right.iter());
        for ((&left, &right), &value) in ends.zip(frame.iter()) {
            let left = i64::from(left);
            let (from_end, from_frame) = (i64::from(right) - left, i64::from(value) - left);
            along += from_end * from_frame;
            away += from_frame * from_frame;
        }
        let whole = self.square_distance;
        let share = |rest: i64| rest as f64 / whole as f64;
        let squared = if along <= 0 {
            share(away)
        } else if along >= whole {
            share(away - 2 * along + whole)
        } else {
            // This is (away − along²/whole)/whole, computed without cancelling what may be a small rest.
            let [along, away, whole] = [along, away, whole].map(i128::from);
            let whole_squared = (whole * whole) as f64;
            (away * whole - along * along) as f64 / whole_squared
        };
        Some(squared.max(0.0).sqrt())
    }
}

/// The luma of a pixel in units of 1/10000 of a grey level, so that all sums are exact.
pub(crate) fn luma([red, green, blue]: [u8; 3]) -> i64 {
    2126 * i64::from(red) + 7152 * i64::from(green) + 722 * i64::from(blue)
}

/// The variance of the Laplacian of the luma over the pixels that have four neighbours, or 0 where no pixel
/// has. Only ratios are used.
pub(crate) fn laplacian_variance(frame: &RgbImage) -> f64 {
    let (width, height) = picture::size(frame);
    if width < 3 || height < 3 {
        return 0.0;
    }
    let row = |row: usize| {
        let pixels = &frame.as_raw().as_chunks().0[row * width..(row + 1) * width];
        let luma = pixels.iter().map(|&rgb| luma(rgb) as i32);
        luma.collect::<Vec<i32>>()
    };
    let (mut above, mut here) = (row(0), row(1));
    let (mut sum, mut squares) = (0_i64, 0_i128);
    for next in 2..height {
        let below = row(next);
        // The sum fits: a square is at most (8 · 255 · 10000)², and a row has at most 16,384 of them.
        let mut squares_of_row = 0_i64;
        for at in 1..width - 1 {
            let neighbours = here[at - 1] + here[at + 1] + above[at] + below[at];
            let laplacian = i64::from(neighbours - 4 * here[at]);
            sum += laplacian;
            squares_of_row += laplacian * laplacian;
        }
        squares += i128::from(squares_of_row);
        (above, here) = (here, below);
    }
    let count = ((width - 2) * (height - 2)) as f64;
    let mean = sum as f64 / count;
    (squares as f64 / count - mean * mean).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(values: &[u8]) -> Arc<RgbImage> {
        Arc::new(picture::from_rgb(values.len() / 3, 1, values.to_vec()).unwrap())
    }

    #[test]
    fn what_lies_beside_the_line_of_mixes_is_residual() {
        let (left, right) = (frame(&[0, 0, 0]), frame(&[100, 0, 0]));
        let ends = Ends::new(&left, &right);
        let residual = |values| ends.residual(&frame(values)).unwrap();
        assert_eq!(residual(&[40, 0, 0]), 0.0);
        assert!((residual(&[40, 30, 40]) - 0.5).abs() < 1e-12);
        // There are no mixes beyond the ends, so the nearest one is the end itself.
        assert!((residual(&[150, 0, 0]) - 0.5).abs() < 1e-12);
        assert_eq!(Ends::new(&left, &left).residual(&right), None);
    }

    #[test]
    fn the_laplacian_of_a_single_point() {
        // The picture has 5×3 white pixels, and one of the inner three is black.
        let mut pixels = vec![255; 45];
        pixels[3 * 7..3 * 8].fill(0);
        let point = RgbImage::from_raw(5, 3, pixels).unwrap();
        let white = 255.0 * 10_000.0_f64;
        // The Laplacians are −1, 4 and −1 times white: their mean is 2/3 and their mean square 6.
        let expected = (6.0 - 4.0 / 9.0) * white * white;
        assert!((laplacian_variance(&point) / expected - 1.0).abs() < 1e-12);
        let flat = RgbImage::from_pixel(5, 3, [9; 3].into());
        assert_eq!(laplacian_variance(&flat), 0.0);
        assert_eq!(laplacian_variance(&frame(&[0, 9, 3, 7, 7, 7])), 0.0);
    }
}
