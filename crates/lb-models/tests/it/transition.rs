//! One transition from its prompts to its pictures, for several tests.

use lb_blend::{
    BlendOptions, Blended, DdimSampler, Film, Keyframe, Latents, Transition, blend, noise,
};
use lb_models::{Pipeline, RgbImage};
use lb_schedule::BranchingProfile;

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
    let keyframe = |seed: usize| Keyframe {
        conditioning: conditionings[seed].clone(),
        negative: conditionings[0].clone(),
        guidance_scale: 4.0,
        initial_latents: noise::initial_latents(seed as u64, shape).unwrap(),
        concatenated: None,
    };
    let sampler = DdimSampler::new(pipeline.directory().schedule(), profile.steps()).unwrap();
    let film = Film {
        keyframes: vec![keyframe(1), keyframe(2)],
        transitions: vec![Transition {
            profile,
            guidance_damper: 0.5,
        }],
    };
    let (options, mut blended) = (BlendOptions::default(), Blended::default());
    let (store, observer) = (&mut (), &mut blended);
    blend(pipeline, &sampler, &film, &options, store, observer).unwrap();
    let frames = blended.transitions[0].iter();
    let latents: Vec<&Latents> = frames.map(|frame| &frame.latents).collect();
    pipeline.decoder().decode(&latents).unwrap()
}
