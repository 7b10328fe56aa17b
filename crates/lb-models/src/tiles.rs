//! Latents cut into overlapping tiles, and the tiles' pictures joined without a seam.

use std::ops::Range;

use lb_blend::{LatentShape, Latents};

use crate::error::ModelError;

/// How latents that are too large to be decoded at once are decoded in tiles, and pictures of that
/// size encoded. All sizes are in latent pixels.
///
/// The autoencoder's attention compares every latent pixel with every other, so its memory grows
/// with the square of their number. Latents of more than [`Self::largest_area`] are decoded in tiles
/// of one size. A tile lacks what lies outside of it, which changes its tone a little and its edge
/// more: where two tiles overlap, the picture is faded from one to the other along a linear ramp in
/// the middle half of the overlap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct DecodeTiling {
    /// Latents of at most this area (height times width) are decoded whole.
    pub largest_area: usize,
    /// Longest side of a tile, 1 to 1024.
    pub side: usize,
    /// Least overlap of neighbouring tiles, at most a third of [`Self::side`].
    pub overlap: usize,
}

impl Default for DecodeTiling {
    /// Latents are decoded whole up to Stable Diffusion 2's own 768×768 pixels (96×96 latent pixels),
    /// whose attention takes a third of a gigabyte.
    fn default() -> Self {
        Self {
            largest_area: 96 * 96,
            side: 96,
            overlap: 24,
        }
    }
}

impl DecodeTiling {
    /// Tiles of at most `side` that overlap by at least `overlap`, for latents of more than
    /// `largest_area` (height times width).
    #[must_use]
    pub const fn new(largest_area: usize, side: usize, overlap: usize) -> Self {
        Self {
            largest_area,
            side,
            overlap,
        }
    }

    /// Checks that tiles are larger than what two of them share.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for a side of 0 or above 1024, or for an overlap of more than a third
    /// of a side.
    pub fn validate(&self) -> Result<(), ModelError> {
        if !(1..=1024).contains(&self.side) {
            let setting = "side of the decoder's tiles";
            return Err(ModelError::setting(setting, self.side, "1 to 1024"));
        }
        if self.overlap > self.side / 3 {
            let setting = "overlap of the decoder's tiles";
            let allowed = "at most a third of their side";
            return Err(ModelError::setting(setting, self.overlap, allowed));
        }
        Ok(())
    }

    /// The tiles of latents of this shape; `None` if they are decoded whole.
    pub(crate) fn tiles(&self, shape: LatentShape) -> Option<Tiles> {
        let whole = shape.height.saturating_mul(shape.width) <= self.largest_area;
        (!whole).then(|| Tiles {
            rows: self.along(shape.height),
            columns: self.along(shape.width),
        })
    }

    /// The fewest spans of one length that cover a side and overlap enough; they are no longer than
    /// necessary.
    fn along(&self, side: usize) -> Vec<Range<usize>> {
        if side <= self.side {
            return std::iter::once(0..side).collect();
        }
        let count = (side - self.overlap).div_ceil(self.side - self.overlap);
        let length = (side + (count - 1) * self.overlap).div_ceil(count);
        let starts = (0..count).map(|index| (side - length) * index / (count - 1));
        starts.map(|start| start..start + length).collect()
    }
}

/// The rows and columns of the tiles of some latents. Every row of tiles has the same columns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tiles {
    rows: Vec<Range<usize>>,
    columns: Vec<Range<usize>>,
}

impl Tiles {
    /// The shape of one tile of latents with these channels.
    pub(crate) fn shape(&self, channels: usize) -> LatentShape {
        LatentShape {
            channels,
            height: self.rows[0].len(),
            width: self.columns[0].len(),
        }
    }

    /// Every tile of the latents, row by row.
    pub(crate) fn cut<'a>(
        &'a self,
        latents: &'a Latents,
    ) -> impl Iterator<Item = Result<Latents, ModelError>> + 'a {
        let positions = self.rows.iter().flat_map(move |rows| {
            let columns = self.columns.iter();
            columns.map(move |columns| (rows.clone(), columns.clone()))
        });
        positions.map(move |(rows, columns)| {
            let LatentShape { height, width, .. } = latents.shape();
            let planes = latents.values().chunks_exact(height * width);
            let lines = planes.flat_map(|plane| {
                let lines = plane.chunks_exact(width);
                lines.skip(rows.start).take(rows.len())
            });
            let values = lines.flat_map(|line| line[columns.clone()].iter().copied());
            let shape = self.shape(latents.shape().channels);
            let tile = Latents::from_values(shape, values.collect());
            tile.map_err(|error| ModelError::shape("a tile of latents", error, shape))
        })
    }

    /// Planes to put the tiles' planes into, in the order of [`Self::cut`].
    pub(crate) fn join(self, channels: usize) -> JoinedTiles {
        let end = |spans: &[Range<usize>]| spans.last().map_or(0, |span| span.end);
        let (height, width) = (end(&self.rows), end(&self.columns));
        JoinedTiles {
            rows: shares(self.rows),
            columns: shares(self.columns),
            width,
            area: height * width,
            planes: vec![0.0; channels * height * width],
            next: 0,
        }
    }

    /// The same tiles, measured in the picture's pixels.
    pub(crate) fn in_pixels(&self, pixels_per_latent: usize) -> Self {
        let scale =
            |span: &Range<usize>| span.start * pixels_per_latent..span.end * pixels_per_latent;
        let scaled = |spans: &[Range<usize>]| spans.iter().map(scale).collect();
        Self {
            rows: scaled(&self.rows),
            columns: scaled(&self.columns),
        }
    }
}

/// The planes (red, green and blue, or latent channels) that tiles are faded into, one after another.
pub(crate) struct JoinedTiles {
    rows: Vec<Span>,
    columns: Vec<Span>,
    width: usize,
    area: usize,
    planes: Vec<f32>,
    next: usize,
}

/// The pixels of a tile along a side, and the tile's share in each of them.
struct Span {
    pixels: Range<usize>,
    shares: Vec<f32>,
}

impl JoinedTiles {
    /// Width and height of a tile's picture.
    pub(crate) fn tile_size(&self) -> (usize, usize) {
        (self.columns[0].pixels.len(), self.rows[0].pixels.len())
    }

    /// Width and height of the whole.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.width, self.area / self.width)
    }

    /// Adds the planes of the next tile.
    pub(crate) fn add(&mut self, tile: &[f32]) {
        let row = &self.rows[self.next / self.columns.len()];
        let column = &self.columns[self.next % self.columns.len()];
        self.next += 1;
        let (width, height) = (column.pixels.len(), row.pixels.len());
        for (line, values) in tile.chunks_exact(width).enumerate() {
            let (channel, y) = (line / height, line % height);
            let start = channel * self.area + (row.pixels.start + y) * self.width;
            let joined = &mut self.planes[start + column.pixels.start..][..width];
            for ((joined, value), share) in joined.iter_mut().zip(values).zip(&column.shares) {
                *joined += value * share * row.shares[y];
            }
        }
    }

    /// The whole picture's planes.
    pub(crate) fn finish(self) -> Vec<f32> {
        self.planes
    }
}

/// Gives spans shares that rise and fall linearly where spans overlap, and add up to 1 in each pixel.
fn shares(spans: Vec<Range<usize>>) -> Vec<Span> {
    let ramp = |from: usize, to: usize, pixel: usize| {
        let into = pixel as f32 + 0.5 - from as f32;
        (into / (to as f32 - from as f32).max(1.0)).clamp(0.0, 1.0)
    };
    let middle_half = |pair: &[Range<usize>]| {
        let edge = (pair[0].end - pair[1].start) / 4;
        pair[1].start + edge..pair[0].end - edge
    };
    let ramps: Vec<Range<usize>> = spans.windows(2).map(middle_half).collect();
    let share = |index: usize, pixel: usize| {
        let risen = match index.checked_sub(1) {
            Some(before) => ramp(ramps[before].start, ramps[before].end, pixel),
            None => 1.0,
        };
        let fallen = match ramps.get(index) {
            Some(after) => ramp(after.start, after.end, pixel),
            None => 0.0,
        };
        risen - fallen
    };
    let with_shares = |(index, pixels): (usize, &Range<usize>)| Span {
        pixels: pixels.clone(),
        shares: pixels.clone().map(|pixel| share(index, pixel)).collect(),
    };
    spans.iter().enumerate().map(with_shares).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILING: DecodeTiling = DecodeTiling {
        largest_area: 100,
        side: 10,
        overlap: 3,
    };

    fn shape(height: usize, width: usize) -> LatentShape {
        LatentShape {
            channels: 2,
            height,
            width,
        }
    }

    #[test]
    fn tiles_of_one_size_cover_every_side_and_overlap() {
        for side in 1..200 {
            let spans = TILING.along(side);
            let length = spans[0].len();
            assert!(length <= TILING.side && spans.iter().all(|span| span.len() == length));
            assert_eq!((spans[0].start, spans[spans.len() - 1].end), (0, side));
            for pair in spans.windows(2) {
                assert!(
                    pair[0].end >= pair[1].start + TILING.overlap,
                    "{side}: {spans:?}"
                );
            }
            let fewest = side.saturating_sub(TILING.overlap).div_ceil(7).max(1);
            assert_eq!(spans.len(), fewest);
        }
    }

    #[test]
    fn small_latents_stay_whole() {
        assert_eq!(TILING.tiles(shape(10, 10)), None);
        assert_eq!(TILING.tiles(shape(1, 101)).unwrap().rows.len(), 1);
    }

    #[test]
    fn latents_that_are_cut_and_joined_are_unchanged() {
        let shape = shape(17, 23);
        let values: Vec<f32> = (0..shape.len()).map(|value| value as f32).collect();
        let latents = Latents::from_values(shape, values).unwrap();
        let tiles = TILING.tiles(shape).unwrap();
        let cut: Vec<Latents> = tiles.cut(&latents).map(Result::unwrap).collect();
        assert_eq!(cut.len(), 2 * 3);
        let mut joined = tiles.in_pixels(1).join(3);
        for tile in &cut {
            assert_eq!(tile.shape(), tiles.shape(2));
            let plane = &tile.values()[..tile.values().len() / 2];
            joined.add(&[plane, plane, plane].concat());
        }
        let planes = joined.finish();
        let first = &latents.values()[..17 * 23];
        for (found, expected) in planes.iter().zip(first.iter().cycle()) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
    }

    #[test]
    fn tiles_must_be_larger_than_what_they_share() {
        assert!(DecodeTiling::default().validate().is_ok());
        let refused = |side, overlap| {
            let tiling = DecodeTiling {
                side,
                overlap,
                ..TILING
            };
            tiling.validate().unwrap_err().to_string()
        };
        assert!(refused(0, 0).starts_with("side of the decoder's tiles is 0"));
        assert!(refused(12, 5).starts_with("overlap of the decoder's tiles is 5"));
    }
}
