//! What both keyframes of a transition have in common, and how it changes between them.

use image::RgbImage;
use lb_video::picture;

use crate::frame::luma;
use crate::statistics::BackgroundCurves;

/// Keyframes agree at a pixel where no channel differs by more than this many grey levels. The noise of an
/// encoder and soft shadows stay below it, and an object in front of a background does not.
const AGREEMENT: u8 = 10;

/// The width of the rim around whatever differs, as a share of the frame's longer side. A shape that
/// is for a moment larger than both keyframes show it stays within the rim.
const RIM: f64 = 0.04;

/// The share of the picture that a background covers at the least. In a smaller part, a shape that leaves
/// its rim would weigh more than the background.
const LEAST_SHARE: f64 = 0.05;

/// The least deviation of luma, in grey levels, that the spread is relative to. A flat background would be
/// infinitely more restless with the first rounding error.
const LEAST_DEVIATION: f64 = 1.0;

/// The pixels that show the same background in both keyframes.
pub(crate) struct Background {
    /// Whether each pixel belongs to it, row by row.
    inside: Vec<bool>,
    /// The number of its pixels.
    count: usize,
}

/// The luma of a frame over a [`Background`], in grey levels.
#[derive(Clone, Copy)]
pub(crate) struct BackgroundLuma {
    mean: f64,
    deviation: f64,
}

impl Background {
    /// The background of two keyframes. There is none where they have too little in common.
    pub(crate) fn find(left: &RgbImage, right: &RgbImage) -> Option<Self> {
        let (width, height) = picture::size(left);
        if width == 0 || height == 0 {
            return None;
        }
        let pairs = left.pixels().zip(right.pixels());
        let differs = pairs.map(|(left, right)| {
            let mut channels = left.0.iter().zip(right.0);
            channels.any(|(&left, right)| left.abs_diff(right) > AGREEMENT)
        });
        let differs = Map {
            width,
            height,
            marked: differs.collect(),
        };
        // Single pixels in which the noise of an encoder exceeds the threshold are no object.
        let objects = differs.where_near(1, |marked, all| 2 * marked > all);
        let rim = (RIM * width.max(height) as f64).round().max(1.0) as usize;
        let common = objects.filled().where_near(rim, |marked, _| marked == 0);
        let background = Self {
            count: common.marked.iter().filter(|&&inside| inside).count(),
            inside: common.marked,
        };
        (background.share() >= LEAST_SHARE).then_some(background)
    }

    /// The share of the picture that it covers.
    fn share(&self) -> f64 {
        self.count as f64 / self.inside.len() as f64
    }

    pub(crate) fn luma(&self, frame: &RgbImage) -> BackgroundLuma {
        let (mut sum, mut squares) = (0_i64, 0_i128);
        let pixels = frame.pixels().zip(&self.inside);
        for luma in pixels
            .filter(|(_, inside)| **inside)
            .map(|(rgb, _)| luma(rgb.0))
        {
            sum += luma;
            squares += i128::from(luma * luma);
        }
        // The difference is exact, and so is not left to the rounding of two large numbers.
        let variance = squares * self.count as i128 - i128::from(sum) * i128::from(sum);
        let units = self.count as f64 * 10_000.0;
        BackgroundLuma {
            mean: sum as f64 / units,
            deviation: (variance as f64).sqrt() / units,
        }
    }

    /// Drift and spread of frames with this luma at these positions, from one keyframe to the other.
    pub(crate) fn curves(&self, luma: &[BackgroundLuma], positions: &[f64]) -> BackgroundCurves {
        let (first, last) = (luma[0], luma[luma.len() - 1]);
        let usual = first.deviation.max(last.deviation).max(LEAST_DEVIATION);
        let drift = luma.iter().zip(positions).map(|(luma, position)| {
            let mixed = (1.0 - position) * first.mean + position * last.mean;
            (luma.mean - mixed).abs()
        });
        BackgroundCurves {
            share: self.share(),
            drift: drift.collect(),
            spread: luma.iter().map(|luma| luma.deviation / usual).collect(),
        }
    }
}

/// Which pixels of a picture are marked.
struct Map {
    width: usize,
    height: usize,
    marked: Vec<bool>,
}

impl Map {
    /// Marks the pixels for which `decide` says so, given how many pixels of the square around them, `reach`
    /// pixels to each side, are marked, and how many there are within the picture.
    fn where_near(&self, reach: usize, decide: impl Fn(usize, usize) -> bool) -> Self {
        let (width, height) = (self.width, self.height);
        // How many pixels are marked above and to the left of each corner.
        let mut sums = vec![0_u32; (width + 1) * (height + 1)];
        for y in 0..height {
            let mut row = 0;
            for x in 0..width {
                row += u32::from(self.marked[y * width + x]);
                sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
            }
        }
        let sum = |x: usize, y: usize| sums[y * (width + 1) + x] as usize;
        let mut marked = Vec::with_capacity(self.marked.len());
        for y in 0..height {
            let (top, bottom) = (y.saturating_sub(reach), (y + reach + 1).min(height));
            for x in 0..width {
                let (left, right) = (x.saturating_sub(reach), (x + reach + 1).min(width));
                let near =
                    sum(right, bottom) + sum(left, top) - sum(left, bottom) - sum(right, top);
                marked.push(decide(near, (right - left) * (bottom - top)));
            }
        }
        Self { marked, ..*self }
    }

    /// Marks also what lies between two marked pixels of its row or of its column.
    fn filled(&self) -> Self {
        let (width, height) = (self.width, self.height);
        let mut marked = self.marked.clone();
        let mut fill = |line: Vec<usize>| {
            let mut ends = line.iter().filter(|&&at| self.marked[at]);
            if let (Some(&first), Some(&last)) = (ends.next(), ends.next_back()) {
                let between = line.iter().filter(|at| (first..=last).contains(at));
                between.for_each(|&at| marked[at] = true);
            }
        };
        for row in 0..height {
            fill((row * width..(row + 1) * width).collect());
        }
        for column in 0..width {
            fill((column..width * height).step_by(width).collect());
        }
        Self { marked, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: &[&str]) -> Map {
        Map {
            width: rows[0].len(),
            height: rows.len(),
            marked: rows.concat().chars().map(|at| at == '#').collect(),
        }
    }

    fn rows(map: &Map) -> Vec<String> {
        let rows = map.marked.chunks(map.width);
        let letter = |&at: &bool| if at { '#' } else { '.' };
        rows.map(|row| row.iter().map(letter).collect()).collect()
    }

    #[test]
    fn what_an_object_encloses_belongs_to_it() {
        let found = map(&["..#....", ".##....", ".#..#..", "...##..", "..#...."]);
        let filled = ["..#....", ".##....", ".####..", "..###..", "..#...."];
        assert_eq!(rows(&found.filled()), filled);
    }

    #[test]
    fn a_rim_surrounds_an_object_and_noise_is_none() {
        let found = map(&["#....", ".....", "...##", "...##", "...##"]);
        let objects = found.where_near(1, |marked, all| 2 * marked > all);
        assert_eq!(
            rows(&objects),
            [".....", ".....", "....#", "...##", "...##"]
        );
        let common = objects.where_near(1, |marked, _| marked == 0);
        assert_eq!(rows(&common), ["#####", "###..", "##...", "##...", "##..."]);
    }
}
