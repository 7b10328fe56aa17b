//! A level's branches, and the curve through them on which further branches start.

use std::iter::once;

use lb_schedule::Parents;

use crate::latents::{Latents, ShapeError};
use crate::mix::{lerp, slerp};
use crate::snapshot::Snapshot;

/// The state of all branches of a level after some step, those of the keyframes included.
pub(super) struct Level {
    /// The fractions of all levels down to this one.
    pub(super) fractions: Vec<Vec<f64>>,
    pub(super) latents: Vec<Latents>,
    pub(super) predicted_clean: Vec<Latents>,
}

impl Level {
    /// The inner branches between the two keyframes, all after the same step.
    pub(super) fn between(left: &Snapshot, inner: Snapshot, right: &Snapshot) -> Self {
        let join = |left: &[Latents], inner: Vec<Latents>, right: &[Latents]| {
            let ends = (once(left[0].clone()), once(right[0].clone()));
            ends.0.chain(inner).chain(ends.1).collect()
        };
        Self {
            fractions: inner.fractions,
            latents: join(&left.latents, inner.latents, &right.latents),
            predicted_clean: join(
                &left.predicted_clean,
                inner.predicted_clean,
                &right.predicted_clean,
            ),
        }
    }

    /// The fractions of this level's branches.
    pub(super) fn level_fractions(&self) -> &[f64] {
        &self.fractions[self.fractions.len() - 1]
    }
}

/// How strongly the curve is bent: the outer two of four branches weigh −TENSION/8 each in the
/// middle.
///
/// ½ (Catmull–Rom) is exact for what changes smoothly and takes contrast from what does not: the
/// squares of its weights, which are the contrast left to details that neighbours do not share, add
/// up to 0.64 in the middle. With this value they add up to 0.91; at 1.46 they pass 1. Measured on
/// the bundled model, frames below 1.25 are blurrier on average than those of fixed spacing, and at
/// 1.5 the changes from frame to frame get uneven (docs/smoothness.md).
const TENSION: f64 = 1.25;

/// The two branches that a branch starts between, and on a curve also the ones beyond them.
#[derive(Clone, Copy)]
pub(super) struct Neighbours<'a> {
    left: &'a Latents,
    right: &'a Latents,
    mix: f64,
    beyond: Option<[Option<&'a Latents>; 2]>,
    /// How much of what the bend adds to the norm is taken back, 0 to 1.
    norm_restraint: f64,
}

impl<'a> Neighbours<'a> {
    /// One branch alone, without any mix.
    pub(super) fn only(latents: &'a Latents) -> Self {
        Self {
            left: latents,
            right: latents,
            mix: 0.0,
            beyond: None,
            norm_restraint: 0.0,
        }
    }

    /// A child between its parents, which are among a level's branches.
    pub(super) fn parents(level: &'a [Latents], parents: Parents) -> Self {
        Self {
            left: &level[parents.left],
            right: &level[parents.right],
            mix: parents.mix,
            beyond: None,
            norm_restraint: 0.0,
        }
    }

    /// A point on the curve through a level's branches.
    pub(super) fn on_curve(level: &'a [Latents], parents: Parents, norm_restraint: f64) -> Self {
        let before = parents.left.checked_sub(1).map(|index| &level[index]);
        Self {
            beyond: Some([before, level.get(parents.right + 1)]),
            norm_restraint,
            ..Self::parents(level, parents)
        }
    }

    /// Mixes noisy latents: along the arc, bent to the curve, and brought back towards the arc's
    /// norm.
    pub(super) fn noisy(&self, result: &mut [f32]) -> Result<(), ShapeError> {
        slerp(self.left.values(), self.right.values(), self.mix, result)?;
        if self.norm_restraint == 0.0 {
            self.bend(result);
            return Ok(());
        }
        let arc = square_sum(result);
        self.bend(result);
        let bent = square_sum(result);
        if bent > 0.0 {
            let scale = libm::pow(arc / bent, self.norm_restraint / 2.0);
            for value in result {
                *value = (f64::from(*value) * scale) as f32;
            }
        }
        Ok(())
    }

    /// Mixes clean latents: along the line, bent to the curve.
    pub(super) fn clean(&self, result: &mut [f32]) -> Result<(), ShapeError> {
        lerp(self.left.values(), self.right.values(), self.mix, result)?;
        self.bend(result);
        Ok(())
    }

    /// Adds the difference between the cubic through four branches and the line between the inner
    /// two.
    ///
    /// A line between two pictures takes contrast from what they do not share. A cubic with its
    /// negative weights takes less, as it does when pictures are resized. Beyond the ends of the
    /// level the curve is extended straight.
    fn bend(&self, result: &mut [f32]) {
        let Some([before, after]) = self.beyond else {
            return;
        };
        if self.mix == 0.0 || self.mix == 1.0 {
            return;
        }
        let (left, right) = (self.left.values(), self.right.values());
        let weights = bend_weights(self.mix, before.is_some(), after.is_some());
        // A weight of zero where there is nothing beyond.
        let before = before.map_or(left, Latents::values);
        let after = after.map_or(right, Latents::values);
        for (index, value) in result.iter_mut().enumerate() {
            let four = [before[index], left[index], right[index], after[index]];
            let bend: f64 = std::iter::zip(weights, four)
                .map(|(weight, value)| weight * f64::from(value))
                .sum();
            *value = (f64::from(*value) + bend) as f32;
        }
    }
}

fn square_sum(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum()
}

/// The weights of cubic convolution less those of the line (Keys 1981, "Cubic convolution
/// interpolation for digital image processing"). Where there is no branch beyond, the curve is
/// extended straight.
fn bend_weights(mix: f64, before: bool, after: bool) -> [f64; 4] {
    let (t, rest) = (mix, 1.0 - mix);
    let outer = |own: f64, other: f64| -TENSION * own * other * other;
    let (mut first, mut fourth) = (outer(t, rest), outer(rest, t));
    let inner = |own: f64| 1.0 + own * own * ((2.0 - TENSION) * own + TENSION - 3.0);
    let (mut second, mut third) = (inner(t) - rest, inner(rest) - t);
    if !before {
        (first, second, third) = (0.0, second + 2.0 * first, third - first);
    }
    if !after {
        (second, third, fourth) = (second - fourth, third + 2.0 * fourth, 0.0);
    }
    [first, second, third, fourth]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latents::LatentShape;

    fn level(values: &[f32]) -> Vec<Latents> {
        let shape = LatentShape::new(1, 1, 1);
        let each = values.iter();
        each.map(|&value| Latents::from_values(shape, vec![value]).unwrap())
            .collect()
    }

    fn clean(values: &[f32], left: usize, mix: f64) -> f32 {
        let (level, right) = (level(values), left + 1);
        let mut result = [f32::NAN];
        let parents = Parents { left, right, mix };
        let neighbours = Neighbours::on_curve(&level, parents, 0.0);
        neighbours.clean(&mut result).unwrap();
        result[0]
    }

    #[test]
    fn the_curve_goes_through_the_branches() {
        let values = [0.0, 3.0, -1.0, 2.0];
        for left in 0..3 {
            assert_eq!(clean(&values, left, 0.0), values[left]);
            assert_eq!(clean(&values, left, 1.0), values[left + 1]);
        }
    }

    #[test]
    fn weights_add_up_to_nothing() {
        for (before, after) in [(true, true), (true, false), (false, true), (false, false)] {
            for mix in [0.1, 0.5, 0.8] {
                let weights = bend_weights(mix, before, after);
                assert!(weights.iter().sum::<f64>().abs() < 1e-15, "{weights:?}");
            }
        }
    }

    #[test]
    fn two_branches_have_a_line_between_them() {
        assert_eq!(clean(&[1.0, 3.0], 0, 0.5), 2.0);
    }

    #[test]
    fn the_norm_is_brought_back_to_the_arcs() {
        let shape = LatentShape::new(1, 1, 2);
        let rows = [[4.0, -3.0], [5.0, 0.0], [3.0, 4.0], [-4.0, 3.0]];
        let level = rows.map(|row| Latents::from_values(shape, row.to_vec()).unwrap());
        let norm = |restraint: f64| {
            let (left, right, mix) = (1, 2, 0.5);
            let parents = Parents { left, right, mix };
            let mut result = [f32::NAN; 2];
            let neighbours = Neighbours::on_curve(&level, parents, restraint);
            neighbours.noisy(&mut result).unwrap();
            square_sum(&result).sqrt()
        };
        assert!(norm(0.0) > 5.5, "{}", norm(0.0));
        assert!((norm(0.5) - (5.0 * norm(0.0)).sqrt()).abs() < 1e-6);
        assert!((norm(1.0) - 5.0).abs() < 1e-6);
    }

    #[test]
    fn the_middle_of_four_by_hand() {
        // The outer weights are −TENSION/8: they push away from what lies beyond.
        let expected = (0.5 + TENSION / 8.0) - TENSION / 8.0 * 2.0;
        let found = f64::from(clean(&[0.0, 0.0, 1.0, 2.0], 1, 0.5));
        assert!((found - expected).abs() < 1e-7, "{found}");
    }
}
