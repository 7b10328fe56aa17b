//! Films whose guidance is rescaled.

use lb_blend::testing::FakeBackend;
use lb_blend::{
    BlendOptions, DdimInversion, InversionOptions, Latents, NoiseScheduleConfig, invert,
    relative_error,
};
use lb_schedule::GuidanceRescale;

use crate::scene::{film, quiet_film, sampled, sampler};
use crate::stills::computed;

fn rescaled(share: f64) -> BlendOptions {
    BlendOptions::default().with_guidance_rescale(GuidanceRescale::new(share).unwrap())
}

#[test]
fn it_changes_every_frame_of_a_guided_film_and_no_batch_limit_changes_it() {
    let plain = quiet_film(8, 3, &BlendOptions::default());
    assert_eq!(quiet_film(8, 3, &rescaled(0.0)), plain);
    let whole = quiet_film(64, 3, &rescaled(0.7));
    assert_eq!(
        quiet_film(1, 3, &rescaled(0.7)).transitions,
        whole.transitions
    );
    let frames = whole.transitions.iter().flatten();
    for (rescaled, plain) in frames.zip(plain.transitions.iter().flatten()) {
        assert_ne!(rescaled.latents, plain.latents);
    }
    assert_eq!(
        whole.report.model_evaluations,
        plain.report.model_evaluations
    );
}

#[test]
fn a_film_without_guidance_stays_as_it_is() {
    let mut unguided = film(3);
    for keyframe in &mut unguided.keyframes {
        keyframe.guidance_scale = 1.0;
    }
    let made = |options| sampled(&sampler(10), &unguided, 8, &options);
    assert_eq!(made(rescaled(1.0)), made(BlendOptions::default()));
}

#[test]
fn a_picture_comes_back_under_the_rescale_with_which_it_was_inverted() {
    let mut scene = film(2);
    scene.transitions.clear();
    let clean: Vec<Latents> = scene
        .keyframes
        .iter()
        .map(|keyframe| keyframe.initial_latents.clone())
        .collect();
    let inversion = DdimInversion::new(&NoiseScheduleConfig::default(), 10).unwrap();
    let error = |of_inversion, of_film| {
        let of_inversion = GuidanceRescale::new(of_inversion).unwrap();
        let options = InversionOptions::new(30).with_guidance_rescale(of_inversion);
        let mut backend = FakeBackend::new(8);
        let mut scene = scene.clone();
        let inverted = invert(
            &mut backend,
            &inversion,
            &scene.keyframes,
            &options,
            &mut (),
        );
        let noise = inverted.unwrap().initial_latents;
        for (keyframe, noise) in scene.keyframes.iter_mut().zip(noise) {
            keyframe.initial_latents = noise;
        }
        let found = computed(&scene, 8, &rescaled(of_film)).0;
        let pairs = found.iter().zip(&clean);
        pairs
            .map(|(found, clean)| relative_error(found, clean).unwrap())
            .fold(0.0, f64::max)
    };
    assert!(error(0.7, 0.7) < 1e-4);
    assert!(error(0.0, 0.7) > 1e-2);
}
