//! Latents in overlapping tiles, and their pictures joined without a seam.

mod join;

use std::ops::Range;

use lb_blend::{LatentShape, Latents};

use self::join::JoinedTiles;
use crate::error::ModelError;

/// How latents are decoded that are too large to be decoded at once, in latent pixels, and how
/// pictures of that size are encoded.
///
/// The autoencoder's attention compares every latent pixel with every other, so its memory grows
/// with the square of their number. Beyond [`Self::largest_area`] latents are decoded in tiles of
/// one size. What a tile does not see changes its tone a little, and its edge more: where two tiles
/// overlap, the picture goes from one to the other along a ramp in the middle half of the overlap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecodeTiling {
    /// Latents of at most this area (height times width) are decoded whole.
    pub largest_area: usize,
    /// Longest side of a tile.
    pub side: usize,
    /// How far neighbouring tiles overlap at least.
    pub overlap: usize,
}

impl Default for DecodeTiling {
    /// Whole up to Stable Diffusion 2's own 768×768 pixels (96×96 latent pixels), whose attention
    /// takes a third of a gigabyte.
    fn default() -> Self {
        Self {
            largest_area: 96 * 96,
            side: 96,
            overlap: 24,
        }
    }
}

impl DecodeTiling {
    /// Checks that tiles are larger than what two of them share.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for a side of 0 or above 1024, or for an overlap of more than a third
    /// of a side.
    pub fn validate(&self) -> Result<(), ModelError> {
        let refuse = |setting, found: usize, allowed| {
            Err(ModelError::Setting {
                setting,
                found: found.to_string(),
                allowed,
            })
        };
        if !(1..=1024).contains(&self.side) {
            return refuse("side of the decoder's tiles", self.side, "1 to 1024");
        }
        if self.overlap > self.side / 3 {
            let allowed = "at most a third of their side";
            return refuse("overlap of the decoder's tiles", self.overlap, allowed);
        }
        Ok(())
    }

    /// The tiles of latents of this shape; none where they are decoded whole.
    pub(crate) fn tiles(&self, shape: LatentShape) -> Option<Tiles> {
        let whole = shape.height.saturating_mul(shape.width) <= self.largest_area;
        (!whole).then(|| Tiles {
            rows: self.along(shape.height),
            columns: self.along(shape.width),
        })
    }

    /// The fewest spans of one length that cover a side and overlap as they should; no longer than
    /// that takes.
    fn along(&self, side: usize) -> Vec<Range<usize>> {
        if side <= self.side {
            return std::iter::once(0..side).collect();
        }
        let count = (side - self.overlap).div_ceil(self.side - self.overlap);
        let length = (side + (count - 1) * self.overlap).div_ceil(count);
        let place = |index| (side - length) * index / (count - 1);
        (0..count)
            .map(|index| place(index)..place(index) + length)
            .collect()
    }
}

/// Where the tiles of some latents lie: every row of tiles has the same columns.
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
        let places = self.rows.iter().flat_map(move |rows| {
            let columns = self.columns.iter();
            columns.map(move |columns| (rows.clone(), columns.clone()))
        });
        places.map(move |(rows, columns)| {
            let LatentShape { height, width, .. } = latents.shape();
            let planes = latents.values().chunks_exact(height * width);
            let lines = planes.flat_map(|plane| {
                let lines = plane.chunks_exact(width);
                lines.skip(rows.start).take(rows.len())
            });
            let values = lines.flat_map(|line| line[columns.clone()].iter().copied());
            let shape = self.shape(latents.shape().channels);
            let tile = Latents::from_values(shape, values.collect());
            tile.map_err(|error| ModelError::Shape {
                what: "a tile of latents".into(),
                found: error.to_string(),
                expected: shape.to_string(),
            })
        })
    }

    /// A picture to put the tiles' pictures into, in the order of [`Self::cut`].
    pub(crate) fn join(&self, pixels_per_latent: usize) -> JoinedTiles {
        let Self { rows, columns } = self.in_pixels(pixels_per_latent);
        JoinedTiles::new(rows, columns, 3)
    }

    /// Latents to put the tiles' latents into, in the order of [`Self::cut`].
    pub(crate) fn join_latents(&self, channels: usize) -> JoinedTiles {
        JoinedTiles::new(self.rows.clone(), self.columns.clone(), channels)
    }

    /// The same tiles of the picture.
    pub(crate) fn in_pixels(&self, pixels_per_latent: usize) -> Self {
        let scaled = |spans: &[Range<usize>]| -> Vec<Range<usize>> {
            spans
                .iter()
                .map(|span| span.start * pixels_per_latent..span.end * pixels_per_latent)
                .collect()
        };
        Self {
            rows: scaled(&self.rows),
            columns: scaled(&self.columns),
        }
    }
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
    fn what_is_cut_and_joined_is_as_before() {
        let shape = shape(17, 23);
        let values: Vec<f32> = (0..shape.len()).map(|value| value as f32).collect();
        let latents = Latents::from_values(shape, values).unwrap();
        let tiles = TILING.tiles(shape).unwrap();
        let cut: Vec<Latents> = tiles.cut(&latents).map(Result::unwrap).collect();
        assert_eq!(cut.len(), 2 * 3);
        let mut joined = tiles.join(1);
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
