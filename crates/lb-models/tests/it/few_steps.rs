//! Transitions in few steps compared with diffusers: the samplers that distilled models name, and LoRAs that
//! shorten.

use lb_blend::{
    BlendOptions, BlendRequest, Blended, Keyframe, Latents, NoiseScheduleConfig, SamplerKind,
    TimestepSpacing, Transition, blend, noise,
};
use lb_models::{Device, Pipeline, PipelineOptions, SessionOptions, few_step_defaults};
use lb_schedule::{BranchingProfile, Choice as _, Spacing};
use lb_video::picture::psnr;

use crate::golden_kinds::{Golden, SHAPE, psnr_of_samples, relative_error};
use crate::surroundings::{pool, workspace};
use crate::transition;

/// Largest allowed difference of latents, as a fraction of the largest expected value.
const LATENT_TOLERANCE: f64 = 2e-4;
/// Least allowed PSNR of decoded frames, in dB.
const LEAST_PSNR: f64 = 45.0;
/// How far apart the bytes of the frames with LoRAs are that the golden file has, as in `few_step_loras.py`.
const STRIDE: usize = 29;
const PIXELS: &[u8] = include_bytes!("../golden/few_step_loras.rgb");

#[test]
fn transitions_of_few_steps_are_diffusers() {
    let golden = Golden::new("sd21");
    let goldens = Golden::with_numbers("sd21", "few_steps.safetensors");
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

#[test]
fn loras_that_shorten_bring_settings_whose_transitions_are_diffusers() {
    let families = ["sd21", "sd15"]
        .into_iter()
        .zip(PIXELS.chunks(PIXELS.len() / 2));
    for (family, of_family) in families {
        let golden = Golden::new(family);
        let goldens = Golden::with_numbers(family, "few_step_loras.safetensors");
        // The numbers are random; what shortens says so by its name.
        let random = workspace().join("crates/lb-models/tests/golden/loras");
        let random = random.join(family).join("kohya.safetensors");
        for name in ["lcm-lora-sdv1-5", "TCD-SD21-base-LoRA"] {
            let what = format!("{family}, {name}");
            let lora = golden.folder().join(format!("{name}.safetensors"));
            std::fs::copy(&random, &lora).unwrap();
            let needs = few_step_defaults(&lora).unwrap();
            let (steps, scale) = (needs.steps.unwrap(), needs.guidance_scale.unwrap());
            assert_eq!((steps, scale), (4, 1.0), "{what}");

            let directory = golden.directory().with_loras([&lora]).unwrap();
            let sampler = needs.sampler.unwrap();
            let sampler = sampler.sampler(&directory.schedule, steps).unwrap();
            let options = PipelineOptions::from(SessionOptions::new(Device::Cpu).with_threads(1));
            let (width, height) = (8 * SHAPE.width, 8 * SHAPE.height);
            let mut pipeline = Pipeline::open(&pool(), directory, width, height, options).unwrap();
            let prompts = golden.prompts().into_iter();
            let prompts = prompts.map(|prompt| prompt.with_lora_strengths(vec![1.0]));
            let conditionings = pipeline.encode(&prompts.collect::<Vec<_>>()).unwrap();
            let keyframes = golden.seeds().into_iter().zip(&conditionings[1..]);
            let keyframes: Vec<Keyframe> = keyframes
                .map(|(seed, conditioning)| {
                    let start = noise::initial_latents(seed, SHAPE).unwrap();
                    let start = start.scaled(sampler.initial_noise());
                    Keyframe::new(conditioning.clone(), conditionings[0].clone(), scale, start)
                        .with_lora_strengths(vec![1.0])
                })
                .collect();
            let profile = BranchingProfile::manual(steps, &[2, 3], &[0, 2]).unwrap();
            let options = BlendOptions::default().with_spacing(Spacing::Fixed {
                mid_compression: 1.0,
            });
            let found = transition::latents(
                &mut pipeline,
                sampler.as_ref(),
                &keyframes,
                Transition::new(profile, 0.5),
                options,
            );
            let expected = goldens.latents(family);
            assert_eq!((found.len(), expected.len()), (3, 3), "{what}");
            for (found, expected) in found.iter().zip(&expected) {
                let error = relative_error(found.values(), expected.values());
                assert!(error <= LATENT_TOLERANCE, "{what}: {error}");
            }
            let found: Vec<&Latents> = found.iter().collect();
            let frames = pipeline.decoder().decode(&found).unwrap();
            let mut pixels = of_family;
            for psnr in psnr_of_samples(&frames, STRIDE, &mut pixels) {
                assert!(psnr >= LEAST_PSNR, "{what}: {psnr} dB");
            }
            assert!(pixels.is_empty());
        }
    }
}
