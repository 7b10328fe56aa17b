//! The curve through a level's branches, on which branches start under perceptual spacing.

use lb_schedule::Parents;

use super::level::Level;
use crate::latents::ShapeError;
use crate::mix::slerp;

/// The most that the bend is stretched, in units of the bend of the cubic that is exact for smooth
/// paths.
///
/// Half-way between unrelated pictures, weights of the cubic stretched 2.9 times would keep all of
/// their contrast. Four instead of 2.5 gained next to nothing (docs/smoothness.md).
const MOST_STRETCH: f64 = 2.5;

/// Branches that do not differ are kept this far apart on the curve, as a share of the largest
/// distance between neighbours, so that tangents stay finite.
const LEAST_DISTANCE: f64 = 1e-3;

/// The curve through the states of a level's branches after one step.
///
/// Latents consist of a clean part x̂₀, which the model predicted in that step, and the noise that is
/// left: x = √ᾱ·x̂₀ + √(1 − ᾱ)·ε. The two are interpolated apart. The noise goes along the arc between
/// its neighbours, which keeps its norm. The clean part goes along a cubic through four branches
/// (Hermite's, with tangents from the parabola through each three): what all of them share stays
/// exactly what it is, and so does a path that is straight or evenly bent.
///
/// Pictures that share nothing would lose contrast on that cubic, as in any mixture, while the model
/// has too few steps left to draw it again. The bend, which is the difference between the cubic and
/// the line, is therefore stretched channel by channel until the clean part has the energy that lies
/// between its neighbours' energies, and no more: a branch that moves again and again neither fades
/// nor gains contrast. On a smooth path the cubic has this energy already and is not stretched.
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
            let (mut missing, mut square, mut product) = (0.0, 0.0, 0.0);
            for (index, bend) in bends.iter().enumerate() {
                missing += (f64::from(left[index]) - f64::from(right[index])).powi(2);
                square += bend * bend;
                product += bend * line(index);
            }
            missing *= parents.mix * (1.0 - parents.mix);
            let stretch = stretch(missing, square, product);
            for (index, (result, bend)) in result.iter_mut().zip(&bends).enumerate() {
                *result = (line(index) + stretch * bend) as f32;
            }
        }
    }

    /// The branches whose weights differ between the cubic and the line, and by how much.
    fn bend_weights(&self, Parents { left, right, mix }: Parents) -> Vec<(usize, f64)> {
        let count = self.positions.len();
        let gap = |at: usize| self.positions[at + 1] - self.positions[at];
        let width = gap(left);
        // Slopes are weights of branches: at first that of the line, then those of the tangents.
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
        // A tangent less the line's slope is a share of the change of slope at that branch. Where a
        // branch is the last one, its tangent is that of the parabola through the other three.
        let change_before = |weights: &mut [f64; 4], share: f64| {
            let share = share * width / (width + gap(left - 1));
            slope(weights, left - 1, share);
            slope(weights, left, -share);
        };
        let change_after = |weights: &mut [f64; 4], share: f64| {
            let share = share * width / (width + gap(right));
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

/// How far the bend is stretched so that the energy that is missing on the line comes back: the
/// positive solution s of s²·‖bend‖² + 2·s·⟨line, bend⟩ = missing, where there is one.
fn stretch(missing: f64, square: f64, product: f64) -> f64 {
    if square == 0.0 {
        return 0.0;
    }
    let root = (product * product + square * missing).max(0.0).sqrt();
    ((root - product) / square).clamp(0.0, MOST_STRETCH)
}
