//! A transition whose guidance is rescaled, compared with diffusers: see `tests/golden/guidance_rescale.py`.

use lb_blend::{
    BlendOptions, DdimSampler, Keyframe, NoiseScheduleConfig, TimestepSpacing, Transition, noise,
};
use lb_schedule::{BranchingProfile, GuidanceRescale, Spacing};

use crate::golden_kinds::{Golden, SHAPE, relative_error};
use crate::transition;

/// Largest allowed difference of latents, as a fraction of the largest expected value.
const LATENT_TOLERANCE: f64 = 1e-4;

#[test]
fn a_transition_from_pure_noise_with_rescaled_guidance_is_diffusers() {
    let golden = Golden::new("sd21");
    let mut pipeline = golden.pipeline(None);
    let schedule = NoiseScheduleConfig {
        timestep_spacing: Some(TimestepSpacing::Trailing),
        rescale_betas_zero_snr: true,
        ..pipeline.directory().schedule.clone()
    };
    let sampler = DdimSampler::new(&schedule, 6).unwrap();
    let conditionings = pipeline.encode(&golden.prompts()).unwrap();
    let keyframes = golden.seeds().into_iter().zip(&conditionings[1..]);
    let keyframes: Vec<Keyframe> = keyframes
        .map(|(seed, conditioning)| {
            let noise = noise::initial_latents(seed, SHAPE).unwrap();
            Keyframe::new(conditioning.clone(), conditionings[0].clone(), 7.5, noise)
        })
        .collect();
    let spacing = Spacing::Fixed {
        mid_compression: 1.0,
    };
    let mut made = |rescale| {
        let profile = BranchingProfile::manual(6, &[2, 3], &[0, 3]).unwrap();
        let options = BlendOptions::default()
            .with_spacing(spacing)
            .with_guidance_rescale(GuidanceRescale::new(rescale).unwrap());
        let transition = Transition::new(profile, 0.5);
        transition::latents(&mut pipeline, &sampler, &keyframes, transition, options)
    };
    let expected = Golden::with_numbers("sd21", "guidance_rescale.safetensors").latents("latents");
    let errors = |found: Vec<lb_blend::Latents>| {
        let pairs = found.iter().zip(&expected);
        let errors =
            pairs.map(|(found, expected)| relative_error(found.values(), expected.values()));
        errors.collect::<Vec<_>>()
    };
    let rescaled = errors(made(0.7));
    assert_eq!(rescaled.len(), 3);
    assert!(
        rescaled.iter().all(|&error| error <= LATENT_TOLERANCE),
        "{rescaled:?}"
    );
    let plain = errors(made(0.0));
    assert!(plain.iter().all(|&error| error > 0.05), "{plain:?}");
}
