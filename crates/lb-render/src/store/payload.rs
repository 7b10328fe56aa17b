//! Results as bytes, and back. What is read back is checked against what the key promises, so that
//! an entry made by hand cannot bring in what a computed one would not.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use image::RgbImage;
use lb_blend::{Conditioning, LatentShape, Latents, Snapshot};
use lb_video::picture;

use super::entry::Damage;

const OTHER: Damage = Damage::Content("it is of another shape than its key says");
const NOT_FINITE: Damage = Damage::Content("it holds values that are not finite");
const DEFLATE: Damage = Damage::Content("its pixels cannot be unpacked");
const FRACTIONS: Damage = Damage::Content("its fractions do not grow from 0 to 1");

/// What is known of a [`Snapshot`] before it is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TrajectoryShape {
    /// The step after which the branches stand there.
    pub(crate) step: usize,
    /// Branches of every level down to this one; none for a keyframe.
    pub(crate) branch_counts: Vec<usize>,
    /// Branches that are kept: the level's inner ones, or the one keyframe.
    pub(crate) kept: usize,
    /// The shape of each.
    pub(crate) latents: LatentShape,
}

impl TrajectoryShape {
    /// All that is known of it: step, levels, branches of each, branches kept, channels, height,
    /// width; as u32.
    fn prefix(&self) -> Vec<u8> {
        let LatentShape {
            channels,
            height,
            width,
        } = self.latents;
        let numbers = [self.step, self.branch_counts.len()]
            .into_iter()
            .chain(self.branch_counts.iter().copied())
            .chain([self.kept, channels, height, width]);
        numbers
            .flat_map(|number| (number as u32).to_le_bytes())
            .collect()
    }

    /// Bytes of a payload.
    pub(crate) fn length(&self) -> usize {
        let fractions: usize = self.branch_counts.iter().sum();
        let values = 2_usize
            .saturating_mul(self.kept)
            .saturating_mul(self.latents.len());
        (4 * (6 + self.branch_counts.len()) + 8 * fractions).saturating_add(4 * values)
    }

    /// Behind the prefix all fractions as f64, then latents, then predicted clean latents as f32.
    pub(crate) fn encode(&self, end: &Snapshot) -> Vec<u8> {
        let mut bytes = self.prefix();
        bytes.reserve(self.length());
        let fractions = end.fractions.iter().flatten();
        bytes.extend(fractions.flat_map(|fraction| fraction.to_le_bytes()));
        for latents in end.latents.iter().chain(&end.predicted_clean) {
            bytes.extend(
                latents
                    .values()
                    .iter()
                    .flat_map(|value| value.to_le_bytes()),
            );
        }
        bytes
    }

    pub(crate) fn decode(&self, payload: &[u8]) -> Result<Snapshot, Damage> {
        let rest = payload.strip_prefix(&self.prefix()[..]).ok_or(OTHER)?;
        if payload.len() != self.length() {
            return Err(OTHER);
        }
        let (fractions, values) = rest.split_at(8 * self.branch_counts.iter().sum::<usize>());
        let mut fractions = fractions.chunks_exact(8).map(|bytes| {
            let mut number = [0; 8];
            number.copy_from_slice(bytes);
            f64::from_le_bytes(number)
        });
        let levels = self.branch_counts.iter();
        let fractions: Vec<Vec<f64>> = levels
            .map(|&count| fractions.by_ref().take(count).collect())
            .collect();
        if !fractions.iter().all(|level| grows_from_0_to_1(level)) {
            return Err(FRACTIONS);
        }
        let values = floats(values)?;
        let latents: Result<Vec<Latents>, _> = values
            .chunks_exact(self.latents.len())
            .map(|values| Latents::from_values(self.latents, values.to_vec()))
            .collect();
        let mut latents = latents.map_err(|_| OTHER)?;
        let predicted_clean = latents.split_off(self.kept);
        Ok(Snapshot {
            fractions,
            latents,
            predicted_clean,
        })
    }
}

fn grows_from_0_to_1(fractions: &[f64]) -> bool {
    fractions.first() == Some(&0.0)
        && fractions.last() == Some(&1.0)
        && fractions.windows(2).all(|pair| pair[0] <= pair[1])
}

fn floats(bytes: &[u8]) -> Result<Vec<f32>, Damage> {
    let numbers = bytes.chunks_exact(4).map(|bytes| {
        let mut number = [0; 4];
        number.copy_from_slice(bytes);
        f32::from_le_bytes(number)
    });
    let values: Vec<f32> = numbers.collect();
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(NOT_FINITE)
    }
}

/// The values of a conditioning or of latents; their shape is in the key.
pub(crate) fn encode_values(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

pub(crate) fn decode_latents(payload: &[u8], shape: LatentShape) -> Result<Latents, Damage> {
    Latents::from_values(shape, floats(payload)?).map_err(|_| OTHER)
}

pub(crate) fn decode_conditioning(
    payload: &[u8],
    (tokens, width): (usize, usize),
) -> Result<Conditioning, Damage> {
    if payload.len() != 4 * tokens * width {
        return Err(OTHER);
    }
    Ok(Conditioning {
        tokens,
        width,
        values: floats(payload)?,
    })
}

/// Bytes that the packed pixels of a picture cannot exceed: deflate stores what it cannot pack.
pub(crate) fn longest_frame((width, height): (usize, usize)) -> usize {
    let pixels = width.saturating_mul(height).saturating_mul(3);
    pixels.saturating_add(pixels / 16 + 1024)
}

/// The pixels' differences from their left neighbours, packed: nothing is lost.
pub(crate) fn encode_frame(frame: &RgbImage) -> Vec<u8> {
    let mut differences = frame.as_raw().clone();
    let row = 3 * frame.width() as usize;
    for row in differences.chunks_exact_mut(row) {
        for at in (3..row.len()).rev() {
            row[at] = row[at].wrapping_sub(row[at - 3]);
        }
    }
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail; were it to, the payload would be told to be damaged.
    let _ = packed.write_all(&differences);
    packed.finish().unwrap_or_default()
}

pub(crate) fn decode_frame(
    payload: &[u8],
    (width, height): (usize, usize),
) -> Result<RgbImage, Damage> {
    let length = 3 * width * height;
    let mut rgb = Vec::new();
    let unpacked = DeflateDecoder::new(payload)
        .take(length as u64 + 1)
        .read_to_end(&mut rgb);
    unpacked.map_err(|_| DEFLATE)?;
    if rgb.len() != length {
        return Err(OTHER);
    }
    for row in rgb.chunks_exact_mut(3 * width) {
        for at in 3..row.len() {
            row[at] = row[at].wrapping_add(row[at - 3]);
        }
    }
    picture::from_rgb(width, height, rgb).map_err(|_| OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENTS: LatentShape = LatentShape {
        channels: 2,
        height: 1,
        width: 3,
    };

    fn shape() -> TrajectoryShape {
        TrajectoryShape {
            step: 8,
            branch_counts: vec![2, 4],
            kept: 2,
            latents: LATENTS,
        }
    }

    fn end() -> Snapshot {
        let latents = |value: f32| Latents::from_values(LATENTS, vec![value; 6]).unwrap();
        Snapshot {
            fractions: vec![vec![0.0, 1.0], vec![0.0, 0.25, 0.75, 1.0]],
            latents: vec![latents(1.0), latents(2.0)],
            predicted_clean: vec![latents(3.0), latents(4.0)],
        }
    }

    #[test]
    fn a_level_comes_back_as_it_was() {
        let bytes = shape().encode(&end());
        assert_eq!(bytes.len(), shape().length());
        assert_eq!(shape().decode(&bytes).unwrap(), end());
    }

    #[test]
    fn what_the_key_does_not_promise_is_refused() {
        let bytes = shape().encode(&end());
        let other = TrajectoryShape { step: 9, ..shape() };
        assert_eq!(other.decode(&bytes), Err(OTHER));
        assert_eq!(shape().decode(&bytes[..bytes.len() - 4]), Err(OTHER));
        assert_eq!(shape().decode(&[]), Err(OTHER));
        let mut values = end();
        values.latents[0] = Latents::from_values(LATENTS, vec![f32::NAN; 6]).unwrap();
        assert_eq!(shape().decode(&shape().encode(&values)), Err(NOT_FINITE));
        for level in [
            [0.0, 0.8, 0.2, 1.0],
            [0.1, 0.2, 0.3, 1.0],
            [0.0, f64::NAN, 0.3, 1.0],
        ] {
            let mut fractions = end();
            fractions.fractions[1] = level.to_vec();
            assert_eq!(shape().decode(&shape().encode(&fractions)), Err(FRACTIONS));
        }
    }

    #[test]
    fn a_conditioning_comes_back_as_it_was() {
        let conditioning = Conditioning {
            tokens: 2,
            width: 3,
            values: vec![0.5, -1.0, f32::MIN_POSITIVE, 3.0, 1e30, -0.0],
        };
        let bytes = encode_values(&conditioning.values);
        assert_eq!(decode_conditioning(&bytes, (2, 3)).unwrap(), conditioning);
        assert_eq!(decode_conditioning(&bytes, (2, 4)), Err(OTHER));
    }

    #[test]
    fn a_frame_comes_back_as_it_was() {
        let noise =
            (0..3 * 37 * 11_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8);
        let frame = picture::from_rgb(37, 11, noise.collect()).unwrap();
        let bytes = encode_frame(&frame);
        assert!(bytes.len() <= longest_frame((37, 11)));
        assert_eq!(decode_frame(&bytes, (37, 11)).unwrap(), frame);
        assert_eq!(
            decode_frame(&bytes, (11, 37)).map(|_| ()),
            Ok(()),
            "as many pixels"
        );
        assert_eq!(decode_frame(&bytes, (37, 10)), Err(OTHER));
        assert_eq!(decode_frame(&bytes[..40], (37, 11)), Err(DEFLATE));
    }

    #[test]
    fn smooth_pictures_take_little_room() {
        let gradient = (0..128 * 128_u32).flat_map(|at| [(at % 128) as u8, (at / 128) as u8, 9]);
        let frame = picture::from_rgb(128, 128, gradient.collect()).unwrap();
        assert!(encode_frame(&frame).len() < 3 * 128 * 128 / 20);
    }
}
