//! Embeddings for the models of both families, compared with diffusers.
//!
//! The golden files are written by `tests/golden/embeddings.py`.

use std::fs;
use std::path::{Path, PathBuf};

use lb_blend::{
    BlendOptions, BlendRequest, Blended, DdimSampler, Keyframe, Latents, Transition, blend, noise,
};
use lb_checkpoint::Embedding;
use lb_models::testing::TensorValues;
use lb_models::{
    Device, ModelDirectory, ModelError, ModelPool, Pipeline, PipelineOptions, Prompt, PromptSyntax,
    SessionOptions, Tokenizer, Tokens,
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
/// As in `embeddings.py`.
const PROMPTS: [&str; 7] = [
    "<neg>",
    "a <web> b",
    "<sks> cd",
    "<pair> <web>",
    "<web><web>",
    "ab",
    "<sks> <pair> <neg> a",
];
const LORA_STRENGTH: f32 = 0.7;

fn golden_folder(name: &str) -> PathBuf {
    let folder = workspace().join("crates/lb-models/tests/golden");
    folder.join(name)
}

fn file(family: &str, name: &str) -> PathBuf {
    golden_folder("embeddings").join(family).join(name)
}

/// The files of a family, in an order that is not that of the prompts, and their names.
fn named(family: &str) -> Vec<(PathBuf, String)> {
    let files = [
        ("params.safetensors", "<neg>"),
        ("several.safetensors", "<pair>"),
        ("learned_embeds.bin", "<sks>"),
        ("web-ui.pt", "<web>"),
    ];
    let named = files.map(|(path, name)| (file(family, path), name.to_owned()));
    named.to_vec()
}

fn numbers(family: &str, name: &str) -> Vec<f32> {
    let tensors = safetensors::read(&file(family, "golden.safetensors"));
    let tensor = tensors.into_iter().find(|tensor| tensor.name == name);
    match tensor.unwrap().values {
        TensorValues::Float32(values) => values,
        TensorValues::Int64(_) => panic!("{name} is of floats"),
    }
}

fn with_all(golden: &Golden, family: &str) -> ModelDirectory {
    golden.directory().with_embeddings(named(family)).unwrap()
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

fn tokenize(pipeline: &Pipeline, prompt: &str, syntax: PromptSyntax) -> Tokens {
    let prompt = Prompt::read(prompt, syntax).unwrap();
    pipeline.tokenize_prompt(&prompt).unwrap()
}

fn tokens(pipeline: &Pipeline) -> Vec<Tokens> {
    let prompts = PROMPTS.iter();
    prompts
        .map(|prompt| tokenize(pipeline, prompt, PromptSyntax::Weighted))
        .collect()
}

fn assert_close(family: &str, found: &[lb_blend::Conditioning], golden: &str) {
    let expected = numbers(family, golden);
    let expected = expected.chunks_exact(found[0].values.len());
    assert!(expected.len() >= 4);
    for ((found, expected), prompt) in found.iter().zip(expected).zip(PROMPTS) {
        let error = relative_error(&found.values, expected);
        assert!(
            error <= CONDITIONING_TOLERANCE,
            "{family}, {golden}, {prompt}: {error}"
        );
    }
}

#[test]
fn a_transition_of_prompts_with_embeddings_is_diffusers() {
    for family in FAMILIES {
        let golden = Golden::new(family);
        let mut pipeline = open(&pool(), with_all(&golden, family));
        let prompts = tokens(&pipeline);
        for (prompt, weighted) in PROMPTS.iter().zip(&prompts) {
            assert_eq!(
                tokenize(&pipeline, prompt, PromptSyntax::Plain),
                *weighted,
                "{prompt}"
            );
        }
        let conditionings = pipeline.encode(&prompts).unwrap();
        assert_close(family, &conditionings, "conditionings");

        let [negative, first, second] = [0, 1, 2].map(|at| conditionings[at].clone());
        let keyframes = [first, second].into_iter().zip(golden.seeds());
        let keyframes: Vec<Keyframe> = keyframes
            .map(|(conditioning, seed)| {
                let noise = noise::initial_latents(seed, SHAPE).unwrap();
                Keyframe::new(conditioning, negative.clone(), 3.0, noise)
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
            println!("{family}: {psnr:.1} dB");
            assert!(psnr >= LEAST_PSNR, "{family}: {psnr} dB");
        }
    }
}

#[test]
fn embeddings_and_a_lora_go_together() {
    for family in FAMILIES {
        let golden = Golden::new(family);
        let lora = golden_folder("loras")
            .join(family)
            .join("kohya.safetensors");
        let directory = with_all(&golden, family).with_loras([lora]).unwrap();
        let mut pipeline = open(&pool(), directory);
        let prompts = tokens(&pipeline).into_iter();
        let prompts: Vec<Tokens> = prompts
            .map(|tokens| tokens.with_lora_strengths(vec![LORA_STRENGTH]))
            .collect();
        let conditionings = pipeline.encode(&prompts).unwrap();
        assert_close(family, &conditionings, "changed");
        let (plain, changed) = (numbers(family, "conditionings"), numbers(family, "changed"));
        assert!(relative_error(&plain[..changed.len()], &changed) > 0.01);
    }
}

#[test]
fn prompts_without_embeddings_are_what_they_are_without_the_files() {
    let golden = Golden::new("sd21");
    let pool = ModelPool::new(runtime(), 1 << 30);
    let mut plain = open(&pool, golden.directory());
    let mut with = open(&pool, with_all(&golden, "sd21"));
    let prompt = tokenize(&plain, "ab cd", PromptSyntax::Weighted);
    assert_eq!(tokenize(&with, "ab cd", PromptSyntax::Weighted), prompt);
    let [one, other] = [&mut plain, &mut with].map(|pipeline| {
        let encoded = pipeline.encode(std::slice::from_ref(&prompt)).unwrap();
        encoded[0].values.clone()
    });
    assert_eq!(one, other);
    // One session serves all embeddings.
    assert_eq!(pool.loads(), 2);
    let directory = golden.directory().with_embeddings(named("sd15")).unwrap();
    let mut others = open(&pool, directory);
    let prompt = tokenize(&others, "<web>", PromptSyntax::Weighted);
    others.encode(&[prompt]).unwrap();
    assert_eq!(pool.loads(), 2);
}

#[test]
fn the_order_of_the_files_changes_no_tokens() {
    let golden = Golden::new("sd15");
    let tokens = |files: Vec<(PathBuf, String)>| {
        let directory = golden.directory().with_embeddings(files).unwrap();
        Tokenizer::of(&directory).unwrap()
    };
    let forward = tokens(named("sd15"));
    let backward = tokens(named("sd15").into_iter().rev().collect());
    for prompt in PROMPTS {
        assert_eq!(
            forward.tokenize(prompt).unwrap(),
            backward.tokenize(prompt).unwrap()
        );
    }
    let rows = golden.directory().text_vocabulary as i64;
    let found = forward.tokenize("<sks> <web> <sks>").unwrap();
    assert_eq!(found.ids[1..6], [rows, rows + 1, rows + 2, rows + 3, rows]);
    assert_eq!(found.vectors.len(), 4 * 12);
}

#[test]
fn names_are_whole_words_in_any_case() {
    let golden = Golden::new("sd15");
    let directory = golden.directory();
    let rows = directory.text_vocabulary as i64;
    let style = (file("sd15", "learned_embeds.bin"), "Bad Style".to_owned());
    let tokenizer = Tokenizer::of(&directory.with_embeddings([style]).unwrap()).unwrap();
    let count = |prompt: &str| {
        let ids = tokenizer.tokenize(prompt).unwrap().ids;
        ids.iter().filter(|&&id| id >= rows).count()
    };
    for (prompt, expected) in [
        ("bad style", 1),
        ("a BAD\n  style-b bad style", 2),
        ("embedding:bad style", 1),
        ("embedding:learned_embeds.bin", 1),
        ("embedding:Bad Style.pt, embedding:bad style.SAFETENSORS", 2),
        ("embedding:bad style.ptx", 1),
        ("bad", 0),
    ] {
        assert_eq!(count(prompt), expected, "{prompt}");
    }
    assert!(tokenizer.embeddings_in("bad styles abad style").is_empty());
    assert_eq!(tokenizer.embeddings_in("a Bad Style b").len(), 1);
    assert_eq!(tokenizer.without_names("a Bad Style b"), "a   b");
}

#[test]
fn the_vectors_of_an_embedding_stay_in_one_chunk() {
    let golden = Golden::new("sd15");
    let directory = with_all(&golden, "sd15");
    let rows = directory.text_vocabulary as i64;
    let tokenizer = Tokenizer::of(&directory).unwrap();
    let weighted = |prompt: &str| {
        let prompt = Prompt::read(prompt, PromptSyntax::Weighted).unwrap();
        tokenizer.tokenize_prompt(&prompt).unwrap()
    };
    // A chunk has room for 9 tokens: seven letters, and three vectors, which begin another chunk.
    let tokens = weighted("a b c d a b c (<web>:1.5) d");
    assert_eq!(tokens.ids.len(), 22);
    assert_eq!(tokens.ids[12..16], [rows, rows + 1, rows + 2, 29]);
    assert_eq!(tokens.weights[12..16], [1.5, 1.5, 1.5, 1.0]);
    assert_eq!(weighted("a b c d a b <web>").ids.len(), 11);
    let prompt = Prompt::read("a b c d a b c (<web>:1.5) d", PromptSyntax::Weighted).unwrap();
    let chunks = tokenizer.chunks(&prompt).unwrap().into_iter();
    let chunks: Vec<(usize, String)> = chunks.map(|at| (at.tokens, at.words)).collect();
    assert_eq!(chunks, [(7, "a b c d a b c".into()), (4, "<web> d".into())]);
    let cut = tokenizer.tokenize("a b c d a b c <web> d").unwrap();
    assert_eq!(cut.cut.as_deref(), Some("<web> d"));
    assert_eq!(cut.vectors, [0.0; 0]);
}

fn safetensors_of(tensors: &[(&str, &str, &[usize])], fill: u8) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, dtype, shape) in tensors {
        let begin = end;
        end += if *dtype == "F16" { 2 } else { 4 } * shape.iter().product::<usize>();
        let entry =
            serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, end]});
        header.insert((*name).into(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.resize(bytes.len() + end, fill);
    bytes
}

#[test]
fn a_file_that_is_no_embedding_for_the_model_is_named() {
    let golden = Golden::new("sd21");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("style.safetensors");
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let opened = golden
            .directory()
            .with_embeddings([(&path, "style".to_owned())]);
        opened.unwrap_err().to_string()
    };
    let with = |tensors: &[(&str, &str, &[usize])]| safetensors_of(tensors, 0);
    for (bytes, expected) in [
        (
            with(&[("emb_params", "F32", &[2, 768])]),
            "768 numbers, for Stable Diffusion 1",
        ),
        (
            with(&[("<a>", "F16", &[1024])]),
            "1024 numbers, for Stable Diffusion 2",
        ),
        (with(&[("<a>", "F16", &[1280])]), "for Stable Diffusion XL"),
        (
            with(&[("clip_l", "F32", &[1, 768]), ("clip_g", "F32", &[1, 1280])]),
            "an embedding for Stable Diffusion XL",
        ),
        (
            with(&[("emb_params", "F32", &[10, 12])]),
            "10 vectors; a prompt has room for 9",
        ),
        (
            with(&[("emb_params", "F32", &[1, 2, 12])]),
            "shape [1, 2, 12]",
        ),
        (with(&[("emb_params", "F32", &[0, 12])]), "shape [0, 12]"),
        (with(&[("emb_params", "I32", &[1, 12])]), "I32"),
        (
            safetensors_of(&[("emb_params", "F32", &[1, 12])], 255),
            "not finite",
        ),
        (
            with(&[("lora_unet_conv_in.lora_down.weight", "F32", &[2, 4, 3, 3])]),
            "a LoRA, which --lora takes",
        ),
        (
            with(&[("model.diffusion_model.out.2.bias", "F32", &[4])]),
            "a whole model",
        ),
        (
            with(&[("a", "F32", &[12]), ("b", "F32", &[12])]),
            "not those of one",
        ),
        (with(&[]), "without tensors"),
        (b"neither".to_vec(), "neither"),
    ] {
        let message = refused(&bytes);
        assert!(message.contains(expected), "{message}");
    }
    assert!(matches!(
        golden
            .directory()
            .with_embeddings([(Path::new("missing.pt"), "a".to_owned())]),
        Err(ModelError::Checkpoint(_))
    ));
}

#[test]
fn an_embedding_needs_a_name_of_its_own() {
    let golden = Golden::new("sd21");
    let added = golden.folder().join("tokenizer/added_tokens.json");
    fs::write(added, r#"{"<web>": 39}"#).unwrap();
    let directory = golden.directory();
    let named = |name: &str| {
        let embedding = (file("sd21", "web-ui.pt"), name.to_owned());
        Tokenizer::of(&directory.clone().with_embeddings([embedding]).unwrap())
    };
    let refused = named("<WEB>").unwrap_err().to_string();
    assert!(refused.contains("already"), "{refused}");
    assert!(named("<web>_2").is_ok());
}

#[test]
fn every_form_of_a_file_is_read() {
    for family in FAMILIES {
        let read = |name: &str| Embedding::open(&file(family, name)).unwrap();
        let shapes = [
            ("web-ui.pt", None, 3),
            ("learned_embeds.bin", Some("<sks>"), 1),
            ("several.safetensors", Some("<pair>"), 2),
            ("params.safetensors", None, 2),
        ];
        for (name, token, count) in shapes {
            let embedding = read(name);
            assert_eq!(embedding.token(), token, "{name}");
            assert_eq!(
                (embedding.count(), embedding.width()),
                (count, 12),
                "{name}"
            );
        }
    }
}
