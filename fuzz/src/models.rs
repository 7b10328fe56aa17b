//! The texts of a model directory: configurations, manifest, licence, vocabulary; and prompts.

use lb_checkpoint::{Component, Manifest};
use lb_export::{ExportOptions, StandaloneDecoder, build_graph};
use lb_job::{Choice as _, Prompt, PromptSyntax, ReadAsWords, SamplerKind};
use lb_models::{CaptionWords, ModelDirectory, ModelInspection, Tokenizer};

use crate::scratch::{Scratch, fixture};

/// A tiny model, and an upscaler, whose index and schedules have more settings.
const MODELS: [&str; 2] = [
    "crates/lb-checkpoint/tests/golden/checkpoints/sd2/diffusers",
    "crates/lb-checkpoint/tests/golden/checkpoints/x4/diffusers",
];

/// The configurations of a model directory, with the component whose layers they describe.
const CONFIGURATIONS: [(&str, Option<Component>); 6] = [
    ("unet/config.json", Some(Component::Unet)),
    ("vae/config.json", Some(Component::VaeDecoder)),
    ("text_encoder/config.json", Some(Component::TextEncoder)),
    ("scheduler/scheduler_config.json", None),
    ("model_index.json", None),
    ("low_res_scheduler/scheduler_config.json", None),
];

thread_local! {
    static MODEL: [Scratch; 2] = MODELS.map(Scratch::copy_of);
    static MANIFEST: Scratch = Scratch::copy_of(MODELS[0]);
    static CARD: Scratch = Scratch::new();
    static TOKENIZER: Scratch = Scratch::copy_of(&format!("{}/tokenizer", MODELS[0]));
    static VOCABULARY: Scratch = Scratch::copy_of("models/pocket/tokenizer");
    static PROMPTS: Tokenizer = VOCABULARY.with(|folder| {
        Tokenizer::open(folder.path(), 77).expect("the bundled tokenizer is in order")
    });
}

/// Opens a model with one configuration replaced. The first byte chooses the model and the configuration.
pub(crate) fn configuration(bytes: &[u8]) {
    let Some((&choice, text)) = bytes.split_first() else {
        return;
    };
    let choice = usize::from(choice);
    let (name, component) = CONFIGURATIONS[choice / 2 % CONFIGURATIONS.len()];
    MODEL.with(|models| {
        let model = &models[choice % 2];
        if !model.path().join(name).is_file() {
            return;
        }
        let before = std::fs::read(model.path().join(name)).expect("it was copied");
        model.write(name, text);
        if let Ok(directory) = ModelDirectory::open(model.path()) {
            let _ = directory.latent_shape(64, 64);
            for kind in SamplerKind::ALL {
                let _ = kind.sampler(&directory.schedule, 5);
            }
        }
        if let Some(component) = component {
            let _ = build_graph(model.path(), component, &ExportOptions::default());
        }
        if component == Some(Component::VaeDecoder) {
            let _ = StandaloneDecoder::open(model.path());
            let _ = build_graph(
                model.path(),
                Component::VaeEncoder,
                &ExportOptions::default(),
            );
        }
        model.write(name, &before);
    });
}

pub(crate) fn configuration_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, model) in MODELS.iter().enumerate() {
        for (place, (name, _)) in CONFIGURATIONS.iter().enumerate() {
            if index == 1 || !name.starts_with("low_res") {
                let text = fixture(&format!("{model}/{name}"));
                seeds.push([&[(2 * place + index) as u8], &text[..]].concat());
            }
        }
    }
    let tiny = fixture("crates/lb-export/tests/golden/fixtures/tiny_vae/vae/config.json");
    seeds.push([&[2], &tiny[..]].concat());
    seeds
}

pub(crate) fn manifest(bytes: &[u8]) {
    MANIFEST.with(|model| {
        model.write(Manifest::FILE, bytes);
        if let Ok(manifest) = Manifest::read(model.path()) {
            let _ = manifest.home_of(Manifest::TOKENIZER);
        }
        let _ = ModelDirectory::open(model.path());
    });
}

pub(crate) fn manifest_seeds() -> Vec<Vec<u8>> {
    vec![
        fixture("models/pocket-turbo/lb.toml"),
        b"[defaults]\nsteps = 4\nguidance_scale = 1.5\nsampler = \"tcd\"\nnegative_prompt = \"\"\nsize = \"64x64\"\n"
            .to_vec(),
    ]
}

/// The files beside a model's networks, from which `lb models` takes its licence and its words. The first
/// byte chooses one.
pub(crate) fn licence(bytes: &[u8]) {
    let Some((&choice, text)) = bytes.split_first() else {
        return;
    };
    let names = ["README.md", "LICENSE", CaptionWords::FILE];
    let name = names[usize::from(choice) % names.len()];
    CARD.with(|folder| {
        let path = folder.write(name, text);
        let _ = ModelInspection::of(folder.path());
        if let Ok(Some(words)) = CaptionWords::read(folder.path()) {
            let _ = words.unseen("a red aple beside a pear");
        }
        std::fs::remove_file(path).expect("it was written");
    });
}

pub(crate) fn licence_seeds() -> Vec<Vec<u8>> {
    vec![
        b"\0---\nlicense: creativeml-openrail-m\ntags:\n- a\n---\n# Model\n".to_vec(),
        b"\0---\r\nlicense_name: \"own\"\r\nlicense: other\r\n---\r\n".to_vec(),
        b"\x01MIT License\n\nCopyright".to_vec(),
        b"\x02apple pear\nlemon red\n".to_vec(),
    ]
}

/// The files of a tokenizer. The first byte chooses one.
const VOCABULARIES: [&str; 5] = [
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
];

pub(crate) fn tokenizer(bytes: &[u8]) {
    let Some((&choice, text)) = bytes.split_first() else {
        return;
    };
    let name = VOCABULARIES[usize::from(choice) % VOCABULARIES.len()];
    TOKENIZER.with(|folder| {
        let path = folder.path().join(name);
        let before = std::fs::read(&path).ok();
        folder.write(name, text);
        // A whole `tokenizer.json` takes the place of the vocabulary and its merges.
        let aside = (name == "tokenizer.json").then(|| {
            let vocabulary = folder.path().join("vocab.json");
            let aside = std::fs::read(&vocabulary).expect("it was copied");
            std::fs::remove_file(&vocabulary).expect("it was copied");
            aside
        });
        if let Ok(tokenizer) = Tokenizer::open(folder.path(), 77) {
            let _ = tokenizer.tokenize("a b, ab (c)! caf\u{e9}");
        }
        match before {
            Some(before) => drop(folder.write(name, &before)),
            None => std::fs::remove_file(&path).expect("it was written"),
        }
        if let Some(aside) = aside {
            folder.write("vocab.json", &aside);
        }
    });
}

pub(crate) fn tokenizer_seeds() -> Vec<Vec<u8>> {
    let file = |name: &str| fixture(&format!("{}/tokenizer/{name}", MODELS[0]));
    let whole = r#"{"version": "1.0", "added_tokens": [{"id": 0, "content": "<|a|>", "special": true}],
        "model": {"type": "BPE", "unk_token": "a", "end_of_word_suffix": "</w>",
        "vocab": {"a": 0, "b": 1, "ab": 2, "<|startoftext|>": 3, "<|endoftext|>": 4},
        "merges": ["a b", ["a", "b"]]}}"#;
    let tokens = br#"{"bos_token": "<|startoftext|>", "eos_token": {"content": "<|endoftext|>"}, "pad_token": "!"}"#;
    vec![
        [&[0], &file("vocab.json")[..]].concat(),
        [&[1], &file("merges.txt")[..]].concat(),
        [&[2], &tokens[..]].concat(),
        [&[3], &tokens[..]].concat(),
        [&[4], whole.as_bytes()].concat(),
    ]
}

pub(crate) fn prompt(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    PROMPTS.with(|tokenizer| {
        if let Ok(tokens) = tokenizer.tokenize(&text) {
            assert_eq!(tokens.ids.len(), 77);
        }
    });
    let _ = CaptionWords::of("apple pear lemon").unseen(&text);
}

pub(crate) fn prompt_seeds() -> Vec<Vec<u8>> {
    [
        "a red apple, studio photo",
        "the lion's &amp;lt;b&gt; &#x41;&#65; caf\u{e9} \u{c3}\u{a9} \u{201c}x\u{201d}",
        "\u{130}\u{df}\u{fb01} \u{1f600}\u{200d}\u{0301}<|endoftext|>!! 123",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

pub(crate) fn weighted_prompt(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = ReadAsWords::of(&text, |_| false);
    if let Ok(prompt) = Prompt::read(&text, PromptSyntax::Weighted) {
        PROMPTS.with(|tokenizer| {
            if let Ok(tokens) = tokenizer.tokenize_prompt(&prompt) {
                let count = tokens.ids.len();
                assert!(count > 0 && count.is_multiple_of(77));
                assert!(tokens.weights.is_empty() || tokens.weights.len() == count);
            }
        });
    }
    if !text.contains("BREAK") {
        let escaped = Prompt::read(&Prompt::escape(&text), PromptSyntax::Weighted);
        assert_eq!(escaped.map(|prompt| prompt.words()).as_deref(), Ok(&*text));
    }
}

pub(crate) fn weighted_prompt_seeds() -> Vec<Vec<u8>> {
    [
        r"a ((red:1.3) [apple], \(pear\)) BREAK (leaf:0.5",
        "[cat:dog:0.5] [a|b] <lora:x:1> AND embedding:y",
        "a, b, ".repeat(40).as_str(),
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
