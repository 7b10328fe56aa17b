//! Branches that move within a level, under perceptual spacing.

use lb_blend::{
    Backend, BackendError, BlendOptions, Latents, PredictRequest, Sampler, SpacingDistance, lerp,
    slerp,
};
use lb_schedule::{BranchingProfile, Guidance, Spacing, parents, perceptual_fractions};

use crate::alone::guided_step;
use crate::scene::{film, film_along, keyframes, made, profile, sampled, sampler, samplers};
use crate::spacing::unevenness;

/// The state of a level's branches, those of the keyframes included.
#[derive(Clone)]
struct Standing {
    fractions: Vec<f64>,
    latents: Vec<Vec<f32>>,
    clean: Vec<Vec<f32>>,
    /// How much of what the cubic adds to the norm is taken back, 0 to 1.
    restraint: f64,
}

/// A row on the curve through these rows at a fraction, by the formula, in f64: the arc (or the
/// line), plus the difference between the cubic of tension 5/4 and the line.
fn on_curve(fractions: &[f64], rows: &[Vec<f32>], fraction: f64, is_noisy: bool) -> Vec<f32> {
    let found = parents(fractions, fraction).unwrap();
    let (left, right, t) = (&rows[found.left], &rows[found.right], found.mix);
    let mut mixed = vec![f32::NAN; left.len()];
    let mix = if is_noisy { slerp } else { lerp };
    mix(left, right, t, &mut mixed).unwrap();
    if t == 0.0 {
        return mixed;
    }
    let value = |index: usize, at: usize| f64::from(rows[at][index]);
    for (index, mixed) in mixed.iter_mut().enumerate() {
        let (b, c) = (value(index, found.left), value(index, found.right));
        let a = match found.left {
            0 => 2.0 * b - c,
            left => value(index, left - 1),
        };
        let d = match rows.len() - 1 - found.right {
            0 => 2.0 * c - b,
            _ => value(index, found.right + 1),
        };
        let cubic = |x: f64| match x.abs() {
            x if x <= 1.0 => 0.75 * x.powi(3) - 1.75 * x.powi(2) + 1.0,
            x => -1.25 * x.powi(3) + 6.25 * x.powi(2) - 10.0 * x + 5.0,
        };
        let curve = a * cubic(1.0 + t) + b * cubic(t) + c * cubic(1.0 - t) + d * cubic(2.0 - t);
        let line = (1.0 - t) * b + t * c;
        *mixed = (f64::from(*mixed) + curve - line) as f32;
    }
    mixed
}

impl Standing {
    /// `count` branches, spaced evenly by the distances known here.
    fn spaced(&self, count: usize) -> Self {
        let squares = |pair: &[Vec<f32>]| -> f64 {
            let values = pair[0].iter().zip(&pair[1]);
            values
                .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
                .sum()
        };
        let distances: Vec<f64> = self
            .clean
            .windows(2)
            .map(|pair| squares(pair).sqrt())
            .collect();
        let fractions = perceptual_fractions(count, &self.fractions, &distances).unwrap();
        let rows = |rows: &[Vec<f32>], is_noisy| {
            let all = fractions.iter();
            all.map(|&fraction| self.on_curve(rows, fraction, is_noisy))
                .collect()
        };
        Self {
            latents: rows(&self.latents, true),
            clean: rows(&self.clean, false),
            fractions,
            restraint: self.restraint,
        }
    }

    fn on_curve(&self, rows: &[Vec<f32>], fraction: f64, is_noisy: bool) -> Vec<f32> {
        let mut row = on_curve(&self.fractions, rows, fraction, is_noisy);
        if is_noisy {
            let found = parents(&self.fractions, fraction).unwrap();
            let mut arc = row.clone();
            slerp(&rows[found.left], &rows[found.right], found.mix, &mut arc).unwrap();
            let norm = |row: &[f32]| {
                row.iter()
                    .map(|x| f64::from(*x).powi(2))
                    .sum::<f64>()
                    .sqrt()
            };
            let scale = (norm(&arc) / norm(&row)).powf(self.restraint);
            for value in &mut row {
                *value = (f64::from(*value) * scale) as f32;
            }
        }
        row
    }

    fn step(&mut self, sampler: &dyn Sampler, step: usize) {
        let ends = keyframes(2);
        for (branch, &fraction) in self.fractions.iter().enumerate() {
            let mix = |left: &[f32], right: &[f32]| {
                let mut mixed = left.to_vec();
                lerp(left, right, fraction, &mut mixed).unwrap();
                mixed
            };
            let [left, right] = &ends[..] else {
                unreachable!()
            };
            let positive = mix(&left.conditioning.values, &right.conditioning.values);
            let negative = mix(
                &left.negative_conditioning.values,
                &right.negative_conditioning.values,
            );
            let (latents, clean) = (&mut self.latents[branch], &mut self.clean[branch]);
            let scale = Guidance::default().at(fraction) as f32;
            guided_step(sampler, step, latents, clean, [&positive, &negative], scale);
        }
    }
}

/// Computes every branch by itself. Before every step, branches are spaced by what the step before
/// predicted.
fn check_by_hand(sampler: &dyn Sampler, profile: &BranchingProfile, restraint: f64) {
    let ends = keyframes(2).into_iter();
    let ends: Vec<Vec<f32>> = ends
        .map(|keyframe| keyframe.initial_latents.values().to_vec())
        .collect();
    let mut present = Standing {
        fractions: vec![0.0, 1.0],
        clean: ends.clone(),
        latents: ends,
        restraint,
    };
    let mut levels = Vec::new();
    for (level, at) in profile.levels().iter().enumerate() {
        for step in profile.step_range(level) {
            if step > 0 {
                present = present.spaced(at.branch_count);
            }
            present.step(sampler, step);
        }
        levels.push(present.fractions.clone());
    }
    let film = sampled(
        sampler,
        &film_along(profile, 2),
        8,
        &BlendOptions::default(),
    );
    for (ours, by_hand) in film.level_fractions[0].iter().zip(&levels) {
        assert_eq!(ours.len(), by_hand.len());
        for (ours, by_hand) in ours.iter().zip(by_hand) {
            assert!((ours - by_hand).abs() < 1e-5, "{ours} is not {by_hand}");
        }
    }
    assert_eq!(film.level_fractions[0].len(), levels.len());
    for (frame, by_hand) in film.transitions[0].iter().zip(&present.latents) {
        let pairs = frame.latents.values().iter().zip(by_hand);
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{worst} at fraction {}", frame.fraction);
    }
}

#[test]
fn a_perceptual_film_by_hand() {
    for sampler in samplers() {
        check_by_hand(sampler.as_ref(), &profile(), 0.0);
    }
}

#[test]
fn a_film_of_more_moves_by_hand() {
    let profile = BranchingProfile::manual(30, &[2, 4, 6], &[0, 22, 26]).unwrap();
    check_by_hand(&sampler(30), &profile, 1.0 / 3.0);
}

/// A model whose picture snaps: it is one of two patterns, and neither in a narrow range of the
/// conditioning.
struct Snap;

impl Backend for Snap {
    fn batch_limit(&self) -> usize {
        usize::MAX
    }

    fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), BackendError> {
        request.validate(output).map_err(BackendError::new)?;
        let stride = request.shape.len();
        let width = request.tokens * request.width;
        let rows = output
            .chunks_exact_mut(stride)
            .zip(request.latents.chunks_exact(stride))
            .zip(request.conditioning.chunks_exact(width));
        for ((output, latents), conditioning) in rows {
            let side = libm::tanhf(40.0 * (conditioning[0] - 0.3));
            let drift = 0.4 * conditioning[0];
            for (index, (value, x)) in output.iter_mut().zip(latents).enumerate() {
                let own = libm::sinf(1.3 * index as f32);
                let clean = 1.5 * side * own + drift + 0.2 * libm::tanhf(*x);
                // At this noise level most of the velocity is −clean.
                *value = 0.3 * x - clean;
            }
        }
        Ok(())
    }

    fn picture_features(&mut self, clean: &[Latents]) -> Result<Vec<Vec<f32>>, BackendError> {
        let picture = |latents: &Latents| latents.values().iter().map(|x| x.tanh()).collect();
        Ok(clean.iter().map(picture).collect())
    }
}

#[test]
fn a_picture_that_snaps_is_evened_out() {
    let mut snapping = film(2);
    for (keyframe, value) in snapping.keyframes.iter_mut().zip([0.0, 1.0]) {
        keyframe.conditioning.values.fill(value);
        keyframe.negative_conditioning.values.fill(value);
    }
    let made = |options: BlendOptions| {
        let film = made(&mut Snap, &sampler(10), &snapping, &options);
        let cost = (film.report.model_evaluations, film.report.predict_calls);
        (unevenness(&film.transitions[0]), cost)
    };
    let (fixed, fixed_cost) = made(BlendOptions::default().with_spacing(Spacing::Fixed {
        mid_compression: 1.2,
    }));
    let (latents, cost) = made(BlendOptions::default());
    let (pictures, _) = made(BlendOptions::default().with_distance(SpacingDistance::Pictures));
    assert_eq!(cost, fixed_cost, "evenness costs nothing");
    assert!(fixed > 0.8, "the scene snaps: {fixed}");
    assert!(latents < 0.2, "{latents} against {fixed}");
    assert!(pictures < 0.5 * fixed, "{pictures} against {fixed}");
}
