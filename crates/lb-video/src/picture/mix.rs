//! Showing sections of pictures at any place, size and angle.
//!
//! Libraries that resize pictures crop them at fractions of pixels, but turn none, and those that turn pictures
//! round every value to a grey level before it can be mixed. Here, pictures are mixed first, without rounding, and
//! resampled afterwards. Both are linear, so this is what resampling each of them and mixing the results would
//! give.

use image::RgbImage;
use lb_schedule::Section;

use super::{ONE, size, threshold, validate_same_size, validate_size};
use crate::error::VideoError;

/// How many pixels of a row or a column make one value: a Lanczos window of three lobes reaches so far.
const TAPS: usize = 6;

/// The taps before the one at or before a position.
const BEFORE: i64 = 2;

/// The steps between two pixels for which the window is computed. Between them it is interpolated, which is wrong by
/// less than 0.001 grey levels.
const PHASES: usize = 1024;

/// A mix of two pictures, whose values are not rounded.
#[derive(Clone, Debug)]
pub struct Mix {
    size: (usize, usize),
    /// Red, green and blue of each pixel, row by row, in grey levels.
    values: Vec<f32>,
}

impl Mix {
    /// `(1 - weight) * left + weight * right`, computed on the R'G'B' values.
    ///
    /// # Errors
    /// [`VideoError::SizesDiffer`], and [`VideoError::Weight`] for a weight outside of 0 to 1.
    pub fn new(left: &RgbImage, right: &RgbImage, weight: f64) -> Result<Self, VideoError> {
        validate_same_size(right, size(left))?;
        if !(0.0..=1.0).contains(&weight) {
            return Err(VideoError::Weight { weight });
        }
        let share = weight as f32;
        let pairs = left.as_raw().iter().zip(right.as_raw());
        let mixed = pairs.map(|(&left, &right)| {
            let left = f32::from(left);
            left + share * (f32::from(right) - left)
        });
        Ok(Self {
            size: size(left),
            values: mixed.collect(),
        })
    }

    /// Sections of the mix over each other, each with its share, as a picture of this width and height.
    ///
    /// They are resampled with a Lanczos window of three lobes, and beyond the edges the outermost pixels are
    /// repeated. A section must not have more pixels in a direction than the picture that shows it. The values are
    /// rounded with the dithering of [`cross_fade`](super::cross_fade), so that slow movements do not leap.
    ///
    /// # Errors
    /// [`VideoError::FrameSize`] for a width or height out of range.
    pub fn sections(
        &self,
        sections: &[(Section, f64)],
        (width, height): (usize, usize),
    ) -> Result<RgbImage, VideoError> {
        validate_size(width, height)?;
        let window = Window::new();
        let parts = sections
            .iter()
            .map(|&(section, share)| Part::new(self, section, share as f32, width, &window));
        let parts: Vec<Part<'_>> = parts.collect();
        let mut pixels = vec![0; width * height * 3];
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let band_rows = height.div_ceil(threads);
        std::thread::scope(|scope| {
            for (band, rows) in pixels.chunks_mut(band_rows * width * 3).enumerate() {
                let parts = &parts;
                scope.spawn(move || {
                    let mut sums = vec![0.0; width * 3];
                    for (row, shown) in rows.chunks_exact_mut(width * 3).enumerate() {
                        let y = band * band_rows + row;
                        let down = (y as f64 + 0.5) / height as f64;
                        sums.fill(0.0);
                        for part in parts {
                            part.add_row(down, &mut sums);
                        }
                        round(y as u32, &sums, shown);
                    }
                });
            }
        });
        super::from_rgb(width, height, pixels)
    }

    /// The values of a row; beyond the edges, those of the outermost one.
    fn row(&self, row: i64) -> &[f32] {
        let row = row.clamp(0, self.size.1 as i64 - 1) as usize;
        &self.values[row * self.size.0 * 3..][..self.size.0 * 3]
    }
}

/// Rounds a row of values with ordered dithering. A value within 1/512 of a grey level is taken for that level.
fn round(y: u32, values: &[f32], shown: &mut [u8]) {
    let pixels = shown.chunks_exact_mut(3).zip(values.chunks_exact(3));
    for (x, (pixel, values)) in (0_u32..).zip(pixels) {
        let threshold = threshold(x, y) / (ONE / 256);
        for (shown, value) in pixel.iter_mut().zip(values) {
            let level = (value.clamp(0.0, 255.0) * 256.0).round() as u32;
            *shown = ((level + threshold) / 256) as u8;
        }
    }
}

/// The taps around a position: the first pixel and the weight of each.
#[derive(Clone, Copy)]
struct Taps {
    first: i64,
    weights: [f32; TAPS],
}

/// A Lanczos window of three lobes at every step between two pixels.
struct Window(Vec<[f32; TAPS]>);

impl Window {
    fn new() -> Self {
        let weights = |phase: usize| {
            let share = phase as f64 / PHASES as f64;
            let mut weights = [0.0; TAPS];
            for (tap, weight) in (-BEFORE..).zip(&mut weights) {
                *weight = lanczos(tap as f64 - share);
            }
            let sum: f64 = weights.iter().sum();
            weights.map(|weight| (weight / sum) as f32)
        };
        Self((0..=PHASES).map(weights).collect())
    }

    /// The taps around a position, in pixels from the middle of the first one.
    fn at(&self, position: f64) -> Taps {
        let pixel = position.floor();
        let step = (position - pixel) * PHASES as f64;
        let phase = (step as usize).min(PHASES - 1);
        let share = (step - phase as f64) as f32;
        let (before, after) = (&self.0[phase], &self.0[phase + 1]);
        let mut weights = *before;
        for (weight, after) in weights.iter_mut().zip(after) {
            *weight += share * (after - *weight);
        }
        Taps {
            first: pixel as i64 - BEFORE,
            weights,
        }
    }
}

/// sinc(x) · sinc(x / 3) within three pixels.
fn lanczos(x: f64) -> f64 {
    if x == x.round() {
        return f64::from(u8::from(x == 0.0));
    }
    let angle = std::f64::consts::PI * x;
    3.0 * angle.sin() * (angle / 3.0).sin() / (angle * angle)
}

/// A section that is resampled, with its share of the result.
struct Part<'a> {
    mix: &'a Mix,
    section: Section,
    share: f32,
    window: &'a Window,
    /// The taps of every column, if the section is upright.
    columns: Option<Vec<Taps>>,
}

impl<'a> Part<'a> {
    fn new(mix: &'a Mix, section: Section, share: f32, width: usize, window: &'a Window) -> Self {
        let is_upright = section.across[1] == 0.0 && section.down[0] == 0.0;
        let column = |x: usize| {
            let [position, _] = section.point([(x as f64 + 0.5) / width as f64, 0.5]);
            window.at(position - 0.5)
        };
        Self {
            mix,
            section,
            share,
            window,
            columns: is_upright.then(|| (0..width).map(column).collect()),
        }
    }

    /// Adds a row at this share of the height to values of red, green and blue.
    fn add_row(&self, down: f64, sums: &mut [f32]) {
        match &self.columns {
            Some(columns) => self.add_upright_row(columns, down, sums),
            None => self.add_turned_row(down, sums),
        }
    }

    /// Resamples the rows first, as far as columns need them, and then the columns.
    fn add_upright_row(&self, columns: &[Taps], down: f64, sums: &mut [f32]) {
        let [_, position] = self.section.point([0.5, down]);
        let rows = self.window.at(position - 0.5);
        let firsts = columns.iter().map(|taps| taps.first);
        let (Some(first), Some(last)) = (firsts.clone().min(), firsts.max()) else {
            return;
        };
        let width = self.mix.size.0 as i64;
        // A section that lies beyond an edge needs the outermost pixels.
        let (first, end) = (first.min(width - 1), (last + TAPS as i64).max(1));
        let within = first.max(0)..end.min(width);
        let bytes = within.start as usize * 3..within.end as usize * 3;
        let mut row = vec![0.0; (end - first) as usize * 3];
        let inner = (within.start - first) as usize * 3;
        let resampled = &mut row[inner..][..bytes.len()];
        for (index, &weight) in (rows.first..).zip(&rows.weights) {
            let weight = weight * self.share;
            for (sum, value) in resampled
                .iter_mut()
                .zip(&self.mix.row(index)[bytes.clone()])
            {
                *sum += weight * value;
            }
        }
        // Beyond the edges, the outermost pixels are repeated.
        for pixel in (first..within.start).chain(within.end..end) {
            let nearest = pixel.clamp(within.start, within.end - 1);
            let [from, to] = [nearest, pixel].map(|pixel| (pixel - first) as usize * 3);
            row.copy_within(from..from + 3, to);
        }
        for (taps, sum) in columns.iter().zip(sums.chunks_exact_mut(3)) {
            let values = &row[(taps.first - first) as usize * 3..][..TAPS * 3];
            for (value, weight) in values.chunks_exact(3).zip(taps.weights) {
                for (sum, value) in sum.iter_mut().zip(value) {
                    *sum += weight * value;
                }
            }
        }
    }

    fn add_turned_row(&self, down: f64, sums: &mut [f32]) {
        let width = sums.len() / 3;
        let most = self.mix.size.0 as i64 - 1;
        for (x, sum) in sums.chunks_exact_mut(3).enumerate() {
            let across = (x as f64 + 0.5) / width as f64;
            let [column, row] = self.section.point([across, down]);
            let columns = self.window.at(column - 0.5);
            let rows = self.window.at(row - 0.5);
            let is_within = columns.first >= 0 && columns.first + TAPS as i64 - 1 <= most;
            for (index, row_weight) in (rows.first..).zip(rows.weights) {
                let row = self.mix.row(index);
                let mut total = [0.0; 3];
                let mut add = |value: &[f32], weight: f32| {
                    for (total, value) in total.iter_mut().zip(value) {
                        *total += weight * value;
                    }
                };
                if is_within {
                    let values = &row[columns.first as usize * 3..][..TAPS * 3];
                    for (value, weight) in values.chunks_exact(3).zip(columns.weights) {
                        add(value, weight);
                    }
                } else {
                    for (pixel, weight) in (columns.first..).zip(columns.weights) {
                        let pixel = pixel.clamp(0, most) as usize;
                        add(&row[pixel * 3..pixel * 3 + 3], weight);
                    }
                }
                let weight = row_weight * self.share;
                for (sum, total) in sum.iter_mut().zip(total) {
                    *sum += weight * total;
                }
            }
        }
    }
}
