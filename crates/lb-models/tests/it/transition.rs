//! One transition from its prompts to its pictures, for several tests.

use lb_blend::{
    BlendOptions, BlendRequest, Blended, DdimSampler, Keyframe, Latents, Sampler, Transition,
    blend, noise,
};
use lb_models::{Pipeline, RgbImage};
use lb_schedule::BranchingProfile;

/// The latents of the computed frames between two keyframes.
pub(crate) fn latents(
    pipeline: &mut Pipeline,
    sampler: &dyn Sampler,
    keyframes: &[Keyframe],
    transition: Transition,
    options: BlendOptions,
) -> Vec<Latents> {
    let mut blended = Blended::default();
    let report = blend(BlendRequest {
        backend: pipeline,
        sampler,
        keyframes: &mut &*keyframes,
        transitions: &[transition],
        options,
        snapshots: &mut (),
        observer: &mut blended,
    });
    report.unwrap();
    let frames = blended.transitions.remove(0).into_iter();
    frames.map(|frame| frame.latents).collect()
}

/// The computed frames between two prompts, from seeds 1 and 2.
pub(crate) fn pictures(
    pipeline: &mut Pipeline,
    prompts: [&str; 2],
    profile: BranchingProfile,
) -> Vec<RgbImage> {
    let [left, right] = prompts;
    let tokens = ["", left, right].map(|prompt| pipeline.tokenize(prompt).unwrap());
    let conditionings = pipeline.encode(&tokens).unwrap();
    let shape = pipeline.latent_shape();
    let keyframe = |seed: usize| {
        let noise = noise::initial_latents(seed as u64, shape).unwrap();
        let negative = conditionings[0].clone();
        Keyframe::new(conditionings[seed].clone(), negative, 4.0, noise)
    };
    let sampler = DdimSampler::new(&pipeline.directory().schedule, profile.steps()).unwrap();
    let mut blended = Blended::default();
    let report = blend(BlendRequest {
        backend: pipeline,
        sampler: &sampler,
        keyframes: &mut vec![keyframe(1), keyframe(2)],
        transitions: &[Transition::new(profile, 0.5)],
        options: BlendOptions::default(),
        snapshots: &mut (),
        observer: &mut blended,
    });
    report.unwrap();
    let frames = blended.transitions[0].iter();
    let latents: Vec<&Latents> = frames.map(|frame| &frame.latents).collect();
    pipeline.decoder().decode(&latents).unwrap()
}
