//! The curve through a level's branches, on which branches start under perceptual spacing.

use lb_schedule::Parents;

use super::level::Level;
use crate::latents::ShapeError;
use crate::mix::slerp;

/// The most that the bend is stretched, in units of the bend of the cubic.
///
/// Half-way between unrelated pictures, a bend stretched 2.9 times would keep all of their contrast. More
/// than this limit keeps a little more of it in films of a dozen steps, but where branches move twenty
/// times, coloured flecks stay in the picture (docs/smoothness.md).
const MOST_STRETCH: f64 = 1.6;

/// The energies that decide how far the bend is stretched at a latent are those of the latents that are
/// this far away at the most, in rows and in columns.
const NEARBY: usize = 2;

/// Branches that do not differ are kept this far apart on the curve, as a share of the largest
/// distance between neighbours, so that tangents stay finite.
const LEAST_DISTANCE: f64 = 1e-3;

/// The curve through the states of a level's branches after one step.
///
/// Latents consist of a clean part x̂₀, which the model predicted in that step, and the noise that is
/// left: x = √ᾱ·x̂₀ + √(1 − ᾱ)·ε. The two are interpolated separately. The noise goes along the arc between
/// its neighbours, which keeps its norm. The clean part goes along a cubic through four branches
/// (Hermite's, with tangents from the parabola through each three): what all of them share stays
/// exactly what it is, and a path that is straight or evenly bent is followed exactly.
///
/// A tangent is never extrapolated from a short gap over a long one. Two branches that crowd on one side
/// of a leap differ by little more than their errors, and a tangent through both would carry those
/// errors, many times as large, into the gap.
///
/// Pictures that share nothing would lose contrast on that cubic, as in any mixture, while the model
/// has too few steps left to draw it again. The bend, which is the difference between the cubic and
/// the line, is therefore stretched or shrunk, place by place in each channel, until the clean part has
/// the energy that lies between its neighbours' energies there, and no more: a branch that moves again
/// and again gains no contrast, least of all in a background that all branches share. On a smooth path
/// the cubic has this energy already and is not stretched.
pub(super) struct Curve<'a> {
    level: &'a Level,
    /// Where each branch lies along the curve, by the distances between their predictions.
    positions: Vec<f64>,
    /// ᾱ of the latents: the share of the signal in their variance.
    alpha: f64,
}

impl<'a> Curve<'a> {
    /// The curve through these branches. `distances` are those between neighbours, and `alpha` is
    /// the sampler's ᾱ at the step that comes next.
    pub(super) fn through(level: &'a Level, distances: &[f64], alpha: f64) -> Self {
        let largest = distances.iter().copied().fold(0.0, f64::max);
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let mut position = 0.0;
        let mut positions = vec![position];
        for distance in distances {
            position += (distance / scale).max(LEAST_DISTANCE);
            positions.push(position);
        }
        Self {
            level,
            positions,
            alpha,
        }
    }

    /// Writes the state between two neighbours: the latents and their clean part.
    pub(super) fn write(
        &self,
        parents: Parents,
        latents: &mut [f32],
        predicted_clean: &mut [f32],
    ) -> Result<(), ShapeError> {
        let (left, right) = (parents.left, parents.right);
        if parents.mix == 0.0 || parents.mix == 1.0 {
            let branch = if parents.mix == 0.0 { left } else { right };
            latents.copy_from_slice(self.level.latents[branch].values());
            predicted_clean.copy_from_slice(self.level.predicted_clean[branch].values());
            return Ok(());
        }
        self.write_clean(parents, predicted_clean);
        let [from, to] = [left, right].map(|branch| self.noise(branch));
        slerp(&from, &to, parents.mix, latents)?;
        let (signal, noise) = (self.alpha.sqrt(), (1.0 - self.alpha).max(0.0).sqrt());
        for (value, &clean) in latents.iter_mut().zip(&*predicted_clean) {
            *value = (signal * f64::from(clean) + noise * f64::from(*value)) as f32;
        }
        Ok(())
    }

    /// The noise in a branch's latents, with a standard deviation of about 1.
    fn noise(&self, branch: usize) -> Vec<f32> {
        let latents = self.level.latents[branch].values();
        let clean = self.level.predicted_clean[branch].values();
        let signal = self.alpha.sqrt();
        let noise = (1.0 - self.alpha).max(f64::MIN_POSITIVE).sqrt();
        let pairs = latents.iter().zip(clean);
        pairs
            .map(|(&x, &clean)| ((f64::from(x) - signal * f64::from(clean)) / noise) as f32)
            .collect()
    }

    fn write_clean(&self, parents: Parents, result: &mut [f32]) {
        let branches = &self.level.predicted_clean;
        let shape = branches[parents.left].shape();
        let area = shape.height * shape.width;
        let bend = self.bend_weights(parents);
        let mut bends = vec![0.0; area];
        for (channel, result) in result.chunks_exact_mut(area).enumerate() {
            let part = channel * area..(channel + 1) * area;
            let values = |branch: usize| &branches[branch].values()[part.clone()];
            bends.fill(0.0);
            for (branch, weight) in &bend {
                for (bend, &value) in bends.iter_mut().zip(values(*branch)) {
                    *bend += weight * f64::from(value);
                }
            }
            let (left, right) = (values(parents.left), values(parents.right));
            let line = |index: usize| {
                let (left, right) = (f64::from(left[index]), f64::from(right[index]));
                left + parents.mix * (right - left)
            };
            // The energy that lies between the neighbours' energies exceeds the line's by mix·(1 − mix)
            // times the square of their difference.
            let share = parents.mix * (1.0 - parents.mix);
            let difference = |index: usize| f64::from(left[index]) - f64::from(right[index]);
            let around = |value: &dyn Fn(usize) -> f64| {
                around((shape.height, shape.width), (0..area).map(value).collect())
            };
            let missing = around(&|index| share * difference(index).powi(2));
            let square = around(&|index| bends[index] * bends[index]);
            let product = around(&|index| bends[index] * line(index));
            for (index, (result, bend)) in result.iter_mut().zip(&bends).enumerate() {
                let stretch = stretch(missing[index], square[index], product[index]);
                *result = (line(index) + stretch * bend) as f32;
            }
        }
    }

    /// The branches whose weights differ between the cubic and the line, and by how much.
    fn bend_weights(&self, Parents { left, right, mix }: Parents) -> Vec<(usize, f64)> {
        let count = self.positions.len();
        let gap = |at: usize| self.positions[at + 1] - self.positions[at];
        let width = gap(left);
        // A slope is the difference of two neighbours over their gap. Adding a share of it to the bend
        // changes the weights of both.
        let mut weights = [0.0; 4];
        let first = left as isize - 1;
        let slope = |weights: &mut [f64; 4], at: usize, share: f64| {
            let index = (at as isize - first) as usize;
            weights[index + 1] += share / gap(at);
            weights[index] -= share / gap(at);
        };
        let rest = 1.0 - mix;
        let (outgoing, incoming) = (mix * rest * rest * width, mix * mix * rest * width);
        let (before, after) = (left > 0, right + 1 < count);
        // A tangent less the line's slope is a share of the change of slope at that branch: a smaller
        // one where the gap on its other side is the shorter one. The first and the last branch have
        // no such gap: their tangent is that of the parabola through them and the next two.
        let share_of_change =
            |other: usize| width / (width + gap(other)) * (gap(other) / width).min(1.0);
        let change_before = |weights: &mut [f64; 4], share: f64| {
            let share = share * share_of_change(left - 1);
            slope(weights, left - 1, share);
            slope(weights, left, -share);
        };
        let change_after = |weights: &mut [f64; 4], share: f64| {
            let share = share * share_of_change(right);
            slope(weights, right, share);
            slope(weights, left, -share);
        };
        match (before, after) {
            (true, true) => {
                change_before(&mut weights, outgoing);
                change_after(&mut weights, -incoming);
            }
            (true, false) => change_before(&mut weights, outgoing + incoming / 2.0),
            (false, true) => change_after(&mut weights, -incoming - outgoing / 2.0),
            (false, false) => {}
        }
        let branches = (first..first + 4).zip(weights);
        branches
            .filter(|(_, weight)| *weight != 0.0)
            .map(|(branch, weight)| (branch as usize, weight))
            .collect()
    }
}

/// The sums of values over the latents around each one.
fn around((height, width): (usize, usize), mut values: Vec<f64>) -> Vec<f64> {
    let mut sums = values.clone();
    for (along, across) in [((width, 1), (height, width)), ((height, width), (width, 1))] {
        let ((length, step), (lines, next)) = (along, across);
        for line in 0..lines {
            for at in 0..length {
                let near = at.saturating_sub(NEARBY)..(at + NEARBY + 1).min(length);
                let sum: f64 = near.map(|near| values[line * next + near * step]).sum();
                sums[line * next + at * step] = sum;
            }
        }
        values.copy_from_slice(&sums);
    }
    sums
}

/// How far the bend is stretched so that the energy that is missing on the line comes back: the
/// positive solution s of s²·‖bend‖² + 2·s·⟨line, bend⟩ = missing, where there is one.
fn stretch(missing: f64, square: f64, product: f64) -> f64 {
    if square == 0.0 {
        return 0.0;
    }
    let root = (product * product + square * missing).max(0.0).sqrt();
    ((root - product) / square).clamp(0.0, MOST_STRETCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latents::{LatentShape, Latents};

    const SHAPE: LatentShape = LatentShape::new(1, 12, 12);

    /// Branches that crowd on both sides of a leap: an object changes in the upper rows, and the
    /// background in the lower ones differs by small errors.
    #[test]
    fn errors_of_crowded_branches_are_not_carried_into_a_leap() {
        let error = 0.02;
        let branch = |object: f32, sign: f32| {
            let value = |index: usize| match index / SHAPE.width {
                0..4 => object * if index.is_multiple_of(2) { 1.0 } else { -0.5 },
                _ => 1.0 + sign * error * if index.is_multiple_of(3) { 1.0 } else { -1.0 },
            };
            let values = (0..SHAPE.len()).map(value).collect();
            Latents::from_values(SHAPE, values).unwrap()
        };
        let clean = vec![
            branch(-3.0, 1.0),
            branch(-3.0, -1.0),
            branch(3.0, 1.0),
            branch(3.0, -1.0),
        ];
        let level = Level {
            fractions: vec![vec![0.0, 0.4, 0.6, 1.0]],
            latents: clean.clone(),
            predicted_clean: clean,
            guidance_differences: Vec::new(),
        };
        let curve = Curve::through(&level, &[0.1, 20.0, 0.1], 0.5);
        for mix in [0.25, 0.5, 0.75] {
            let parents = Parents {
                left: 1,
                right: 2,
                mix,
            };
            let mut found = vec![0.0; SHAPE.len()];
            curve.write_clean(parents, &mut found);
            let background = &found[6 * SHAPE.width..];
            let off = background.iter().map(|value| (value - 1.0).abs());
            let most = off.fold(0.0, f32::max);
            assert!(most < 1.5 * error, "{most} of {error} at {mix}");
        }
    }
}
