//! Conditioning from earlier layers of the text encoder, compared with diffusers: see `tests/golden/clip_skip.py`.

use std::fs;

use lb_models::{Device, ModelDirectory, Pipeline, PipelineOptions, SessionOptions, Tokens};

use crate::golden_kinds::{Golden, relative_error};
use crate::surroundings::pool;

const FAMILIES: [&str; 2] = ["sd21", "sd15"];
const TOLERANCE: f64 = 1e-5;

fn open(directory: ModelDirectory) -> Pipeline {
    let options = PipelineOptions::from(SessionOptions::new(Device::Cpu).with_threads(1));
    let side = directory.side_multiple;
    Pipeline::open(&pool(), directory, side, side, options).unwrap()
}

fn encode(directory: ModelDirectory, prompt: Tokens) -> Vec<f32> {
    open(directory).encode(&[prompt]).unwrap().remove(0).values
}

#[test]
fn every_layer_of_both_families_is_diffusers() {
    for family in FAMILIES {
        let golden = Golden::new(family);
        let goldens = Golden::with_numbers(family, "clip_skip.safetensors");
        assert_eq!(golden.directory().text_layers, 3);
        for skip in 1..=3 {
            let directory = golden.directory().with_clip_skip(skip).unwrap();
            let found = encode(directory, golden.prompts().remove(2));
            let expected = goldens.numbers(&format!("{family} {skip}"));
            let error = relative_error(&found, &expected);
            assert!(error <= TOLERANCE, "{family} {skip}: {error}");
        }
    }
}

#[test]
fn weights_and_further_chunks_apply_to_the_layer_that_is_taken() {
    let golden = Golden::new("sd15");
    let directory = || golden.directory().with_clip_skip(2).unwrap();
    let ids = golden.prompts().remove(2).ids;
    let plain = Tokens {
        ids: ids.clone(),
        ..Default::default()
    };
    let alone = encode(directory(), plain);
    let mut weights = vec![1.0; ids.len()];
    weights[1] = 1.5;
    let long = Tokens {
        ids: [ids.clone(), ids.clone()].concat(),
        weights: [vec![1.0; ids.len()], weights].concat(),
        ..Default::default()
    };
    let long = encode(directory(), long);
    let (first, second) = long.split_at(alone.len());
    assert!(relative_error(first, &alone) < 1e-6);
    // The weighted token grows by its weight relative to the others, and the mean of all values stays.
    let width = alone.len() / ids.len();
    let factor = second[0] / alone[0];
    assert!((second[width] / alone[width] / factor - 1.5).abs() < 1e-4);
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    assert!((mean(second) - mean(&alone)).abs() < 1e-5);
}

#[test]
fn a_layer_that_the_encoder_does_not_have_is_refused_by_its_number() {
    let golden = Golden::new("sd21");
    for skip in [0, 4, usize::MAX] {
        let refused = golden.directory().with_clip_skip(skip).unwrap_err();
        let message = refused.to_string();
        assert!(
            message.contains(&format!("clip skip is {skip}")),
            "{message}"
        );
        assert!(message.contains("3 layers"), "{message}");
    }
}

#[test]
fn an_exported_text_encoder_takes_no_clip_skip() {
    let golden = Golden::new("sd21");
    let encoder = golden.folder().join("text_encoder");
    for entry in fs::read_dir(&encoder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "safetensors")
        {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(encoder.join("model.onnx"), "a graph").unwrap();
    assert!(golden.directory().with_clip_skip(1).is_ok());
    let refused = golden
        .directory()
        .with_clip_skip(2)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("graph that was exported"), "{refused}");
}
