//! Decoders that are published by themselves: their forms, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use lb_blend::noise;
use lb_export::testing::networks;
use lb_export::{ExportOptions, StandaloneDecoder, build_decoder_graph};
use lb_models::testing::{GraphSession, NamedTensor, TensorValues, copy_folder, write_tiny_model};
use lb_models::{Device, ModelDirectory, Pipeline, PipelineOptions, SessionOptions};
use serde_json::{Value, json};

use crate::safetensors;
use crate::surroundings::{pool, runtime};

const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

fn tiny_vae() -> PathBuf {
    networks().join("tiny_vae/vae")
}

/// Writes the decoder as TAESD's authors publish it: the layers are counted from the clamping on.
pub(crate) fn write_published(to: &Path) {
    safetensors::rename(&tiny_vae().join(WEIGHTS), to, |name| {
        let (layer, rest) = name.strip_prefix("decoder.layers.")?.split_once('.')?;
        Some(format!("{}.{rest}", layer.parse::<usize>().ok()? + 1))
    });
}

/// The error of opening the decoder at `path` or of building its graph.
fn refusal(path: &Path) -> String {
    let built = StandaloneDecoder::open(path)
        .and_then(|decoder| build_decoder_graph(&decoder, &ExportOptions::default()));
    built.unwrap_err().to_string()
}

#[test]
fn every_form_computes_what_diffusers_computes() {
    let folder = tempfile::tempdir().unwrap();
    let published = folder.path().join("taesd_decoder.safetensors");
    write_published(&published);
    let golden = networks().join("tiny_vae/golden/vae_decoder.safetensors");
    let (expected, input): (Vec<_>, Vec<_>) = safetensors::read(&golden)
        .into_iter()
        .partition(|tensor| tensor.name == "sample");
    for path in [
        networks().join("tiny_vae"),
        tiny_vae(),
        tiny_vae().join(WEIGHTS),
        published,
    ] {
        let decoder = StandaloneDecoder::open(&path).unwrap();
        let config = decoder.config();
        let channels = (config.latent_channels(), config.out_channels());
        assert_eq!((channels, config.pixels_per_latent()), ((4, 3), 8));
        assert_eq!(decoder.scaling_factor(), 1.0);
        let graph = build_decoder_graph(&decoder, &ExportOptions::default()).unwrap();
        let options = SessionOptions::new(Device::Cpu).with_threads(1);
        let mut session = GraphSession::load(runtime(), graph, &options).unwrap();
        let found = session.run(&input).unwrap();
        let (TensorValues::Float32(found), TensorValues::Float32(expected)) =
            (&found[0].values, &expected[0].values)
        else {
            panic!("pictures are floats")
        };
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{path:?}");
        }
    }
}

#[test]
fn an_ordinary_autoencoder_is_taken_with_its_scaling_factor() {
    let decoder = StandaloneDecoder::open(&networks().join("sd2_upscaler")).unwrap();
    assert_eq!(decoder.scaling_factor(), 0.08333);
    assert_eq!(decoder.config().pixels_per_latent(), 4);
    build_decoder_graph(&decoder, &ExportOptions::default()).unwrap();
}

#[test]
fn files_that_hold_no_decoder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.safetensors");
    let whole = tiny_vae().join(WEIGHTS);
    let encoder = |name: &str| Some(name.strip_prefix("encoder.layers.")?.to_owned());
    safetensors::rename(&whole, &path, encoder);
    assert!(refusal(&path).contains("are those of an encoder"));

    let other = networks().join("sd2/vae").join(WEIGHTS);
    let decoder = |name: &str| name.starts_with("decoder.").then(|| name.to_owned());
    safetensors::rename(&other, &path, decoder);
    let message = refusal(&path);
    assert!(message.contains("decoder.layers.0.weight") && message.contains("\"1.weight\""));

    let cases = [
        ("decoder.layers.0.weight", "\"decoder.layers.0.weight\""),
        ("decoder.layers.5.weight", "has no tensor"),
        ("decoder.layers.2.conv.4.bias", "conv.4.bias\" is missing"),
    ];
    for (missing, expected) in cases {
        safetensors::rename(&whole, &path, |name| {
            (name != missing).then(|| name.to_owned())
        });
        let message = refusal(&path);
        assert!(message.contains(expected), "{missing}: {message}");
    }

    fs::write(&path, "PK").unwrap();
    assert!(refusal(&path).contains("safetensors"));
    assert!(refusal(&folder.path().join("nowhere")).contains("nowhere"));
}

#[test]
fn folders_with_settings_that_are_not_supported_are_refused() {
    let cases = [
        ("act_fn", json!("mish"), "\"relu\""),
        ("upsample_fn", json!("bilinear"), "\"nearest\""),
        ("upsampling_scaling_factor", json!(4), "2"),
        ("shift_factor", json!(0.5), "0"),
        ("num_decoder_blocks", json!([]), "a list of 1 to 8"),
        ("num_decoder_blocks", json!([3, 3, 1]), "a list of 3"),
        ("num_encoder_blocks", json!([1, -3, 1, 1]), "a list"),
        (
            "decoder_block_out_channels",
            json!([8, 8, 16, 8]),
            "all equal",
        ),
        ("latent_channels", json!(16), "[8, 16, 3, 3]"),
        ("scaling_factor", json!(0), "above 0"),
    ];
    for (key, value, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&tiny_vae(), folder.path()).unwrap();
        let path = folder.path().join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config[key] = value;
        fs::write(&path, config.to_string()).unwrap();
        let message = refusal(folder.path());
        assert!(message.contains(expected), "{key}: {message}");
    }
}

fn open(directory: ModelDirectory) -> Pipeline {
    let session = SessionOptions::new(Device::Cpu).with_threads(1);
    Pipeline::open(&pool(), directory, 64, 64, PipelineOptions::from(session)).unwrap()
}

#[test]
fn a_model_decodes_by_another_decoder_and_encodes_by_its_own() {
    let folder = tempfile::tempdir().unwrap();
    write_tiny_model("sd21", folder.path()).unwrap();
    let own = ModelDirectory::open(folder.path()).unwrap();
    let mut changed = open(own.clone().with_decoder(&tiny_vae()).unwrap());
    let mut own = open(own);
    let latents = noise::initial_latents(1, own.latent_shape()).unwrap();

    // The graph makes the expected picture, from latents that are not divided by anything.
    let decoder = StandaloneDecoder::open(&tiny_vae()).unwrap();
    let graph = build_decoder_graph(&decoder, &ExportOptions::default()).unwrap();
    let options = SessionOptions::new(Device::Cpu).with_threads(1);
    let input = NamedTensor {
        name: "latent_sample".into(),
        shape: vec![1, 4, 8, 8],
        values: TensorValues::Float32(latents.values().to_vec()),
    };
    let mut session = GraphSession::load(runtime(), graph, &options).unwrap();
    let planes = session.run(&[input]).unwrap().remove(0);
    let TensorValues::Float32(planes) = planes.values else {
        panic!("pictures are floats")
    };
    let picture = changed.decoder().decode(&[&latents]).unwrap().remove(0);
    for (index, pixel) in picture.pixels().enumerate() {
        for (channel, &byte) in pixel.0.iter().enumerate() {
            let value = planes[channel * 64 * 64 + index];
            let expected = ((value + 1.0) * 127.5).clamp(0.0, 255.0);
            assert!((expected - f32::from(byte)).abs() <= 0.6, "pixel {index}");
        }
    }
    assert_ne!(picture, own.decoder().decode(&[&latents]).unwrap()[0]);
    let pictures = [picture];
    assert_eq!(
        changed.encode_pictures(&pictures).unwrap(),
        own.encode_pictures(&pictures).unwrap()
    );

    // The same autoencoder as the model's own decodes alike; it encodes without log-variances.
    fs::remove_dir_all(folder.path().join("vae")).unwrap();
    copy_folder(&tiny_vae(), &folder.path().join("vae")).unwrap();
    let mut inside = open(ModelDirectory::open(folder.path()).unwrap());
    assert_eq!(inside.decoder().decode(&[&latents]).unwrap(), pictures);
    let encoded = inside.encode_pictures(&pictures).unwrap().remove(0);
    assert_eq!(encoded.shape(), latents.shape());
}

#[test]
fn decoders_of_other_latents_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_tiny_model("sd21", folder.path()).unwrap();
    let own = ModelDirectory::open(folder.path()).unwrap();
    for (other, expected) in [
        ("odd/vae", "channels of the latents: found 3, expected 4"),
        ("sd2_upscaler/vae", "found 4, expected 8"),
    ] {
        let refused = own.clone().with_decoder(&networks().join(other));
        let message = refused.unwrap_err().to_string();
        assert!(
            message.contains(other) && message.contains(expected),
            "{message}"
        );
    }
}
