//! Mixing two vectors: along the line between them, or along the arc.

use crate::latents::{ShapeError, validate_length};

/// How far from parallel (or opposite) [`slerp`] takes two vectors to be at least: the cosine of their
/// angle is clamped to ±(1 − this).
///
/// This keeps the division by the angle's sine accurate, and changes the mix of parallel vectors by no
/// more than float precision.
const PARALLEL_MARGIN: f64 = 1e-7;

/// Linear interpolation: `result = (1 − mix)·left + mix·right`, computed in f64.
///
/// A `mix` of exactly 0 or 1 copies that side bit by bit.
///
/// # Errors
/// [`ShapeError::Length`] if the three lengths differ, [`ShapeError::Mix`] if `mix` is not in
/// [0, 1].
pub fn lerp(left: &[f32], right: &[f32], mix: f64, result: &mut [f32]) -> Result<(), ShapeError> {
    mix_by(left, right, mix, result, || (1.0 - mix, mix))
}

/// Spherical linear interpolation over the whole vector, in f64. The mix divides the *angle* between
/// both ends, so that the mix of two noises has the norm of a noise. (The line between them passes
/// nearer to the origin. A diffusion model sees less noise there than there should be.)
///
/// `result = sin((1 − mix)·θ)/sin θ · left + sin(mix·θ)/sin θ · right`, θ the angle between the
/// ends (Shoemake 1985). A `mix` of exactly 0 or 1 copies that side bit by bit. Parallel and
/// opposite ends are mixed as if they were off by 4.5e-4 radians; where one end is zero and there
/// is no angle, the mix is linear.
///
/// # Errors
/// As [`lerp`].
pub fn slerp(left: &[f32], right: &[f32], mix: f64, result: &mut [f32]) -> Result<(), ShapeError> {
    mix_by(left, right, mix, result, || match angle(left, right) {
        Some(angle) => {
            let sine = libm::sin(angle);
            (
                libm::sin((1.0 - mix) * angle) / sine,
                libm::sin(mix * angle) / sine,
            )
        }
        None => (1.0 - mix, mix),
    })
}

fn mix_by(
    left: &[f32],
    right: &[f32],
    mix: f64,
    result: &mut [f32],
    weights: impl FnOnce() -> (f64, f64),
) -> Result<(), ShapeError> {
    validate_length("the right side of a mix", right.len(), left.len())?;
    validate_length("the result of a mix", result.len(), left.len())?;
    if mix == 0.0 {
        result.copy_from_slice(left);
    } else if mix == 1.0 {
        result.copy_from_slice(right);
    } else if mix > 0.0 && mix < 1.0 {
        let (left_weight, right_weight) = weights();
        for ((value, &l), &r) in result.iter_mut().zip(left).zip(right) {
            *value = (left_weight * f64::from(l) + right_weight * f64::from(r)) as f32;
        }
    } else {
        return Err(ShapeError::Mix { mix });
    }
    Ok(())
}

/// The angle between two vectors, kept away from 0 and π. There is none if one of them is zero.
fn angle(left: &[f32], right: &[f32]) -> Option<f64> {
    let (mut dot, mut left_square, mut right_square) = (0.0, 0.0, 0.0);
    for (&l, &r) in left.iter().zip(right) {
        let (l, r) = (f64::from(l), f64::from(r));
        dot += l * r;
        left_square += l * l;
        right_square += r * r;
    }
    let norms = libm::sqrt(left_square) * libm::sqrt(right_square);
    let limit = 1.0 - PARALLEL_MARGIN;
    (norms > 0.0).then(|| libm::acos((dot / norms).clamp(-limit, limit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slerped(left: &[f32], right: &[f32], mix: f64) -> Vec<f32> {
        let mut result = vec![f32::NAN; left.len()];
        slerp(left, right, mix, &mut result).unwrap();
        result
    }

    #[test]
    fn slerp_walks_the_arc() {
        let half = slerped(&[1.0, 0.0], &[0.0, 1.0], 0.5);
        assert_eq!(half, [std::f32::consts::FRAC_1_SQRT_2; 2]);
        let third = slerped(&[2.0, 0.0], &[0.0, 2.0], 1.0 / 3.0);
        assert!(
            (third[1] - 1.0).abs() < 1e-6,
            "30° up a circle of radius 2: {third:?}"
        );
    }

    #[test]
    fn the_ends_are_copies() {
        let (left, right) = ([1.0e-3, f32::MAX, -0.0], [0.3, f32::INFINITY, 7.0]);
        let bits = |values: &[f32]| {
            values
                .iter()
                .map(|value| value.to_bits())
                .collect::<Vec<_>>()
        };
        assert_eq!(bits(&slerped(&left, &right, 0.0)), bits(&left));
        assert_eq!(bits(&slerped(&left, &right, 1.0)), bits(&right));
    }

    #[test]
    fn degenerate_pairs_stay_finite() {
        assert_eq!(slerped(&[0.0, 0.0], &[2.0, 4.0], 0.25), [0.5, 1.0]);
        for (left, right) in [([3.0, 4.0], [3.0, 4.0]), ([3.0, 4.0], [6.0, 8.0])] {
            let middle = slerped(&left, &right, 0.5);
            let line = [(left[0] + right[0]) / 2.0, (left[1] + right[1]) / 2.0];
            assert!((middle[0] - line[0]).abs() < 1e-5 && (middle[1] - line[1]).abs() < 1e-5);
        }
        let opposite = slerped(&[1.0, 2.0], &[-1.0, -2.0], 0.3);
        assert!(
            opposite
                .iter()
                .all(|value| value.is_finite() && value.abs() <= 2.0)
        );
    }

    #[test]
    fn refusals_name_the_value() {
        let mut result = [0.0; 2];
        let error = slerp(&[1.0, 2.0], &[1.0], 0.5, &mut result).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the right side of a mix: 1 values, expected 2"
        );
        let error = lerp(&[1.0, 2.0], &[1.0, 2.0], f64::NAN, &mut result).unwrap_err();
        assert_eq!(error.to_string(), "mix NaN is not in [0, 1]");
    }
}
