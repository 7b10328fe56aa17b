//! Every kind of model compared with diffusers: concatenated channels, and whole transitions.

use lb_blend::testing::conformance;
use lb_blend::{
    BlendOptions, BlendRequest, Blended, DdimSampler, Keyframe, Latents, Transition, blend, noise,
};
use lb_models::{ModelError, ModelKind, Pipeline};
use lb_schedule::{BranchingProfile, Spacing};
use lb_video::picture::psnr;

use crate::golden_kinds::{Golden, KINDS, SHAPE, relative_error, upscaled};

/// Largest allowed difference of channels, as a fraction of the largest expected value.
const CHANNEL_TOLERANCE: f64 = 1e-4;
/// The same for latents after six guided steps with random weights.
const LATENT_TOLERANCE: f64 = 1e-4;
/// Least allowed PSNR of decoded frames, in dB.
const LEAST_PSNR: f64 = 45.0;

/// The initial latents and concatenated channels of both keyframes, from the golden's inputs.
fn beside_the_text(golden: &Golden, pipeline: &mut Pipeline) -> Vec<(Latents, Option<Latents>)> {
    let seeds = golden.seeds();
    let kind = pipeline.directory().kind;
    let (width, height) = pipeline.picture_size();
    let mut channels: Vec<Latents> = match kind {
        ModelKind::TextToImage => Vec::new(),
        ModelKind::Inpaint => {
            let source = &golden.pictures(width, height)[0];
            let channels = pipeline.inpaint_channels(source, &golden.gray("mask"));
            vec![channels.unwrap(); 2]
        }
        ModelKind::Depth => ["depth_map_0", "depth_map_1"]
            .map(|name| pipeline.depth_channel(&golden.gray(name)).unwrap())
            .into(),
        ModelKind::Upscale => {
            let noise = pipeline.upscale_noise(seeds[0]).unwrap();
            let pictures = golden.pictures(SHAPE.width, SHAPE.height);
            let channels = pictures.iter().map(|low_res| {
                let channels = pipeline.low_res_channels(low_res, &noise).unwrap();
                (noise.initial_latents.clone(), Some(channels))
            });
            return channels.collect();
        }
    };
    let starts = seeds
        .iter()
        .map(|&seed| noise::initial_latents(seed, SHAPE));
    let mut channels = channels.drain(..);
    starts
        .map(|start| (start.unwrap(), channels.next()))
        .collect()
}

#[test]
fn concatenated_channels_are_diffusers() {
    for (kind, count) in [("inpaint", 5), ("depth", 1), ("upscale", 3)] {
        let golden = Golden::new(kind);
        let mut pipeline = golden.pipeline(None);
        let expected = golden.latents("concatenated");
        let found = beside_the_text(&golden, &mut pipeline);
        assert_eq!((found.len(), expected.len()), (2, 2));
        for ((_, found), expected) in found.iter().zip(&expected) {
            let found = found.as_ref().unwrap();
            assert_eq!(found.shape(), SHAPE.with_channels(count));
            assert_eq!(found.shape(), expected.shape());
            for (channel, found) in found.values().chunks_exact(8 * 16).enumerate() {
                let expected = &expected.values()[channel * 8 * 16..][..8 * 16];
                let error = relative_error(found, expected);
                assert!(
                    error <= CHANNEL_TOLERANCE,
                    "{kind}, channel {channel}: {error}"
                );
            }
        }
    }
}

#[test]
fn transitions_of_every_kind_are_diffusers() {
    for kind in KINDS {
        let golden = Golden::new(kind);
        let mut pipeline = golden.pipeline(None);
        let conditionings = pipeline.encode(&golden.prompts()).unwrap();
        let beside = beside_the_text(&golden, &mut pipeline);
        let keyframes = beside.into_iter().zip(&conditionings[1..]);
        let keyframes: Vec<_> = keyframes
            .map(|((initial_latents, concatenated), conditioning)| {
                let negative = conditionings[0].clone();
                Keyframe::new(conditioning.clone(), negative, 3.0, initial_latents)
                    .with_concatenated(concatenated)
            })
            .collect();
        let profile = BranchingProfile::manual(6, &[2, 3], &[0, 3]).unwrap();
        let sampler = DdimSampler::new(&pipeline.directory().schedule, 6).unwrap();
        let options = BlendOptions::default().with_spacing(Spacing::Fixed {
            mid_compression: 1.2,
        });
        let mut blended = Blended::default();
        let report = blend(BlendRequest {
            backend: &mut pipeline,
            sampler: &sampler,
            keyframes: &mut keyframes.as_slice(),
            transitions: &[Transition::new(profile, 0.5)],
            options,
            snapshots: &mut (),
            observer: &mut blended,
        });
        report.unwrap();

        let frames: Vec<&Latents> = blended.transitions[0]
            .iter()
            .map(|frame| &frame.latents)
            .collect();
        for (frame, expected) in golden.latents("latents").iter().enumerate() {
            let error = relative_error(frames[frame].values(), expected.values());
            assert!(
                error <= LATENT_TOLERANCE,
                "{kind}, latents of frame {frame}: {error}"
            );
        }
        let (width, height) = pipeline.picture_size();
        let pictures = pipeline.decoder().decode(&frames).unwrap();
        let expected = golden.frames(width, height);
        assert_eq!((pictures.len(), expected.len()), (3, 3));
        for (frame, (found, expected)) in pictures.iter().zip(&expected).enumerate() {
            let psnr = psnr(found, expected).unwrap();
            assert!(psnr >= LEAST_PSNR, "{kind}, frame {frame}: {psnr} dB");
        }
    }
}

#[test]
fn kinds_with_concatenated_channels_conform_to_the_port() {
    for kind in ["inpaint", "depth", "upscale"] {
        let golden = Golden::new(kind);
        let directory = golden.directory();
        conformance(
            &mut |limit| Box::new(golden.pipeline(Some(limit))),
            SHAPE,
            directory.concatenated_channels(),
            directory.text_length,
            directory.text_width,
        );
    }
}

#[test]
fn directories_say_what_their_model_is_for() {
    for (kind, expected, channels) in [
        ("sd21", ModelKind::TextToImage, 0),
        ("sd15", ModelKind::TextToImage, 0),
        ("inpaint", ModelKind::Inpaint, 5),
        ("depth", ModelKind::Depth, 1),
        ("upscale", ModelKind::Upscale, 3),
    ] {
        let directory = Golden::new(kind).directory();
        assert_eq!(directory.kind, expected);
        assert_eq!(directory.concatenated_channels(), channels);
        let upscales = expected == ModelKind::Upscale;
        assert_eq!(directory.upscaler.is_some(), upscales);
        let scale = if upscales { 4 } else { 8 };
        assert_eq!(directory.pixels_per_latent, scale);
        assert_eq!(directory.side_multiple, scale);
        assert_eq!(directory.default_size, (8 * scale, 8 * scale));
        let shape = directory.latent_shape(16 * scale, 8 * scale).unwrap();
        assert_eq!(shape, SHAPE);
    }
    let upscaler = Golden::new("upscale").directory().upscaler.unwrap();
    // The tiny UNet has 40 classes, fewer than the 350 levels that the pipeline allows.
    assert_eq!(upscaler.max_noise_level, 39);
    assert_eq!(upscaler.low_res_schedule.beta_end, 0.02);
}

#[test]
fn early_configurations_have_no_scaling_factor() {
    for (kind, expected) in [("sd21", 0.18215), ("upscale", 0.08333)] {
        let golden = Golden::new(kind);
        let path = golden.folder().join("vae/config.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
        config.as_object_mut().unwrap().remove("scaling_factor");
        std::fs::write(&path, config.to_string()).unwrap();
        assert_eq!(golden.directory().scaling_factor, expected, "{kind}");
    }
}

#[test]
fn an_upscaler_heeds_its_noise_level() {
    let golden = Golden::new("upscale");
    let levels = [20, 21].map(|noise_level| {
        let mut pipeline = golden
            .pipeline_with(|options| options.noise_level = noise_level)
            .unwrap();
        upscaled(&mut pipeline)
    });
    assert!(relative_error(&levels[0], &levels[1]) > 1e-3);
    let refused = golden.pipeline_with(|options| options.noise_level = 40);
    let Err(
        error @ ModelError::NoiseLevel {
            found: 40,
            most: 39,
        },
    ) = refused
    else {
        panic!("40 classes are 0 to 39")
    };
    assert_eq!(
        error.to_string(),
        "the noise level is 40; this upscaler takes 0 to 39"
    );
}
