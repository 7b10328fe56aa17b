//! For fuzzing (feature `testing`): the readers of what the cache and the frames of a film contain. Nothing
//! that renders uses it.

use image::RgbImage;
use lb_blend::{Conditioning, LatentShape, Latents, Snapshot};
use lb_cache::CacheEntry;

use crate::cached_pipeline::entries::{
    ConditioningEntry, LatentsEntry, PictureEntry, SnapshotEntry,
};
use crate::position::FramePosition;

const SHAPE: LatentShape = LatentShape {
    channels: 2,
    height: 1,
    width: 3,
};
const CONDITIONING: ConditioningEntry = ConditioningEntry {
    tokens: 2,
    width: 3,
};
const LATENTS: LatentsEntry = LatentsEntry { shape: SHAPE };
const PICTURE: PictureEntry = PictureEntry { size: (7, 5) };

fn snapshot() -> SnapshotEntry {
    SnapshotEntry {
        step: 8,
        branch_counts: vec![2, 4],
        kept: 2,
        guidance_differences: 0,
        latents: SHAPE,
    }
}

/// Decodes the payload of a cache entry. `kind`, modulo four, chooses what it is taken for: a
/// conditioning, latents, a picture or a snapshot, each of a fixed small shape.
pub fn decode_entry(kind: u8, payload: &[u8]) {
    match kind % 4 {
        0 => drop(CONDITIONING.decode(payload)),
        1 => drop(LATENTS.decode(payload)),
        2 => drop(PICTURE.decode(payload)),
        _ => drop(snapshot().decode(payload)),
    }
}

/// A payload of each kind that [`decode_entry`] accepts, with the number of the kind in front of it.
#[must_use]
pub fn entries() -> Vec<Vec<u8>> {
    let latents = |value: f32| Latents::from_values(SHAPE, vec![value; SHAPE.len()]);
    let [one, two] = [1.0, 2.0].map(|value| latents(value).into_iter().collect::<Vec<_>>());
    let payloads = [
        CONDITIONING.encode(&Conditioning {
            tokens: 2,
            width: 3,
            values: vec![0.5; 6],
        }),
        one.iter()
            .flat_map(|latents| LATENTS.encode(latents))
            .collect(),
        PICTURE.encode(&RgbImage::from_pixel(7, 5, [1, 2, 3].into())),
        snapshot().encode(&Snapshot {
            fractions: vec![vec![0.0, 1.0], vec![0.0, 0.25, 0.75, 1.0]],
            latents: [&one[..], &two].concat(),
            predicted_clean: [&two[..], &one].concat(),
            guidance_differences: Vec::new(),
        }),
    ];
    let numbered = payloads.into_iter().zip(0_u8..);
    numbered
        .map(|(payload, kind)| [&[kind], &payload[..]].concat())
        .collect()
}

/// Reads the text in which the file of a computed frame says where the frame belongs. The error is a
/// message about what is wrong with the text.
///
/// # Errors
/// A text that is not TOML or lacks a key, and a fraction that is not from 0 to 1.
pub fn parse_frame_position(text: &str) -> Result<FramePosition, String> {
    FramePosition::parse(text)
}
