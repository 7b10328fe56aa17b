//! The pictures of tiles, one faded into the next.

use std::ops::Range;

/// Planes in the making (red, green and blue, or latent channels), each tile's share added.
pub(crate) struct JoinedTiles {
    rows: Vec<Span>,
    columns: Vec<Span>,
    width: usize,
    area: usize,
    planes: Vec<f32>,
    next: usize,
}

/// Pixels of a tile along a side, and its share in each.
struct Span {
    pixels: Range<usize>,
    shares: Vec<f32>,
}

impl JoinedTiles {
    pub(super) fn new(
        rows: Vec<Range<usize>>,
        columns: Vec<Range<usize>>,
        channels: usize,
    ) -> Self {
        let end = |spans: &[Range<usize>]| spans.last().map_or(0, |span| span.end);
        let (height, width) = (end(&rows), end(&columns));
        let area = height * width;
        Self {
            rows: shares(rows),
            columns: shares(columns),
            width,
            area,
            planes: vec![0.0; channels * area],
            next: 0,
        }
    }

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

/// Spans with shares that rise and fall linearly where they overlap, and add up to 1 in each pixel.
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
