//! Whole transitions of sizes that are multiples of 8 but not of 64, compared with diffusers: see
//! `tests/golden/sizes.py`.

use lb_blend::{BlendOptions, DdimSampler, Keyframe, Latents, Transition, noise};
use lb_models::{Device, Pipeline, PipelineOptions, SessionOptions};
use lb_schedule::{BranchingProfile, Spacing};

use crate::golden_kinds::{Golden, psnr_of_samples, relative_error};
use crate::surroundings::pool;
use crate::transition;

const PIXELS: &[u8] = include_bytes!("../golden/sizes.rgb");
/// Of this many bytes of the frames, the first is known.
const STRIDE: usize = 29;
/// Largest allowed difference of latents, as a fraction of the largest expected value.
const LATENT_TOLERANCE: f64 = 1e-4;
/// Least allowed PSNR of the frames, in dB.
const LEAST_PSNR: f64 = 45.0;

#[test]
fn transitions_of_sizes_that_are_multiples_of_eight_are_diffusers() {
    let mut pixels = PIXELS;
    for family in ["sd21", "sd15"] {
        for (width, height) in [(72, 56), (360, 24)] {
            let what = format!("{family} {width}x{height}");
            let golden = Golden::new(family);
            let session = SessionOptions::new(Device::Cpu).with_threads(1);
            let options = PipelineOptions::from(session);
            let directory = golden.directory();
            let mut pipeline = Pipeline::open(&pool(), directory, width, height, options).unwrap();
            let shape = pipeline.latent_shape();
            let conditionings = pipeline.encode(&golden.prompts()).unwrap();
            let keyframes = golden.seeds().into_iter().zip(&conditionings[1..]);
            let keyframes: Vec<Keyframe> = keyframes
                .map(|(seed, conditioning)| {
                    let noise = noise::initial_latents(seed, shape).unwrap();
                    Keyframe::new(conditioning.clone(), conditionings[0].clone(), 3.0, noise)
                })
                .collect();
            let sampler = DdimSampler::new(&pipeline.directory().schedule, 6).unwrap();
            let profile = BranchingProfile::manual(6, &[2, 3], &[0, 3]).unwrap();
            let options = BlendOptions::default().with_spacing(Spacing::Fixed {
                mid_compression: 1.0,
            });
            let transition = Transition::new(profile, 0.5);
            let found =
                transition::latents(&mut pipeline, &sampler, &keyframes, transition, options);
            let expected = Golden::with_numbers(family, "sizes.safetensors").latents(&what);
            assert_eq!((found.len(), expected.len()), (3, 3), "{what}");
            for (found, expected) in found.iter().zip(&expected) {
                let error = relative_error(found.values(), expected.values());
                assert!(error <= LATENT_TOLERANCE, "{what}: {error}");
            }
            let found: Vec<&Latents> = found.iter().collect();
            let frames = pipeline.decoder().decode(&found).unwrap();
            assert!(
                frames
                    .iter()
                    .all(|at| at.dimensions() == (width as u32, height as u32))
            );
            for psnr in psnr_of_samples(&frames, STRIDE, &mut pixels) {
                assert!(psnr >= LEAST_PSNR, "{what}: {psnr} dB");
            }
        }
    }
    assert!(pixels.is_empty());
}
