//! What an animation shows at the moment, and the smallest area to paint for the next frame.

use image::RgbImage;

use super::palette::{ColourMap, TRANSPARENT};

/// A pixel keeps its colour as long as the new one differs by no more than this in any band. That is less
/// than the palette's error, and a still area stays perfectly still however often the palette changes.
const TOLERANCE: u8 = 2;

/// Part of a frame, in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Area {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

pub(super) struct Painted {
    /// Red, green, blue.
    pub(super) palette: Vec<u8>,
    /// One index for each pixel of the area.
    pub(super) indices: Vec<u8>,
    /// The index that leaves a pixel as it is.
    pub(super) transparent: u8,
}

/// Remembers for each pixel the colour that it was painted for, before the palette changed it.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    meant: Option<Vec<[u8; 3]>>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            meant: None,
        }
    }

    /// The area around all pixels that have changed, if any.
    pub(super) fn changes(&self, frame: &RgbImage) -> Option<Area> {
        let (width, height) = (self.width, self.height);
        let Some(meant) = &self.meant else {
            return Some(Area {
                left: 0,
                top: 0,
                width,
                height,
            });
        };
        let pixels = frame.as_raw().as_chunks().0;
        let (mut left, mut right, mut top, mut bottom) = (width, 0, height, 0);
        for (y, (row, meant)) in pixels
            .chunks_exact(width)
            .zip(meant.chunks_exact(width))
            .enumerate()
        {
            let is_changed = |(pixel, meant): (&[u8; 3], &[u8; 3])| has_changed(*pixel, *meant);
            let Some(first) = row.iter().zip(meant).position(is_changed) else {
                continue;
            };
            let last = row.iter().zip(meant).rposition(is_changed).unwrap_or(first);
            (left, right) = (left.min(first), right.max(last));
            (top, bottom) = (top.min(y), y);
        }
        (top < height).then(|| Area {
            left,
            top,
            width: right - left + 1,
            height: bottom - top + 1,
        })
    }

    /// Paints what has changed in `area`.
    pub(super) fn paint(&mut self, frame: &RgbImage, area: Area) -> Painted {
        let pixels = frame.as_raw().as_chunks().0;
        let first = self.meant.is_none();
        let meant = self.meant.get_or_insert_with(|| pixels.to_vec());
        let (mut changed, mut colours) = (Vec::new(), Vec::new());
        for y in 0..area.height {
            for x in 0..area.width {
                let (column, row) = (area.left + x, area.top + y);
                let at = row * self.width + column;
                if first || has_changed(pixels[at], meant[at]) {
                    meant[at] = pixels[at];
                    changed.push((y * area.width + x, (column, row)));
                    colours.push(pixels[at]);
                }
            }
        }
        let map = ColourMap::of(&colours);
        let positions = changed.iter().map(|&(_, position)| position);
        let painted = map.indices(positions.zip(colours));
        let mut indices = vec![TRANSPARENT; area.width * area.height];
        for (&(place, _), index) in changed.iter().zip(painted) {
            indices[place] = index;
        }
        Painted {
            palette: map.bytes(),
            indices,
            transparent: TRANSPARENT,
        }
    }
}

fn has_changed(pixel: [u8; 3], meant: [u8; 3]) -> bool {
    pixel
        .iter()
        .zip(meant)
        .any(|(band, meant)| band.abs_diff(meant) > TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_by_less_than_the_palette_errs_stays() {
        let frame = |level: u8| {
            let mut pixels = vec![100; 3 * 6];
            // The third pixel of the second row.
            pixels[3 * 5 + 1] = level;
            crate::picture::from_rgb(3, 2, pixels).unwrap()
        };
        let mut canvas = Canvas::new(3, 2);
        let whole = canvas.changes(&frame(100)).unwrap();
        assert_eq!((whole.width, whole.height), (3, 2));
        canvas.paint(&frame(100), whole);
        assert_eq!(canvas.changes(&frame(100 + TOLERANCE)), None);
        let changed = canvas.changes(&frame(101 + TOLERANCE)).unwrap();
        assert_eq!((changed.left, changed.top), (2, 1));
        assert_eq!((changed.width, changed.height), (1, 1));
    }
}
