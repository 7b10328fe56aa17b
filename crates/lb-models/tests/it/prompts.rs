//! Prompts with weights and of any length, compared with PyTorch: see `tests/golden/prompts.py`.

use std::path::{Path, PathBuf};

use lb_models::testing::{copy_folder, write_tiny_model};
use lb_models::{
    Device, ModelDirectory, Pipeline, PipelineOptions, Prompt, PromptSyntax, SessionOptions, Tokens,
};
use serde::Deserialize;

use crate::surroundings::{pipeline, pool};

#[derive(Deserialize)]
struct Goldens {
    stride: usize,
    sd1: Vec<Golden>,
    sd2: Vec<Golden>,
    pocket: Vec<Golden>,
}

#[derive(Deserialize)]
struct Golden {
    prompt: String,
    ids: Vec<i64>,
    weights: Vec<f32>,
    values: Vec<f32>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/prompts")
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../golden/prompts/golden.json")).unwrap()
}

fn tokenize(pipeline: &Pipeline, prompt: &str) -> Tokens {
    let prompt = Prompt::read(prompt, PromptSyntax::Weighted).unwrap();
    pipeline.tokenize_prompt(&prompt).unwrap()
}

/// A tiny model with the text encoder and the tokenizer of this name.
fn tiny(kind: &str, name: &str) -> (Pipeline, tempfile::TempDir) {
    let model = tempfile::tempdir().unwrap();
    write_tiny_model(kind, model.path()).unwrap();
    for part in ["text_encoder", "tokenizer"] {
        std::fs::remove_dir_all(model.path().join(part)).unwrap();
        copy_folder(&folder().join(name).join(part), &model.path().join(part)).unwrap();
    }
    let options = PipelineOptions::from(SessionOptions::new(Device::Cpu).with_threads(1));
    let directory = ModelDirectory::open(model.path()).unwrap();
    let side = directory.side_multiple;
    let pipeline = Pipeline::open(&pool(), directory, side, side, options).unwrap();
    (pipeline, model)
}

/// The largest difference of the conditioning from PyTorch's.
fn compare(pipeline: &mut Pipeline, goldens: &[Golden], stride: usize) -> f32 {
    let mut largest = 0.0_f32;
    let tokens: Vec<Tokens> = goldens
        .iter()
        .map(|golden| tokenize(pipeline, &golden.prompt))
        .collect();
    for (tokens, golden) in tokens.iter().zip(goldens) {
        assert_eq!(tokens.ids, golden.ids, "{}", golden.prompt);
        match tokens.weights.is_empty() {
            true => assert!(golden.weights.iter().all(|&weight| weight == 1.0)),
            false => assert_eq!(tokens.weights, golden.weights, "{}", golden.prompt),
        }
        assert_eq!(tokens.cut, None);
    }
    // In one call, so that chunks of several prompts share batches.
    let encoded = pipeline.encode(&tokens).unwrap();
    for (encoded, golden) in encoded.iter().zip(goldens) {
        assert_eq!(encoded.tokens, golden.ids.len());
        let values = encoded.values.iter().step_by(stride);
        assert_eq!(values.len(), golden.values.len());
        for (value, expected) in values.zip(&golden.values) {
            let difference = (value - expected).abs() / expected.abs().max(1.0);
            assert!(difference <= 1e-5, "{}: {value} {expected}", golden.prompt);
            largest = largest.max(difference);
        }
    }
    largest
}

#[test]
fn weighted_and_long_prompts_are_encoded_as_pytorch_does_it() {
    let Goldens {
        stride,
        sd1,
        sd2,
        pocket,
    } = goldens();
    let (mut first, _first) = tiny("sd15", "sd1");
    let (mut second, _second) = tiny("sd21", "sd2");
    let largest = [
        compare(&mut first, &sd1, stride),
        compare(&mut second, &sd2, stride),
        compare(&mut pipeline(None), &pocket, stride),
    ];
    println!("largest differences from PyTorch: {largest:?}");
}

#[test]
fn a_prompt_without_marks_is_encoded_as_plain_text() {
    let mut pipeline = pipeline(None);
    for prompt in ["a red apple", "a smile :)", "", "(a red apple:1.0)"] {
        let plain = prompt.replace("(a red apple:1.0)", "a red apple");
        let plain = pipeline.tokenize(&plain).unwrap();
        let weighted = tokenize(&pipeline, prompt);
        assert_eq!(weighted, plain, "{prompt}");
        let encoded = pipeline.encode(&[weighted, plain]).unwrap();
        assert_eq!(encoded[0].values, encoded[1].values);
    }
}

#[test]
fn only_a_plain_prompt_is_cut_and_only_an_endless_one_is_refused() {
    let pipeline = pipeline(None);
    let long = "a red apple ".repeat(40);
    let read = |text: &str, syntax| Prompt::read(text, syntax).unwrap();
    let plain = read(&long, PromptSyntax::Plain);
    let plain = pipeline.tokenize_prompt(&plain).unwrap();
    assert_eq!((plain.ids.len(), plain.cut.is_some()), (77, true));
    let whole = tokenize(&pipeline, &long);
    assert_eq!((whole.ids.len(), whole.cut), (2 * 77, None));
    assert_eq!(whole.ids[..76], plain.ids[..76]);
    let endless = read(&"apple ".repeat(40 * 75), PromptSyntax::Weighted);
    let refused = pipeline.tokenize_prompt(&endless).unwrap_err().to_string();
    assert_eq!(
        refused,
        "a prompt has 40 chunks of tokens; at most 32 are allowed"
    );
}
