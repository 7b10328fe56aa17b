//! Pictures between computed frames, which cost a decode but no model evaluation.

use crate::latents::{Latents, ShapeError};
use crate::mix::slerp;
use crate::observer::BlendedFrame;

/// Makes latents between neighbouring computed frames of a transition: for each pair of neighbours, those
/// of the in-betweens that lie between the two. There are `count` in all, unless there is no pair.
///
/// A picture that is decoded from the slerp of two finished latents is sharper than the cross-fade of
/// the two pictures, because the decoder draws the edges of what lies between. In-betweens go where they
/// are missed most: the next one always goes between the two neighbours whose distance, divided by the
/// number of parts that it is divided into already, is the largest. Between two neighbours they divide the
/// arc, and the fraction, into equal parts.
///
/// # Errors
/// [`ShapeError::Length`] if the latents differ in their shape.
pub fn in_betweens(
    frames: &[BlendedFrame],
    count: usize,
) -> Result<Vec<Vec<BlendedFrame>>, ShapeError> {
    let pairs = || frames.windows(2);
    let gaps: Vec<f64> = pairs()
        .map(|pair| distance(&pair[0].latents, &pair[1].latents))
        .collect();
    let counts = counts(&gaps, count);
    let filled = pairs().zip(counts).map(|(pair, count)| {
        let [left, right] = pair else {
            return Ok(Vec::new());
        };
        (1..=count)
            .map(|index| between(left, right, index as f64 / (count + 1) as f64))
            .collect()
    });
    filled.collect()
}

fn between(
    left: &BlendedFrame,
    right: &BlendedFrame,
    mix: f64,
) -> Result<BlendedFrame, ShapeError> {
    let (from, to) = (left.latents.values(), right.latents.values());
    let mut mixed = vec![0.0; from.len()];
    slerp(from, to, mix, &mut mixed)?;
    Ok(BlendedFrame {
        fraction: (1.0 - mix) * left.fraction + mix * right.fraction,
        latents: Latents::from_values(left.latents.shape(), mixed)?,
    })
}

/// How many of `count` frames lie in each gap, so that the largest part of any gap is as small as it
/// can be.
fn counts(gaps: &[f64], count: usize) -> Vec<usize> {
    let mut counts = vec![0; gaps.len()];
    for _ in 0..count {
        let part = |&index: &usize| gaps[index] / (counts[index] + 1) as f64;
        let widest = (0..gaps.len())
            .rev()
            .max_by(|left, right| part(left).total_cmp(&part(right)));
        if let Some(widest) = widest {
            counts[widest] += 1;
        }
    }
    counts
}

fn distance(left: &Latents, right: &Latents) -> f64 {
    let pairs = left.values().iter().zip(right.values());
    let squares = pairs.map(|(&l, &r)| (f64::from(l) - f64::from(r)).powi(2));
    libm::sqrt(squares.sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latents::LatentShape;

    fn frame(fraction: f64, values: [f32; 2]) -> BlendedFrame {
        let shape = LatentShape::new(1, 1, 2);
        BlendedFrame {
            fraction,
            latents: Latents::from_values(shape, values.to_vec()).unwrap(),
        }
    }

    #[test]
    fn the_widest_gaps_are_filled_first() {
        assert_eq!(counts(&[1.0, 4.0, 2.0], 3), [0, 2, 1]);
        assert_eq!(counts(&[1.0, 1.0], 3), [2, 1]);
        assert_eq!(counts(&[0.0, 0.0], 1), [1, 0]);
        assert_eq!(counts(&[], 5), []);
    }

    #[test]
    fn in_betweens_divide_the_arc() {
        let frames = [
            frame(0.0, [1.0, 0.0]),
            frame(0.6, [0.0, 1.0]),
            frame(1.0, [0.0, 1.5]),
        ];
        let filled = in_betweens(&frames, 2).unwrap();
        assert_eq!(filled.iter().map(Vec::len).collect::<Vec<_>>(), [2, 0]);
        let third = &filled[0][0];
        assert!((third.fraction - 0.2).abs() < 1e-12);
        let expected = [0.75_f32.sqrt(), 0.5];
        for (found, expected) in third.latents.values().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{third:?}");
        }
        assert!(in_betweens(&frames[..1], 3).unwrap().is_empty());
    }
}
