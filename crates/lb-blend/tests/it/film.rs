//! Whole films: their cost and their frames.

use lb_blend::Backend;
use lb_blend::testing::{Call, FakeBackend};
use lb_blend::{BlendOptions, PredictRequest, Sampler, SpacingDistance};
use lb_schedule::{BranchingProfile, Guidance, Spacing, fixed_fractions};
use proptest::prelude::*;

use crate::alone::branch;
use crate::scene::{
    Made, film, film_along, guided, keyframes, made, profile, quiet_film, render, sampled, sampler,
    samplers,
};

#[test]
fn a_level_is_a_batch() {
    let mut backend = FakeBackend::new(usize::MAX);
    let report = render(&mut backend, &film(3), &BlendOptions::default(), &mut ()).unwrap();
    // The keyframes come at every step, then each transition's inner branches, with two rows for
    // each branch.
    let mut rows = vec![6; 10];
    for _transition in 0..2 {
        rows.extend([2, 2, 6, 6, 6, 14, 14]);
    }
    let called: Vec<usize> = backend.calls().iter().map(|call| call.rows).collect();
    assert_eq!(called, rows);
    let timesteps: Vec<u32> = backend.calls().iter().map(|call| call.timestep).collect();
    assert_eq!(timesteps[..10], *sampler(10).timesteps());
    assert_eq!(timesteps[10..17], sampler(10).timesteps()[3..]);
    assert_eq!(report.predict_calls, backend.calls().len());
    assert_eq!(report.predicted_rows, rows.iter().sum::<usize>());
}

#[test]
fn a_batch_is_split_only_at_the_limit() {
    let mut backend = FakeBackend::new(4);
    render(&mut backend, &film(2), &BlendOptions::default(), &mut ()).unwrap();
    let last_step: Vec<Call> = backend
        .calls()
        .iter()
        .rev()
        .take(4)
        .rev()
        .copied()
        .collect();
    assert_eq!(
        last_step.iter().map(|call| call.rows).collect::<Vec<_>>(),
        [4, 4, 4, 2]
    );
    assert!(last_step.iter().all(|call| call.timestep == 1));
}

#[test]
fn frames_do_not_depend_on_the_batch_limit() {
    let options = BlendOptions::default();
    let whole = quiet_film(usize::MAX, 3, &options).transitions;
    for limit in [1, 3, 8] {
        assert_eq!(
            quiet_film(limit, 3, &options).transitions,
            whole,
            "batch limit {limit}"
        );
    }
}

#[test]
fn the_same_job_gives_the_same_bits() {
    let options = BlendOptions::default();
    assert_eq!(quiet_film(8, 3, &options), quiet_film(8, 3, &options));
}

#[test]
fn keyframes_are_plain_trajectories() {
    let film = guided(film(3), Guidance::new(3.0, 0.2));
    let film = sampled(&sampler(10), &film, 8, &BlendOptions::default());
    for (index, keyframe) in keyframes(3).iter().enumerate() {
        let mut latents = keyframe.initial_latents.values().to_vec();
        let (mut clean, mut backend) = (vec![0.0; latents.len()], FakeBackend::new(1));
        let sampler = sampler(10);
        for (step, &timestep) in sampler.timesteps().iter().enumerate() {
            let mut answer = |conditioning: &[f32]| {
                let request = PredictRequest {
                    rows: 1,
                    shape: keyframe.initial_latents.shape(),
                    latents: &latents,
                    concatenated_channels: 0,
                    concatenated: &[],
                    timestep,
                    tokens: 3,
                    width: 4,
                    conditioning,
                    loras: 0,
                    lora_strengths: &[],
                };
                let mut output = vec![f32::NAN; latents.len()];
                backend.predict(&request, &mut output).unwrap();
                output
            };
            let conditional = answer(&keyframe.conditioning.values);
            let unconditional = answer(&keyframe.negative_conditioning.values);
            let pairs = unconditional.iter().zip(&conditional);
            let output: Vec<f32> = pairs.map(|(u, c)| u + 3.0 * (c - u)).collect();
            sampler
                .step(step, &mut latents, &output, &mut clean)
                .unwrap();
        }
        if index > 0 {
            let last = film.transitions[index - 1].last().unwrap();
            assert_eq!((last.fraction, last.latents.values()), (1.0, &latents[..]));
        }
        if index < 2 {
            let first = &film.transitions[index][0];
            assert_eq!(
                (first.fraction, first.latents.values()),
                (0.0, &latents[..])
            );
        }
    }
}

#[test]
fn inner_branches_are_what_the_tree_says() {
    let spacing = Spacing::Fixed {
        mid_compression: 1.5,
    };
    let options = BlendOptions::default().with_spacing(spacing);
    let counts = profile()
        .levels()
        .iter()
        .map(|level| level.branch_count)
        .collect::<Vec<_>>();
    let levels = counts
        .iter()
        .map(|&count| fixed_fractions(count, 1.5).unwrap())
        .collect::<Vec<_>>();
    for (sampler, every) in samplers()
        .iter()
        .flat_map(|at| [1, 2, 3, 100].map(|every| (at, every)))
    {
        let options = options.with_guidance_every(every);
        let blended = sampled(sampler.as_ref(), &film(2), 8, &options);
        for frame in &blended.transitions[0] {
            let (fraction, guidance) = (frame.fraction, Guidance::default());
            let alone = branch(sampler.as_ref(), &levels, 3, fraction, guidance, every).latents;
            let difference = frame
                .latents
                .values()
                .iter()
                .zip(&alone)
                .map(|(a, b)| (a - b).abs());
            assert!(difference.fold(0.0, f32::max) < 1e-6, "fraction {fraction}");
        }
    }
}

#[test]
fn guidance_one_computes_no_unconditional_row() {
    let report = |count, scale, damper, options| {
        let film = guided(film(count), Guidance::new(scale, damper));
        sampled(&sampler(10), &film, 8, &options).report
    };
    let unguided = report(3, 1.0, 0.5, BlendOptions::default());
    assert_eq!(unguided.predicted_rows, unguided.model_evaluations);
    // A damper of 0 takes the middle to a guidance scale of 1: under this spacing it is the branch at
    // 0.5 in the three inner levels, over 7 steps.
    let spacing = Spacing::Fixed {
        mid_compression: 1.0,
    };
    let options = BlendOptions::default().with_spacing(spacing);
    let damped = report(2, 4.0, 0.0, options);
    assert_eq!(damped.predicted_rows, 2 * damped.model_evaluations - 7);
}

#[test]
fn the_cost_is_known_beforehand() {
    for (count, distance) in [
        (2, SpacingDistance::Latents),
        (4, SpacingDistance::Pictures),
    ] {
        let options = BlendOptions::default().with_distance(distance);
        let Made {
            report,
            transitions,
            level_fractions,
        } = quiet_film(5, count, &options);
        let cost = film(count).cost();
        assert_eq!(report.model_evaluations, cost.model_evaluations);
        let frames: usize = transitions.iter().map(Vec::len).sum();
        assert_eq!(frames - (count - 2), cost.decodes);
        for (levels, frames) in level_fractions.iter().zip(&transitions) {
            let counts: Vec<usize> = profile()
                .levels()
                .iter()
                .map(|at| at.branch_count)
                .collect();
            assert_eq!(levels.iter().map(Vec::len).collect::<Vec<_>>(), counts);
            let last: Vec<f64> = frames.iter().map(|frame| frame.fraction).collect();
            assert_eq!(levels.last(), Some(&last));
        }
    }
}

#[test]
fn two_frames_are_the_keyframes() {
    let profile = BranchingProfile::manual(4, &[2], &[0]).unwrap();
    let film = film_along(&profile, 2);
    let film = sampled(&sampler(4), &film, 9, &BlendOptions::default());
    assert_eq!(film.transitions[0].len(), 2);
    assert_eq!(film.report.predict_calls, 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_profile_costs_what_it_says(
        steps in 4_usize..30, frames in 2_usize..14, depth in 0.0..=1.0, count in 2_usize..5,
        limit in 1_usize..20, pictures: bool,
    ) {
        let profile = BranchingProfile::autosetup(steps, frames, depth).unwrap();
        let distance =
            if pictures { SpacingDistance::Pictures } else { SpacingDistance::Latents };
        let options = BlendOptions::default().with_distance(distance);
        let planned = film_along(&profile, count);
        let film = made(&mut FakeBackend::new(limit), &sampler(steps), &planned, &options);
        let cost = planned.cost();
        prop_assert_eq!(film.report.model_evaluations, cost.model_evaluations);
        prop_assert_eq!(film.transitions.len(), count - 1);
        for frames in film.transitions {
            prop_assert_eq!(frames.len(), profile.frame_count());
            prop_assert!(frames.windows(2).all(|pair| pair[0].fraction <= pair[1].fraction));
            prop_assert_eq!((frames[0].fraction, frames[frames.len() - 1].fraction), (0.0, 1.0));
        }
    }
}
