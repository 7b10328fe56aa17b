//! Transitions in few steps compared with diffusers: the samplers that distilled models name.

use lb_blend::{
    BlendOptions, BlendRequest, Blended, Keyframe, Latents, NoiseScheduleConfig, SamplerKind,
    TimestepSpacing, Transition, blend, noise,
};
use lb_schedule::{BranchingProfile, Choice as _, Spacing};
use lb_video::picture::psnr;

use crate::golden_kinds::{Golden, SHAPE, relative_error};

/// Largest allowed difference of latents, as a fraction of the largest expected value.
const LATENT_TOLERANCE: f64 = 2e-4;
/// Least allowed PSNR of decoded frames, in dB.
const LEAST_PSNR: f64 = 45.0;

#[test]
fn transitions_of_few_steps_are_diffusers() {
    let golden = Golden::new("sd21");
    let goldens = Golden::few_steps();
    let mut pipeline = golden.pipeline(None);
    let conditionings = pipeline.encode(&golden.prompts()).unwrap();
    let schedule = NoiseScheduleConfig {
        timestep_spacing: Some(TimestepSpacing::Trailing),
        ..pipeline.directory().schedule.clone()
    };
    for &kind in SamplerKind::ALL {
        for (steps, injection) in [(1, 0), (2, 1), (4, 2), (8, 4)] {
            let what = format!("{kind}, {steps} steps");
            let sampler = kind.sampler(&schedule, steps).unwrap();
            let keyframes = golden.seeds().into_iter().zip(&conditionings[1..]);
            let keyframes: Vec<Keyframe> = keyframes
                .map(|(seed, conditioning)| {
                    let start = noise::initial_latents(seed, SHAPE).unwrap();
                    let start = start.scaled(sampler.initial_noise());
                    Keyframe::new(conditioning.clone(), conditionings[0].clone(), 1.0, start)
                })
                .collect();
            let profile = BranchingProfile::manual(steps, &[2, 3], &[0, injection]).unwrap();
            let mut blended = Blended::default();
            let report = blend(BlendRequest {
                backend: &mut pipeline,
                sampler: sampler.as_ref(),
                keyframes: &mut keyframes.as_slice(),
                transitions: &[Transition::new(profile, 0.5)],
                options: BlendOptions::default().with_spacing(Spacing::Fixed {
                    mid_compression: 1.0,
                }),
                snapshots: &mut (),
                observer: &mut blended,
            });
            report.unwrap();

            let expected = goldens.latents(&format!("{kind} {steps}"));
            let frames = blended.transitions[0].iter();
            let frames: Vec<&Latents> = frames.map(|frame| &frame.latents).collect();
            assert_eq!((frames.len(), expected.len()), (3, 3), "{what}");
            for (frame, (found, expected)) in frames.iter().zip(&expected).enumerate() {
                let error = relative_error(found.values(), expected.values());
                assert!(error <= LATENT_TOLERANCE, "{what}, frame {frame}: {error}");
            }
            let pictures = pipeline.decoder().decode(&frames).unwrap();
            let expected: Vec<&Latents> = expected.iter().collect();
            let expected = pipeline.decoder().decode(&expected).unwrap();
            for (found, expected) in pictures.iter().zip(&expected) {
                let psnr = psnr(found, expected).unwrap();
                assert!(psnr >= LEAST_PSNR, "{what}: {psnr} dB");
            }
        }
    }
}
