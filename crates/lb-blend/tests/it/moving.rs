//! Branches that move within a level, under perceptual spacing.

use lb_blend::{
    Backend, BackendError, BlendOptions, DdimSampler, Latents, NoiseScheduleConfig, PredictRequest,
    PredictionType, Sampler, SpacingDistance, lerp, slerp,
};
use lb_schedule::{BranchingProfile, Guidance, Spacing, parents, perceptual_fractions};

use crate::alone::guided_step_that_reuses;
use crate::scene::{SHAPE, film, film_along, keyframes, made, profile, sampled, sampler, samplers};
use crate::spacing::unevenness;

/// The state of a level's branches, those of the keyframes included.
#[derive(Clone)]
struct Standing {
    fractions: Vec<f64>,
    latents: Vec<Vec<f32>>,
    clean: Vec<Vec<f32>>,
    /// The differences that guidance made when they were last computed.
    guidance: Vec<Vec<f32>>,
}

fn difference(left: &[f32], right: &[f32]) -> Vec<f64> {
    let pairs = left.iter().zip(right);
    pairs.map(|(l, r)| f64::from(*r) - f64::from(*l)).collect()
}

fn square(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

impl Standing {
    fn distances(&self) -> Vec<f64> {
        let pairs = self.clean.windows(2);
        pairs
            .map(|pair| square(&difference(&pair[0], &pair[1])).sqrt())
            .collect()
    }

    /// A clean row at a fraction, by the formula: Hermite's cubic with the tangents of parabolas, which
    /// are nearer to the line beside a shorter gap, and in each channel and place the bend stretched to
    /// the energy between the neighbours' energies there.
    fn clean_on_curve(&self, fraction: f64) -> Vec<f32> {
        let found = parents(&self.fractions, fraction).unwrap();
        let (left, right, t) = (found.left, found.right, found.mix);
        if t == 0.0 {
            return self.clean[left].clone();
        }
        let widths = self.distances();
        let slope = |at: usize, value: usize| {
            f64::from(self.clean[at + 1][value] - self.clean[at][value]) / widths[at]
        };
        // The slope at one end of the gap, from the gap beyond that end.
        let tangent = |beyond: usize, value: usize| {
            let (straight, change) = (
                slope(left, value),
                slope(beyond, value) - slope(left, value),
            );
            let shorter = (widths[beyond] / widths[left]).min(1.0);
            straight + shorter * change * widths[left] / (widths[left] + widths[beyond])
        };
        let mut row = Vec::new();
        for channel in 0..SHAPE.channels {
            let area = SHAPE.height * SHAPE.width;
            let values = channel * area..(channel + 1) * area;
            let (mut line, mut bend, mut missing) = (Vec::new(), Vec::new(), Vec::new());
            for value in values {
                let (from, to) = (
                    f64::from(self.clean[left][value]),
                    f64::from(self.clean[right][value]),
                );
                let straight = slope(left, value);
                let inner = (left > 0, right + 1 < self.clean.len());
                let (at_left, at_right) = match inner {
                    (true, true) => (tangent(left - 1, value), tangent(right, value)),
                    (true, false) => {
                        let tangent = tangent(left - 1, value);
                        (tangent, 1.5 * straight - 0.5 * tangent)
                    }
                    (false, true) => {
                        let tangent = tangent(right, value);
                        (1.5 * straight - 0.5 * tangent, tangent)
                    }
                    (false, false) => (straight, straight),
                };
                let cubic = from * (2.0 * t.powi(3) - 3.0 * t.powi(2) + 1.0)
                    + to * (3.0 * t.powi(2) - 2.0 * t.powi(3))
                    + widths[left] * at_left * (t.powi(3) - 2.0 * t.powi(2) + t)
                    + widths[left] * at_right * (t.powi(3) - t.powi(2));
                line.push(from + t * (to - from));
                bend.push(cubic - line[line.len() - 1]);
                missing.push(t * (1.0 - t) * (to - from).powi(2));
            }
            for (at, (l, b)) in std::iter::zip(&line, &bend).enumerate() {
                let near = |other: &usize| {
                    let rows = (at / SHAPE.width).abs_diff(other / SHAPE.width);
                    rows <= 2 && (at % SHAPE.width).abs_diff(other % SHAPE.width) <= 2
                };
                let nearby: Vec<usize> = (0..area).filter(near).collect();
                let missing: f64 = nearby.iter().map(|&at| missing[at]).sum();
                let product: f64 = nearby.iter().map(|&at| line[at] * bend[at]).sum();
                let stretch = match nearby.iter().map(|&at| bend[at] * bend[at]).sum() {
                    0.0 => 0.0,
                    square => ((product * product + square * missing).sqrt() - product) / square,
                };
                row.push((l + stretch.clamp(0.0, 1.6) * b) as f32);
            }
        }
        row
    }

    /// `count` branches, spaced evenly by the distances known here, in latents of this ᾱ.
    fn spaced(&self, count: usize, alpha: f64) -> Self {
        let (signal, noise) = (alpha.sqrt(), (1.0 - alpha).sqrt());
        let fractions = perceptual_fractions(count, &self.fractions, &self.distances()).unwrap();
        let clean: Vec<_> = fractions
            .iter()
            .map(|&fraction| self.clean_on_curve(fraction))
            .collect();
        let noise_of = |branch: usize| -> Vec<f32> {
            let pairs = self.latents[branch].iter().zip(&self.clean[branch]);
            pairs
                .map(|(x, clean)| ((f64::from(*x) - signal * f64::from(*clean)) / noise) as f32)
                .collect()
        };
        let latents = fractions.iter().zip(&clean).map(|(&fraction, clean)| {
            let found = parents(&self.fractions, fraction).unwrap();
            let mut mixed = vec![f32::NAN; clean.len()];
            let (left, right) = (noise_of(found.left), noise_of(found.right));
            slerp(&left, &right, found.mix, &mut mixed).unwrap();
            let pairs = mixed.iter().zip(clean);
            pairs
                .map(|(e, clean)| (noise * f64::from(*e) + signal * f64::from(*clean)) as f32)
                .collect()
        });
        let guidance = fractions.iter().map(|&fraction| {
            let found = parents(&self.fractions, fraction).unwrap();
            let [left, right] = [found.left, found.right].map(|at| &self.guidance[at]);
            let mut mixed = left.clone();
            lerp(left, right, found.mix, &mut mixed).unwrap();
            mixed
        });
        Self {
            latents: latents.collect(),
            guidance: guidance.collect(),
            clean,
            fractions,
        }
    }

    fn step(&mut self, sampler: &dyn Sampler, step: usize, computes_guidance: &[bool]) {
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
            let reused = (&mut self.guidance[branch][..], computes_guidance[branch]);
            let both = [&positive[..], &negative];
            guided_step_that_reuses(sampler, step, latents, clean, reused, both, scale);
        }
    }
}

/// Computes every branch by itself. Before every step, branches are spaced by what the step before
/// predicted.
fn check_by_hand(sampler: &dyn Sampler, profile: &BranchingProfile, guidance_every: usize) {
    let ends = keyframes(2).into_iter();
    let ends: Vec<Vec<f32>> = ends
        .map(|keyframe| keyframe.initial_latents.values().to_vec())
        .collect();
    let mut present = Standing {
        fractions: vec![0.0, 1.0],
        clean: ends.clone(),
        guidance: ends.clone(),
        latents: ends,
    };
    let mut levels = Vec::new();
    for (level, at) in profile.levels().iter().enumerate() {
        for step in profile.step_range(level) {
            if step > 0 {
                present = present.spaced(at.branch_count, sampler.alphas_cumprod()[step]);
            }
            // Keyframes compute it at steps of their own.
            let own = step.is_multiple_of(guidance_every);
            let first = profile.step_range(level).start;
            let inner = (step - first).is_multiple_of(guidance_every);
            let mut computes = vec![inner; at.branch_count];
            (computes[0], computes[at.branch_count - 1]) = (own, own);
            present.step(sampler, step, &computes);
        }
        levels.push(present.fractions.clone());
    }
    let film = sampled(
        sampler,
        &film_along(profile, 2),
        8,
        &BlendOptions::default().with_guidance_every(guidance_every),
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
        for guidance_every in [1, 2, 3] {
            check_by_hand(sampler.as_ref(), &profile(), guidance_every);
        }
    }
}

#[test]
fn a_film_of_many_steps_by_hand() {
    let profile = BranchingProfile::manual(30, &[2, 4, 6], &[0, 22, 26]).unwrap();
    check_by_hand(&sampler(30), &profile, 1);
    check_by_hand(&sampler(30), &profile, 4);
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

/// A model that knows the pictures exactly: around a mean that follows the conditioning, they vary
/// with this standard deviation. Its films are even under fixed spacing.
struct Gaussian {
    deviation: f64,
    alphas: Vec<f32>,
}

impl Backend for Gaussian {
    fn batch_limit(&self) -> usize {
        usize::MAX
    }

    fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), BackendError> {
        request.validate(output).map_err(BackendError::new)?;
        let alpha = f64::from(self.alphas[request.timestep as usize]);
        let (signal, noise) = (alpha.sqrt(), (1.0 - alpha).sqrt());
        let variance = self.deviation * self.deviation;
        let gain = signal * variance / (alpha * variance + 1.0 - alpha);
        let stride = request.shape.len();
        let width = request.tokens * request.width;
        let rows = output
            .chunks_exact_mut(stride)
            .zip(request.latents.chunks_exact(stride))
            .zip(request.conditioning.chunks_exact(width));
        for ((output, latents), conditioning) in rows {
            for (index, (value, x)) in output.iter_mut().zip(latents).enumerate() {
                let mean = f64::from(conditioning[index % width]);
                let x = f64::from(*x);
                let clean = mean + gain * (x - signal * mean);
                *value = (signal * (x - signal * clean) / noise - noise * clean) as f32;
            }
        }
        Ok(())
    }
}

#[test]
fn a_model_that_is_even_already_stays_even() {
    let config = NoiseScheduleConfig {
        prediction_type: PredictionType::VPrediction,
        ..NoiseScheduleConfig::default()
    };
    let mut gaussian = Gaussian {
        deviation: 0.5,
        alphas: config.alphas_cumprod().unwrap(),
    };
    for (steps, injections) in [(60, [0, 12, 36, 57]), (30, [0, 6, 18, 27])] {
        let sampler = DdimSampler::new(&config, steps).unwrap();
        let profile = BranchingProfile::manual(steps, &[2, 5, 11, 25], &injections).unwrap();
        let film = film_along(&profile, 2);
        let mut unevenness_of = |options: &BlendOptions| {
            unevenness(&made(&mut gaussian, &sampler, &film, options).transitions[0])
        };
        let fixed = unevenness_of(&BlendOptions::default().with_spacing(Spacing::Fixed {
            mid_compression: 1.0,
        }));
        let perceptual = unevenness_of(&BlendOptions::default());
        assert!(
            perceptual < fixed.max(0.02),
            "{steps} steps: {perceptual} against {fixed}"
        );
    }
}
