//! LoRAs in the models of both families, compared with diffusers.
//!
//! The golden files are written by `tests/golden/loras.py`.

use std::fs;
use std::path::PathBuf;

use lb_blend::{
    Backend as _, BlendOptions, BlendRequest, Blended, DdimSampler, Keyframe, Latents,
    PredictRequest, Transition, blend, noise,
};
use lb_export::{Component, Lora};
use lb_models::testing::TensorValues;
use lb_models::{
    Device, ModelDirectory, ModelError, ModelPool, Pipeline, PipelineOptions, SessionOptions,
};
use lb_schedule::{BranchingProfile, Spacing};
use lb_video::picture;

use crate::golden_kinds::{Golden, SHAPE, read_pictures, relative_error};
use crate::safetensors;
use crate::surroundings::{pool, runtime, workspace};

const FAMILIES: [&str; 2] = ["sd21", "sd15"];
/// Largest allowed difference, as a fraction of the largest expected value.
const CONDITIONING_TOLERANCE: f64 = 1e-5;
const LATENT_TOLERANCE: f64 = 1e-4;
const LEAST_PSNR: f64 = 45.0;

fn file(family: &str, name: &str) -> PathBuf {
    let folder = workspace().join("crates/lb-models/tests/golden/loras");
    folder.join(family).join(name)
}

fn numbers(family: &str, name: &str) -> Vec<f32> {
    let tensors = safetensors::read(&file(family, "golden.safetensors"));
    let tensor = tensors.into_iter().find(|tensor| tensor.name == name);
    match tensor.unwrap().values {
        TensorValues::Float32(values) => values,
        TensorValues::Int64(_) => panic!("{name} is of floats"),
    }
}

fn changed(golden: &Golden, family: &str, files: &[&str]) -> Result<ModelDirectory, ModelError> {
    let files = files.iter().map(|name| file(family, name));
    golden.directory().with_loras(files)
}

fn open(pool: &ModelPool, directory: ModelDirectory) -> Pipeline {
    let session = SessionOptions::new(Device::Cpu).with_threads(1);
    let scale = directory.pixels_per_latent;
    let (width, height) = (SHAPE.width * scale, SHAPE.height * scale);
    Pipeline::open(
        pool,
        directory,
        width,
        height,
        PipelineOptions::from(session),
    )
    .unwrap()
}

#[test]
fn a_transition_whose_loras_change_is_diffusers() {
    for family in FAMILIES {
        let golden = Golden::new(family);
        let directory = changed(&golden, family, &["kohya.safetensors", "peft.safetensors"]);
        let mut pipeline = open(&pool(), directory.unwrap());
        let strengths = numbers(family, "strengths");
        let strengths: Vec<Vec<f32>> = strengths.chunks_exact(2).map(<[f32]>::to_vec).collect();
        let expected = numbers(family, "conditionings");
        let expected: Vec<&[f32]> = expected.chunks_exact(expected.len() / 6).collect();
        // All prompts with the strengths of one keyframe, then with those of the other.
        let prompts = strengths.iter().flat_map(|strengths| {
            let prompts = golden.prompts().into_iter();
            prompts.map(|prompt| prompt.with_lora_strengths(strengths.clone()))
        });
        let conditionings = pipeline.encode(&prompts.collect::<Vec<_>>()).unwrap();
        for (found, expected) in conditionings.iter().zip(&expected) {
            let error = relative_error(&found.values, expected);
            assert!(error <= CONDITIONING_TOLERANCE, "{family}: {error}");
        }

        let prompts = [[0, 1], [3, 5]].map(|places| places.map(|at| conditionings[at].clone()));
        let seeds = golden.seeds();
        let keyframes = prompts.into_iter().zip(seeds).zip(&strengths);
        let keyframes: Vec<Keyframe> = keyframes
            .map(|(([negative, conditioning], seed), strengths)| {
                let noise = noise::initial_latents(seed, SHAPE).unwrap();
                Keyframe::new(conditioning, negative, 3.0, noise)
                    .with_lora_strengths(strengths.clone())
            })
            .collect();
        let profile = BranchingProfile::manual(6, &[2, 3], &[0, 3]).unwrap();
        let sampler = DdimSampler::new(&pipeline.directory().schedule, 6).unwrap();
        let mut blended = Blended::default();
        blend(BlendRequest {
            backend: &mut pipeline,
            sampler: &sampler,
            keyframes: &mut keyframes.as_slice(),
            transitions: &[Transition::new(profile, 0.5)],
            options: BlendOptions::default().with_spacing(Spacing::Fixed {
                mid_compression: 1.2,
            }),
            snapshots: &mut (),
            observer: &mut blended,
        })
        .unwrap();
        let frames = blended.transitions[0].iter();
        let frames: Vec<&Latents> = frames.map(|frame| &frame.latents).collect();
        let latents = numbers(family, "latents");
        for (frame, expected) in frames.iter().zip(latents.chunks_exact(SHAPE.len())) {
            let error = relative_error(frame.values(), expected);
            assert!(error <= LATENT_TOLERANCE, "{family}: {error}");
        }
        let (width, height) = pipeline.picture_size();
        let expected = read_pictures(&file(family, "frames.png"), width, height);
        let pictures = pipeline.decoder().decode(&frames).unwrap();
        assert_eq!((pictures.len(), expected.len()), (3, 3));
        for (found, expected) in pictures.iter().zip(&expected) {
            let psnr = picture::psnr(found, expected).unwrap();
            assert!(psnr >= LEAST_PSNR, "{family}: {psnr} dB");
        }
    }
}

/// What the UNet predicts for two rows of the same inputs, whose LoRAs have these strengths.
fn predict(pipeline: &mut Pipeline, strengths: &[[f32; 2]; 2]) -> [Vec<f32>; 2] {
    let latents = noise::standard_normal(3, SHAPE.len()).repeat(2);
    let directory = pipeline.directory();
    let (tokens, width) = (directory.text_length, directory.text_width);
    let loras = directory.loras().len();
    let strengths: Vec<f32> = strengths
        .iter()
        .flat_map(|row| &row[..loras])
        .copied()
        .collect();
    let request = PredictRequest {
        rows: 2,
        shape: SHAPE,
        latents: &latents,
        concatenated_channels: 0,
        concatenated: &[],
        timestep: 500,
        tokens,
        width,
        conditioning: &noise::standard_normal(4, tokens * width).repeat(2),
        loras,
        lora_strengths: &strengths,
    };
    let mut output = vec![f32::NAN; latents.len()];
    pipeline.predict(&request, &mut output).unwrap();
    let second = output.split_off(SHAPE.len());
    [output, second]
}

#[test]
fn every_row_has_strengths_of_its_own_and_zero_is_the_model_itself() {
    for family in FAMILIES {
        let golden = Golden::new(family);
        let plain = predict(&mut golden.pipeline(None), &[[0.0; 2]; 2]);
        let both = changed(&golden, family, &["kohya.safetensors", "peft.safetensors"]);
        let mut both = open(&pool(), both.unwrap());
        let [off, first] = predict(&mut both, &[[0.0, 0.0], [0.7, 0.0]]);
        assert!(relative_error(&off, &plain[0]) < 1e-5);
        let [second, sum] = predict(&mut both, &[[0.0, 0.7], [0.7, 0.7]]);
        for other in [&off, &second, &sum] {
            assert!(relative_error(&first, other) > 0.01);
        }
        let one = changed(&golden, family, &["kohya.safetensors"]).unwrap();
        let alone = predict(&mut open(&pool(), one), &[[0.7, 0.0], [0.0, 0.0]]);
        assert!(relative_error(&alone[0], &first) < 1e-5);
        assert!(relative_error(&alone[1], &off) < 1e-5);
    }
}

#[test]
fn attention_processors_that_torch_has_pickled_are_read() {
    let family = "sd15";
    let golden = Golden::new(family);
    let old = Lora::open(&file(family, "processors.bin")).unwrap();
    let new = Lora::open(&file(family, "peft.safetensors")).unwrap();
    assert_eq!(
        old.layers_of(Component::Unet).count() + 1,
        new.layers_of(Component::Unet).count()
    );
    // The first convolution is not a part of the old file.
    let old = changed(&golden, family, &["processors.bin"]).unwrap();
    assert!(!old.loras()[0].changes(Component::TextEncoder));
    let old = predict(&mut open(&pool(), old), &[[1.0, 0.0], [0.0, 0.0]]);
    let new = changed(&golden, family, &["peft.safetensors"]).unwrap();
    let new = predict(&mut open(&pool(), new), &[[1.0, 0.0], [0.0, 0.0]]);
    assert!(
        relative_error(&old[0], &new[0]) > 1e-4,
        "one of them changes conv_in"
    );
    assert!(relative_error(&old[1], &new[1]) < 1e-5);
}

#[test]
fn a_change_of_strengths_loads_nothing() {
    let golden = Golden::new("sd21");
    let pool = ModelPool::new(runtime(), 1 << 30);
    for strength in [1.0, 0.3, -1.0] {
        let directory = changed(&golden, "sd21", &["kohya.safetensors"]).unwrap();
        let mut pipeline = open(&pool, directory);
        let prompt = golden.prompts().remove(0);
        pipeline
            .encode(&[prompt.with_lora_strengths(vec![strength])])
            .unwrap();
        predict(&mut pipeline, &[[strength, 0.0]; 2]);
        drop(pipeline);
        assert_eq!(pool.loads(), 2);
    }
    // This one changes the UNet alone, so that the text encoder is that of the model itself.
    for loads in [4, 4] {
        let directory = changed(&golden, "sd21", &["peft.safetensors"]).unwrap();
        let mut pipeline = open(&pool, directory);
        let prompt = golden.prompts().remove(0);
        pipeline
            .encode(&[prompt.with_lora_strengths(vec![1.0])])
            .unwrap();
        predict(&mut pipeline, &[[1.0, 0.0]; 2]);
        drop(pipeline);
        assert_eq!(pool.loads(), loads);
    }
    let mut plain = open(&pool, golden.directory());
    plain.encode(&golden.prompts()).unwrap();
    assert_eq!(pool.loads(), 4);
}

#[test]
fn a_lora_that_does_not_fit_is_refused() {
    let golden = Golden::new("sd21");
    let refused = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lora.safetensors");
        fs::write(&path, bytes).unwrap();
        golden
            .directory()
            .with_loras([path])
            .unwrap_err()
            .to_string()
    };
    let with = |tensors: &[(&str, &[usize])]| {
        let mut header = serde_json::Map::new();
        let mut end = 0;
        for (name, shape) in tensors {
            let begin = end;
            end += 4 * shape.iter().product::<usize>();
            let entry =
                serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, end]});
            header.insert((*name).into(), entry);
        }
        let header = serde_json::to_vec(&header).unwrap();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.resize(bytes.len() + end, 0);
        bytes
    };
    let to_k = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k";
    let pair = |layer: &str, down: &[usize], up: &[usize]| {
        let names = ["lora_down", "lora_up"].map(|matrix| format!("{layer}.{matrix}.weight"));
        refused(&with(&[(&names[0], down), (&names[1], up)]))
    };
    for (message, expected) in [
        (pair(to_k, &[2, 768], &[320, 2]), "for Stable Diffusion 1"),
        (
            pair(
                "lora_unet_down_blocks_7_resnets_0_conv1",
                &[2, 8, 3, 3],
                &[8, 2, 1, 1],
            ),
            "does not have",
        ),
        (
            pair(
                "lora_te_text_model_encoder_layers_0_mlp_fc1",
                &[2, 5],
                &[8, 2],
            ),
            "5 inputs",
        ),
        (pair(to_k, &[2, 8], &[8, 3]), "rank 2"),
        (
            pair(
                "lora_te1_text_model_encoder_layers_0_mlp_fc1",
                &[2, 5],
                &[8, 2],
            ),
            "Stable Diffusion XL",
        ),
        (
            pair("lora_unet_double_blocks_0_img_attn_qkv", &[2, 5], &[8, 2]),
            "Flux",
        ),
        (
            refused(&with(&[
                ("lora_unet_conv_in.hada_w1_a", &[2, 2]),
                ("lora_unet_conv_in.hada_w1_b", &[2, 2]),
            ])),
            "LoHa",
        ),
        (
            refused(&with(&[
                ("lora_unet_conv_in.lokr_w1", &[2, 2]),
                ("a", &[1]),
            ])),
            "LoKr",
        ),
        (
            refused(&with(&[
                (&format!("{to_k}.dora_scale"), &[2, 2]),
                ("a", &[1]),
            ])),
            "DoRA",
        ),
        (refused(&with(&[("emb_params", &[2, 12])])), "embedding"),
        (
            refused(&with(&[
                ("model.diffusion_model.out.2.bias", &[4]),
                ("a", &[1]),
            ])),
            "lb import",
        ),
        (refused(&with(&[])), "without tensors"),
        (refused(b"neither"), "neither"),
    ] {
        assert!(message.contains(expected), "{message}");
    }
}
