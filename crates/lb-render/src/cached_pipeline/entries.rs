//! The results in the cache as bytes. When a result is read, it is checked against the expected shape.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use image::RgbImage;
use lb_blend::{Conditioning, LatentShape, Latents, Snapshot};
use lb_cache::{CacheEntry, Damage, EntryKind};

use crate::position::rise_from_0_to_1;

const OTHER: Damage = Damage::Content("it has another shape than its key requires");
const NOT_FINITE: Damage = Damage::Content("it holds values that are not finite");
const DEFLATE: Damage = Damage::Content("its pixels cannot be unpacked");
const FRACTIONS: Damage = Damage::Content("its fractions do not rise from 0 to 1");

/// The conditioning of a prompt: all values as `f32`.
pub(crate) struct ConditioningEntry {
    pub(crate) tokens: usize,
    /// The number of values of each token.
    pub(crate) width: usize,
}

impl CacheEntry for ConditioningEntry {
    type Value = Conditioning;
    const KIND: EntryKind = EntryKind::new("conditioning", 1);

    fn longest_payload(&self) -> usize {
        4 * self.tokens * self.width
    }

    fn encode(&self, conditioning: &Conditioning) -> Vec<u8> {
        bytes_of(&conditioning.values).collect()
    }

    fn decode(&self, payload: &[u8]) -> Result<Conditioning, Damage> {
        if payload.len() != self.longest_payload() {
            return Err(OTHER);
        }
        Ok(Conditioning {
            tokens: self.tokens,
            width: self.width,
            values: floats(payload)?,
        })
    }
}

/// Latents of one shape, such as those of an encoded picture: all values as `f32`.
pub(crate) struct LatentsEntry {
    pub(crate) shape: LatentShape,
}

impl CacheEntry for LatentsEntry {
    type Value = Latents;
    const KIND: EntryKind = EntryKind::new("latents", 2);

    fn longest_payload(&self) -> usize {
        self.shape.len().saturating_mul(4)
    }

    fn encode(&self, latents: &Latents) -> Vec<u8> {
        bytes_of(latents.values()).collect()
    }

    fn decode(&self, payload: &[u8]) -> Result<Latents, Damage> {
        Latents::from_values(self.shape, floats(payload)?).map_err(|_| OTHER)
    }
}

/// A decoded picture: the differences of all pixels from their left neighbours, compressed with
/// deflate.
pub(crate) struct PictureEntry {
    /// Width and height in pixels.
    pub(crate) size: (usize, usize),
}

impl CacheEntry for PictureEntry {
    type Value = RgbImage;
    const KIND: EntryKind = EntryKind::new("picture", 1);

    /// Data that deflate cannot compress is stored with a small overhead.
    fn longest_payload(&self) -> usize {
        let (width, height) = self.size;
        let pixels = width.saturating_mul(height).saturating_mul(3);
        pixels.saturating_add(pixels / 16 + 1024)
    }

    fn encode(&self, picture: &RgbImage) -> Vec<u8> {
        let mut differences = picture.as_raw().clone();
        for row in differences.chunks_exact_mut(3 * picture.width() as usize) {
            for index in (3..row.len()).rev() {
                row[index] = row[index].wrapping_sub(row[index - 3]);
            }
        }
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
        // Writing to memory does not fail. If it did, reading would find a damaged payload.
        let _ = packed.write_all(&differences);
        packed.finish().unwrap_or_default()
    }

    fn decode(&self, payload: &[u8]) -> Result<RgbImage, Damage> {
        let (width, height) = self.size;
        let length = 3 * width * height;
        let mut rgb = Vec::new();
        DeflateDecoder::new(payload)
            .take(length as u64 + 1)
            .read_to_end(&mut rgb)
            .map_err(|_| DEFLATE)?;
        if rgb.len() != length {
            return Err(OTHER);
        }
        for row in rgb.chunks_exact_mut(3 * width) {
            for index in 3..row.len() {
                row[index] = row[index].wrapping_add(row[index - 3]);
            }
        }
        RgbImage::from_raw(width as u32, height as u32, rgb).ok_or(OTHER)
    }
}

/// A snapshot of trajectories: its shape, all fractions as `f64`, then the latents and the predicted
/// clean latents as `f32`, and after them the differences that guidance made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SnapshotEntry {
    /// The step after which the snapshot was taken.
    pub(crate) step: usize,
    /// Branches of every level down to this one; none for a keyframe.
    pub(crate) branch_counts: Vec<usize>,
    /// The number of branches in the snapshot: the level's inner ones, or the one keyframe.
    pub(crate) kept: usize,
    /// The number of differences that guidance made for them.
    pub(crate) guidance_differences: usize,
    /// The shape of each branch's latents.
    pub(crate) latents: LatentShape,
}

impl SnapshotEntry {
    /// The shape as `u32`: step, levels, branches of each, branches kept, channels, height, width.
    fn prefix(&self) -> Vec<u8> {
        let shape = self.latents;
        let mut numbers = vec![self.step, self.branch_counts.len()];
        numbers.extend(&self.branch_counts);
        numbers.extend([self.kept, shape.channels, shape.height, shape.width]);
        let numbers = numbers.into_iter().map(|number| number as u32);
        numbers.flat_map(u32::to_le_bytes).collect()
    }
}

impl CacheEntry for SnapshotEntry {
    type Value = Snapshot;
    const KIND: EntryKind = EntryKind::new("snapshot", 1);

    fn longest_payload(&self) -> usize {
        let fractions: usize = self.branch_counts.iter().sum();
        let values = 2_usize
            .saturating_mul(self.kept)
            .saturating_add(self.guidance_differences)
            .saturating_mul(self.latents.len());
        (4 * (6 + self.branch_counts.len()) + 8 * fractions).saturating_add(4 * values)
    }

    fn encode(&self, snapshot: &Snapshot) -> Vec<u8> {
        let mut bytes = self.prefix();
        bytes.reserve(self.longest_payload());
        let fractions = snapshot.fractions.iter().flatten();
        bytes.extend(fractions.flat_map(|fraction| fraction.to_le_bytes()));
        for latents in [
            &snapshot.latents,
            &snapshot.predicted_clean,
            &snapshot.guidance_differences,
        ]
        .into_iter()
        .flatten()
        {
            bytes.extend(bytes_of(latents.values()));
        }
        bytes
    }

    fn decode(&self, payload: &[u8]) -> Result<Snapshot, Damage> {
        let rest = payload.strip_prefix(&self.prefix()[..]).ok_or(OTHER)?;
        if payload.len() != self.longest_payload() {
            return Err(OTHER);
        }
        let (fractions, values) = rest.split_at(8 * self.branch_counts.iter().sum::<usize>());
        let (fractions, _) = fractions.as_chunks();
        let mut fractions = fractions.iter().map(|&bytes| f64::from_le_bytes(bytes));
        let levels = self.branch_counts.iter();
        let fractions: Vec<Vec<f64>> = levels
            .map(|&count| fractions.by_ref().take(count).collect())
            .collect();
        if !fractions.iter().all(|level| rise_from_0_to_1(level)) {
            return Err(FRACTIONS);
        }
        let values = floats(values)?;
        let latents: Result<Vec<Latents>, _> = values
            .chunks_exact(self.latents.len())
            .map(|values| Latents::from_values(self.latents, values.to_vec()))
            .collect();
        let mut latents = latents.map_err(|_| OTHER)?;
        let mut predicted_clean = latents.split_off(self.kept);
        let guidance_differences = predicted_clean.split_off(self.kept);
        Ok(Snapshot {
            fractions,
            latents,
            predicted_clean,
            guidance_differences,
        })
    }
}

fn bytes_of(values: &[f32]) -> impl Iterator<Item = u8> {
    values.iter().flat_map(|value| value.to_le_bytes())
}

fn floats(bytes: &[u8]) -> Result<Vec<f32>, Damage> {
    let (numbers, _) = bytes.as_chunks();
    let values: Vec<f32> = numbers
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect();
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(values),
        false => Err(NOT_FINITE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENTS: LatentShape = LatentShape {
        channels: 2,
        height: 1,
        width: 3,
    };

    fn shape() -> SnapshotEntry {
        SnapshotEntry {
            step: 8,
            branch_counts: vec![2, 4],
            kept: 2,
            guidance_differences: 0,
            latents: LATENTS,
        }
    }

    fn snapshot() -> Snapshot {
        let latents = |value: f32| Latents::from_values(LATENTS, vec![value; 6]).unwrap();
        Snapshot {
            fractions: vec![vec![0.0, 1.0], vec![0.0, 0.25, 0.75, 1.0]],
            latents: vec![latents(1.0), latents(2.0)],
            predicted_clean: vec![latents(3.0), latents(4.0)],
            guidance_differences: Vec::new(),
        }
    }

    #[test]
    fn a_snapshot_survives_its_entry() {
        let bytes = shape().encode(&snapshot());
        assert_eq!(bytes.len(), shape().longest_payload());
        assert_eq!(shape().decode(&bytes).unwrap(), snapshot());
        let guided = SnapshotEntry {
            guidance_differences: 2,
            ..shape()
        };
        assert_eq!(guided.decode(&bytes), Err(OTHER));
        let mut with_differences = snapshot();
        with_differences.guidance_differences = snapshot().latents;
        let bytes = guided.encode(&with_differences);
        assert_eq!(bytes.len(), guided.longest_payload());
        assert_eq!(guided.decode(&bytes).unwrap(), with_differences);
        assert_eq!(shape().decode(&bytes), Err(OTHER));
    }

    #[test]
    fn unexpected_content_is_refused() {
        let bytes = shape().encode(&snapshot());
        let other = SnapshotEntry { step: 9, ..shape() };
        assert_eq!(other.decode(&bytes), Err(OTHER));
        assert_eq!(shape().decode(&bytes[..bytes.len() - 4]), Err(OTHER));
        assert_eq!(shape().decode(&[]), Err(OTHER));
        let mut values = snapshot();
        values.latents[0] = Latents::from_values(LATENTS, vec![f32::NAN; 6]).unwrap();
        assert_eq!(shape().decode(&shape().encode(&values)), Err(NOT_FINITE));
        for level in [
            [0.0, 0.8, 0.2, 1.0],
            [0.1, 0.2, 0.3, 1.0],
            [0.0, f64::NAN, 0.3, 1.0],
        ] {
            let mut fractions = snapshot();
            fractions.fractions[1] = level.to_vec();
            assert_eq!(shape().decode(&shape().encode(&fractions)), Err(FRACTIONS));
        }
    }

    #[test]
    fn a_conditioning_survives_its_entry() {
        let conditioning = Conditioning {
            tokens: 2,
            width: 3,
            values: vec![0.5, -1.0, f32::MIN_POSITIVE, 3.0, 1e30, -0.0],
        };
        let entry = |tokens, width| ConditioningEntry { tokens, width };
        let bytes = entry(2, 3).encode(&conditioning);
        assert_eq!(entry(2, 3).decode(&bytes).unwrap(), conditioning);
        assert_eq!(entry(2, 4).decode(&bytes), Err(OTHER));
    }

    #[test]
    fn a_picture_survives_its_entry() {
        let noise =
            (0..3 * 37 * 11_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8);
        let picture = RgbImage::from_raw(37, 11, noise.collect()).unwrap();
        let entry = |width, height| PictureEntry {
            size: (width, height),
        };
        let bytes = entry(37, 11).encode(&picture);
        assert!(bytes.len() <= entry(37, 11).longest_payload());
        assert_eq!(entry(37, 11).decode(&bytes).unwrap(), picture);
        let turned = entry(11, 37).decode(&bytes);
        assert!(turned.is_ok(), "it has as many pixels");
        assert_eq!(entry(37, 10).decode(&bytes), Err(OTHER));
        assert_eq!(entry(37, 11).decode(&bytes[..40]), Err(DEFLATE));
    }

    #[test]
    fn smooth_pictures_have_small_entries() {
        let gradient = (0..128 * 128_u32).flat_map(|at| [(at % 128) as u8, (at / 128) as u8, 9]);
        let picture = RgbImage::from_raw(128, 128, gradient.collect()).unwrap();
        let entry = PictureEntry { size: (128, 128) };
        assert!(entry.encode(&picture).len() < 3 * 128 * 128 / 20);
    }
}
