//! What is known before a render, and what is refused.

use lb_render::{Branching, Injections, Job, Plan, Quality, RenderError, SpacingDistance};
use proptest::prelude::*;

fn job(keyframes: usize, branching: Branching) -> Job {
    let prompts = (0..keyframes)
        .map(|index| format!("picture {index}"))
        .collect();
    Job {
        prompts,
        branching,
        ..Default::default()
    }
}

fn manual(counts: &[usize], injections: &[usize]) -> Branching {
    Branching::Manual {
        steps: 10,
        branch_counts: counts.to_vec(),
        injections: Injections::Steps(injections.to_vec()),
    }
}

#[test]
fn a_plan_counts_shared_keyframes_once() {
    let plan = Plan::new(&job(3, manual(&[2, 4, 8], &[0, 3, 6]))).unwrap();
    assert_eq!(plan.computed_frames(), 15);
    assert_eq!(plan.cost.decodes, 15);
    // 3 keyframes of 10 steps; 2 inner branches over 3 steps and 6 over 4, twice.
    assert_eq!(plan.cost.model_evaluations, 30 + 2 * (2 * 3 + 6 * 4));
    assert_eq!(plan.film.len(), 180);
}

#[test]
fn measuring_pictures_costs_one_decode_a_branch_above() {
    let latents = job(2, manual(&[2, 4, 8], &[0, 3, 6]));
    let pictures = Job {
        distance: SpacingDistance::Pictures,
        ..latents.clone()
    };
    let [latents, pictures] = [latents, pictures].map(|job| Plan::new(&job).unwrap().cost);
    assert_eq!(pictures.decodes, latents.decodes + 4);
    assert_eq!(pictures.model_evaluations, latents.model_evaluations);
}

#[test]
fn every_wrong_request_is_told_as_a_request() {
    let good = job(2, Branching::default());
    let with = |change: &dyn Fn(&mut Job)| {
        let mut job = good.clone();
        change(&mut job);
        Plan::new(&job).expect_err("refused")
    };
    let refused = [
        with(&|job| job.prompts.clear()),
        with(&|job| job.prompts.truncate(1)),
        with(&|job| job.prompts[0] = "x".repeat(20_000)),
        with(&|job| job.seeds = vec![1, 2, 3]),
        with(&|job| job.seconds = f64::NAN),
        with(&|job| job.seconds = -1.0),
        with(&|job| job.frames_per_second = 0.0),
        with(&|job| job.guidance.scale = f64::INFINITY),
        with(&|job| job.guidance.damper = 2.0),
        with(&|job| job.branching = manual(&[2, 8, 4], &[0, 3, 6])),
        with(&|job| job.branching = manual(&[2, 4], &[0, 10])),
        with(&|job| {
            job.branching = Branching::Autosetup {
                steps: 0,
                frames: 5,
                depth_strength: 0.4,
            };
        }),
        with(&|job| {
            job.branching = Branching::Preset {
                quality: Quality::Low,
                depth_strength: 1.5,
            };
        }),
    ];
    let mut messages: Vec<String> = refused.iter().map(RenderError::to_string).collect();
    assert!(refused.iter().all(RenderError::is_request));
    messages.sort();
    messages.dedup();
    assert_eq!(
        messages.len(),
        refused.len(),
        "each has a message of its own: {messages:#?}"
    );
}

proptest! {
    #[test]
    fn a_film_is_as_long_as_asked_and_shows_every_keyframe(
        keyframes in 2_usize..6,
        frames in 2_usize..30,
        seconds in 0.2_f64..5.0,
        rate in 5.0_f64..60.0,
    ) {
        let branching = Branching::Autosetup { steps: 30, frames, depth_strength: 0.4 };
        let job = Job {
            seconds,
            frames_per_second: rate,
            ..job(keyframes, branching)
        };
        let plan = Plan::new(&job);
        prop_assume!(plan.is_ok());
        let plan = plan.unwrap();
        let film_seconds = seconds * (keyframes - 1) as f64;
        prop_assert!((plan.film.len() as f64 - film_seconds * rate).abs() <= 0.5 + 1e-9);
        for keyframe in 0..keyframes {
            let computed = keyframe * (frames - 1);
            let shown = plan.film.iter().any(|film| film.left == computed && film.weight == 0.0);
            prop_assert!(shown, "keyframe {} is not shown", keyframe);
        }
        prop_assert_eq!(plan.film.last().unwrap().right, plan.computed_frames() - 1);
    }
}
