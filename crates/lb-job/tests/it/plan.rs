//! Plans, and jobs that are refused.

use lb_job::{
    Branching, BranchingProfile, FrameRate, Frames, Injections, Job, JobError, Plan, Quality,
    SpacingDistance, Transition,
};
use proptest::prelude::*;

fn job(keyframes: usize, branching: Branching) -> Job {
    let mut job = Job::of_prompts((0..keyframes).map(|index| format!("picture {index}")));
    for transition in &mut job.transitions {
        transition.branching = branching.clone();
    }
    job
}

fn manual(counts: &[usize], injections: &[usize]) -> Branching {
    let injections = Injections::Steps(injections.to_vec());
    Branching::manual(10, counts.to_vec(), injections)
}

#[test]
fn a_plan_counts_shared_keyframes_once() {
    let plan = Plan::new(&job(3, manual(&[2, 4, 8], &[0, 3, 6]))).unwrap();
    assert_eq!(plan.computed_frames(), 15);
    // Besides, 8 frames of each transition are filled up to the pictures of quality medium.
    assert_eq!(plan.in_betweens, [44, 44]);
    assert_eq!(plan.pictures(), 15 + 88);
    assert_eq!(plan.cost.decodes, plan.pictures());
    // 3 keyframes of 10 steps; 2 inner branches over 3 steps and 6 over 4, twice.
    assert_eq!(plan.cost.model_evaluations, 30 + 2 * (2 * 3 + 6 * 4));
    assert_eq!(plan.film_frames(), 180);
}

#[test]
fn pictures_are_as_many_as_are_given_or_the_film_shows() {
    let in_betweens = |pictures| {
        let mut branching = Branching::automatic(10, Frames::Number(8), 0.2);
        branching.pictures = pictures;
        Plan::new(&job(2, branching)).map(|plan| plan.in_betweens[0])
    };
    assert_eq!(in_betweens(None).unwrap(), 52 - 8);
    assert_eq!(in_betweens(Some(Frames::Number(20))).unwrap(), 20 - 8);
    assert_eq!(in_betweens(Some(Frames::FILM)).unwrap(), 90 - 8);
    assert_eq!(in_betweens(Some(Frames::Number(200))).unwrap(), 90 - 8);
    assert_eq!(in_betweens(Some(Frames::Number(5))).unwrap(), 0);
    let error = in_betweens(Some(Frames::Number(1))).unwrap_err();
    assert!(error.is_request());
    assert_eq!(
        error.to_string(),
        "pictures of a transition must be 2 to 10000, got 1"
    );
}

#[test]
fn stills_cost_their_steps() {
    let job = Job::of_stills(Job::of_prompts(["a", "b", "c"]).keyframes, 7);
    let plan = Plan::new(&job).unwrap();
    assert_eq!((plan.steps(), plan.keyframes), (7, 3));
    assert_eq!((plan.cost.model_evaluations, plan.cost.decodes), (21, 3));
    assert_eq!(plan.stages.len(), 1);
    assert_eq!((plan.computed_frames(), plan.pictures()), (3, 3));
    assert_eq!((plan.film_frames(), plan.seconds()), (0, 0.0));
    assert!(plan.profiles.is_empty() && !plan.is_looped());
    assert_eq!(plan.clone().without_film(), plan);
}

#[test]
fn transitions_have_trees_of_their_own_and_one_number_of_steps() {
    let mut job = job(3, Branching::default());
    let preset = |quality| Branching::preset(quality, 0.4);
    job.transitions[0].branching = preset(Quality::Lowest);
    job.transitions[1].branching = preset(Quality::High);
    let plan = Plan::new(&job).unwrap();
    assert_eq!(plan.steps(), 16);
    let frames = plan.profiles.iter().map(|profile| profile.frame_count());
    assert_eq!(frames.collect::<Vec<_>>(), [8, 32]);
    assert_eq!(plan.computed_frames(), 39);
    assert_eq!(plan.in_betweens, [18 - 8, 72 - 32]);
    assert_eq!(plan.cost.decodes, 39 + 50);
    let alone: usize = plan
        .profiles
        .iter()
        .map(|profile| profile.cost().model_evaluations)
        .sum();
    assert_eq!(plan.cost.model_evaluations, alone - 16);
}

#[test]
fn every_film_frame_or_a_share_of_them_can_be_computed() {
    let half = "1/2".parse().unwrap();
    let counts = |frames| {
        let mut job = job(3, Branching::automatic(12, frames, 0.2));
        job.transitions[1].seconds = 1.0;
        let plan = Plan::new(&job).unwrap();
        let frames = plan.transition_frames().collect::<Vec<_>>();
        (frames, plan.in_betweens)
    };
    // A film frame needs no in-between where every one is computed, whatever the quality says.
    assert_eq!(counts(Frames::FILM), (vec![90, 31], vec![0, 0]));
    assert_eq!(counts(half), (vec![45, 16], vec![52 - 45, 31 - 16]));
    assert_eq!(counts(Frames::Number(60)), (vec![60, 60], vec![0, 0]));
    // The length that counts is that of the whole film.
    let mut faster = job(2, Branching::automatic(12, Frames::FILM, 0.2));
    faster.film_seconds = Some(1.0);
    assert_eq!(Plan::new(&faster).unwrap().computed_frames(), 30);
}

#[test]
fn holds_easing_loops_and_lengths_are_in_the_plan() {
    let mut job = job(3, Branching::default());
    job.frame_rate = FrameRate::new(10.0).unwrap();
    job.transitions[1].seconds = 1.0;
    job.keyframes[1].hold = 0.5;
    assert_eq!(Plan::new(&job).unwrap().film_frames(), 45);
    job.film_seconds = Some(2.5);
    assert_eq!(Plan::new(&job).unwrap().film_frames(), 25);
    job.looped = true;
    job.transitions.push(Transition::default());
    let plan = Plan::new(&job).unwrap();
    assert!(plan.is_looped());
    assert_eq!(plan.film_frames(), 25);
    assert_eq!(plan.computed_frames(), 3 * 23);
    let profile = BranchingProfile::preset(Quality::default(), Branching::DEPTH_STRENGTH).unwrap();
    let inner = profile.cost().model_evaluations - 2 * 12;
    assert_eq!(plan.cost.model_evaluations, 3 * 12 + 3 * inner);
    // No transition has more pictures than film frames.
    assert_eq!(plan.in_betweens, [0; 3]);
}

#[test]
fn measuring_pictures_costs_one_decode_a_frame() {
    let latents = job(2, manual(&[2, 4, 8], &[0, 3, 6]));
    let pictures = Job {
        distance: SpacingDistance::Pictures,
        ..latents.clone()
    };
    let [latents, pictures] = [latents, pictures].map(|job| Plan::new(&job).unwrap().cost);
    assert_eq!(pictures.decodes, latents.decodes + 8);
    assert_eq!(pictures.model_evaluations, latents.model_evaluations);
}

#[test]
fn every_broken_rule_has_its_own_message() {
    let good = job(2, Branching::default());
    let with = |change: &dyn Fn(&mut Job)| {
        let mut job = good.clone();
        change(&mut job);
        Plan::new(&job).expect_err("refused")
    };
    let refused = [
        with(&|job| job.keyframes.clear()),
        with(&|job| job.keyframes.truncate(1)),
        with(&|job| job.keyframes[0].prompt = "x".repeat(20_000)),
        with(&|job| job.keyframes[1].negative_prompt = "x".repeat(30_000)),
        with(&|job| job.keyframes[1].hold = -1.0),
        with(&|job| job.transitions.push(Transition::default())),
        with(&|job| job.transitions[0].seconds = f64::NAN),
        with(&|job| job.transitions[0].seconds = -1.0),
        with(&|job| job.film_seconds = Some(0.0)),
        with(&|job| job.keyframes[0].guidance_scale = f64::INFINITY),
        with(&|job| job.keyframes[1].guidance_scale = 0.5),
        with(&|job| job.transitions[0].guidance_damper = 2.0),
        with(&|job| job.transitions[0].branching = manual(&[2, 8, 4], &[0, 3, 6])),
        with(&|job| job.transitions[0].branching = manual(&[2, 4], &[0, 10])),
        with(&|job| {
            job.transitions[0].branching = Branching::automatic(0, Frames::Number(5), 0.4);
        }),
        with(&|job| {
            job.transitions[0].branching = Branching::preset(Quality::Low, 1.5);
        }),
    ];
    let mut messages: Vec<String> = refused.iter().map(JobError::to_string).collect();
    assert!(refused.iter().all(JobError::is_request));
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), refused.len(), "{messages:#?}");
}

proptest! {
    #[test]
    fn a_film_is_as_long_as_asked_and_shows_every_keyframe(
        keyframes in 2_usize..6,
        frames in 2_usize..30,
        seconds in 0.2_f64..5.0,
        rate in 5.0_f64..60.0,
    ) {
        let branching = Branching::automatic(30, Frames::Number(frames), 0.4);
        let mut job = job(keyframes, branching);
        job.frame_rate = FrameRate::new(rate).unwrap();
        for transition in &mut job.transitions {
            transition.seconds = seconds;
        }
        let plan = Plan::new(&job);
        prop_assume!(plan.is_ok());
        let plan = plan.unwrap();
        let film_seconds = seconds * (keyframes - 1) as f64;
        let rate = plan.timeline.frame_rate().as_f64();
        prop_assert!((plan.film_frames() as f64 - film_seconds * rate).abs() <= 0.5 + 1e-9);
        let spans = plan.timeline.transitions();
        prop_assert_eq!(spans.len(), keyframes - 1);
        let mut arrivals = spans.iter().map(|span| span.arrival());
        prop_assert!(arrivals.clone().zip(&spans[1..]).all(|(at, next)| at == next.departure()));
        prop_assert_eq!(arrivals.next_back(), Some(plan.film_frames() - 1));
    }
}
