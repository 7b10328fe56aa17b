//! A palette of 255 colours for a picture, and a dither pattern for the colours in between.

use std::collections::BTreeSet;

use quantette::color_map::{IndexedColorMap, NearestNeighborColorMap};
use quantette::color_space::srgb8_to_oklab;
use quantette::deps::palette::{Oklab, Srgb};
use quantette::{PaletteBuf, PaletteSize, Pipeline, QuantizeMethod};

/// The index that is no colour.
pub(super) const TRANSPARENT: u8 = 255;

/// The most pixels that a palette is made from. Of more, evenly spaced pixels are taken.
const SAMPLES: usize = 1 << 16;

/// The range over which the pattern moves a band. It is about the distance of two of the 255 colours of a
/// picture: 0 leaves steps in soft shadows, and from 8 on the pattern shows on white.
const DITHER: i32 = 4;

/// Bayer's pattern: every threshold occurs once in 8x8 pixels, and neighbouring ones differ much. It stays
/// in its place from frame to frame, so that it does not crawl over still areas.
const PATTERN: [[i32; 8]; 8] = [
    [0, 32, 8, 40, 2, 34, 10, 42],
    [48, 16, 56, 24, 50, 18, 58, 26],
    [12, 44, 4, 36, 14, 46, 6, 38],
    [60, 28, 52, 20, 62, 30, 54, 22],
    [3, 35, 11, 43, 1, 33, 9, 41],
    [51, 19, 59, 27, 49, 17, 57, 25],
    [15, 47, 7, 39, 13, 45, 5, 37],
    [63, 31, 55, 23, 61, 29, 53, 21],
];

/// Pixels to palette colours, by their distance in Oklab.
pub(super) struct ColourMap {
    colours: Vec<[u8; 3]>,
    map: Option<NearestNeighborColorMap<Oklab, f32, 3>>,
    dither: bool,
}

impl ColourMap {
    /// A palette for these pixels: all their colours if there are few enough, and otherwise the best
    /// that k-means finds.
    pub(super) fn of(pixels: &[[u8; 3]]) -> Self {
        let mut few = BTreeSet::new();
        for pixel in pixels {
            few.insert(*pixel);
            if few.len() > usize::from(TRANSPARENT) {
                break;
            }
        }
        let dither = few.len() > usize::from(TRANSPARENT);
        let colours = if dither {
            reduced(pixels)
        } else {
            few.into_iter().collect()
        };
        let map = PaletteBuf::new(oklab(&colours))
            .ok()
            .map(NearestNeighborColorMap::new);
        Self {
            colours,
            map,
            dither,
        }
    }

    /// Red, green, blue of each colour.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.colours.as_flattened().to_vec()
    }

    /// The palette's index for each pixel, which comes with its column and row.
    pub(super) fn indices(
        &self,
        pixels: impl Iterator<Item = ((usize, usize), [u8; 3])>,
    ) -> Vec<u8> {
        let moved: Vec<[u8; 3]> = pixels
            .map(|((x, y), pixel)| {
                if self.dither {
                    dithered(pixel, x, y)
                } else {
                    pixel
                }
            })
            .collect();
        match &self.map {
            Some(map) => map.map_to_indices(&oklab(&moved)),
            None => Vec::new(),
        }
    }
}

fn dithered(pixel: [u8; 3], x: usize, y: usize) -> [u8; 3] {
    let threshold = 2 * PATTERN[y % 8][x % 8] - 63;
    let shift = (threshold * DITHER).div_euclid(128);
    pixel.map(|band| (i32::from(band) + shift).clamp(0, 255) as u8)
}

fn reduced(pixels: &[[u8; 3]]) -> Vec<[u8; 3]> {
    let step = pixels.len().div_ceil(SAMPLES).max(1);
    let samples: Vec<Srgb<u8>> = pixels
        .iter()
        .step_by(step)
        .map(|&pixel| pixel.into())
        .collect();
    let pipeline = Pipeline::new()
        .palette_size(PaletteSize::from_u8_clamped(TRANSPARENT))
        .quantize_method(QuantizeMethod::kmeans());
    let palette = pipeline
        .input_slice(&samples)
        .map(|input| input.output_srgb8_palette());
    let colours = palette.map(PaletteBuf::into_vec).unwrap_or_default();
    colours.into_iter().map(Into::into).collect()
}

fn oklab(colours: &[[u8; 3]]) -> Vec<Oklab> {
    let colours: Vec<Srgb<u8>> = colours.iter().map(|&colour| colour.into()).collect();
    srgb8_to_oklab(&colours)
}
