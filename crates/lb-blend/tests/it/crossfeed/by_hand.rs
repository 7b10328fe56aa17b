//! Trajectories under crossfeed, computed one step after the other without the engine.

use lb_blend::{Conditioning, Keyframe, Sampler, lerp, slerp};
use lb_schedule::{BranchingProfile, Crossfeed, CrossfeedCurve, Guidance};

use super::{between_keyframes, curve, distance, from_parents};
use crate::alone::guided_step;
use crate::scene::{film, film_along, keyframes, sampled, samplers};

fn mixed(
    mix: impl Fn(&[f32], &[f32], f64, &mut [f32]),
    left: &[f32],
    right: &[f32],
    at: f64,
) -> Vec<f32> {
    let mut result = vec![f32::NAN; left.len()];
    mix(left, right, at, &mut result);
    result
}

fn arc(left: &[f32], right: &[f32], at: f64) -> Vec<f32> {
    mixed(
        |l, r, at, result| slerp(l, r, at, result).unwrap(),
        left,
        right,
        at,
    )
}

fn line(left: &[f32], right: &[f32], at: f64) -> Vec<f32> {
    mixed(
        |l, r, at, result| lerp(l, r, at, result).unwrap(),
        left,
        right,
        at,
    )
}

/// A keyframe's latents and predictions after each step, drawn towards those of the one before.
type Walk = Vec<(Vec<f32>, Vec<f32>)>;

fn walked(
    sampler: &dyn Sampler,
    keyframe: &Keyframe,
    before: Option<&Walk>,
    curve: CrossfeedCurve,
) -> Walk {
    let mut latents = keyframe.initial_latents.values().to_vec();
    let mut clean = vec![0.0; latents.len()];
    let mut walk = Walk::new();
    for step in 0..10 {
        let coefficient = curve.coefficient(step, 0, 10);
        if let Some(before) = before.filter(|_| coefficient > 0.0) {
            latents = arc(&latents, &before[step - 1].0, coefficient);
            clean = line(&clean, &before[step - 1].1, coefficient);
        }
        let conditionings = [
            &keyframe.conditioning.values[..],
            &keyframe.negative_conditioning.values,
        ];
        guided_step(sampler, step, &mut latents, &mut clean, conditionings, 4.0);
        walk.push((latents.clone(), clean.clone()));
    }
    walk
}

#[test]
fn each_keyframe_follows_the_one_before() {
    let curve = curve(0.7, 0.6, 0.5);
    for sampler in samplers() {
        let mut before: Option<Walk> = None;
        let made = sampled(sampler.as_ref(), &film(4), 3, &between_keyframes(curve));
        for (index, keyframe) in keyframes(4).iter().enumerate() {
            let walk = walked(sampler.as_ref(), keyframe, before.as_ref(), curve);
            let found = match index {
                0 => &made.transitions[0][0],
                _ => &made.transitions[index - 1][8],
            };
            assert_eq!(found.latents.values(), walk[9].0, "keyframe {index}");
            before = Some(walk);
        }
    }
}

/// The inner branch of a transition that has only one, drawn towards its parents' mix.
#[test]
fn a_branch_follows_its_parents() {
    let curve = curve(0.8, 0.9, 0.5);
    let profile = BranchingProfile::manual(10, &[2, 3], &[0, 4]).unwrap();
    for sampler in samplers() {
        let sampler = sampler.as_ref();
        let made = sampled(sampler, &film_along(&profile, 2), 8, &from_parents(curve));
        let ends = keyframes(2);
        let [left, right] = [0, 1].map(|index| {
            let off = Crossfeed::default().keyframes;
            walked(sampler, &ends[index], None, off).swap_remove(3)
        });
        let (mut latents, mut clean) = (arc(&left.0, &right.0, 0.5), line(&left.1, &right.1, 0.5));
        let halves = |of: fn(&Keyframe) -> &Conditioning| {
            line(&of(&ends[0]).values, &of(&ends[1]).values, 0.5)
        };
        let (positive, negative) = (
            halves(|end| &end.conditioning),
            halves(|end| &end.negative_conditioning),
        );
        for step in 4..10 {
            let coefficient = curve.coefficient(step, 4, 10);
            assert_eq!(coefficient > 0.0, (5..9).contains(&step));
            if coefficient > 0.0 {
                let alphas = sampler.alphas_cumprod();
                let continued = |(x, clean): &(Vec<f32>, Vec<f32>)| -> Vec<f32> {
                    let (from, to) = (alphas[4], alphas[step]);
                    let ahead = |(&x, &clean): (&f32, &f32)| {
                        let (x, clean) = (f64::from(x), f64::from(clean));
                        let noise = (x - from.sqrt() * clean) / (1.0 - from).sqrt();
                        (to.sqrt() * clean + (1.0 - to).sqrt() * noise) as f32
                    };
                    x.iter().zip(clean).map(ahead).collect()
                };
                let target = arc(&continued(&left), &continued(&right), 0.5);
                latents = arc(&latents, &target, coefficient);
                clean = line(&clean, &line(&left.1, &right.1, 0.5), coefficient);
            }
            let scale = Guidance::default().at(0.5) as f32;
            guided_step(
                sampler,
                step,
                &mut latents,
                &mut clean,
                [&positive, &negative],
                scale,
            );
        }
        let difference = distance(made.transitions[0][1].latents.values(), &latents);
        assert!(difference < 1e-5, "{difference}");
        let without = sampled(
            sampler,
            &film_along(&profile, 2),
            8,
            &from_parents(super::curve(0.0, 0.9, 0.5)),
        );
        let effect = distance(without.transitions[0][1].latents.values(), &latents);
        assert!(effect > 1e-2, "{effect}");
    }
}
