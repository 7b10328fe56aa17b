//! Prompts to token ids, with the bundled model's vocabulary.
//!
//! Reads `models/pocket/tokenizer`, or `pocket/tokenizer` in a folder of `LB_MODELS` if the workspace has
//! no models.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use lb_models::Tokenizer;

/// The number of positions of CLIP's text encoder.
const LENGTH: usize = 77;
const SHORT: &str = "a photo of a red apple on a pink background";

criterion_group!(tokenize, open, prompts);
criterion_main!(tokenize);

fn open(criterion: &mut Criterion) {
    let folder = folder();
    criterion.bench_function("tokenize/open", |bencher| {
        bencher.iter(|| Tokenizer::open(black_box(&folder), LENGTH));
    });
}

fn prompts(criterion: &mut Criterion) {
    let tokenizer = Tokenizer::open(&folder(), LENGTH).expect("the bundled model's tokenizer");
    let long = [SHORT; 20].join(", ");
    for (name, prompt) in [
        ("tokenize/10 words", SHORT),
        ("tokenize/200 words, cut", &long),
    ] {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| tokenizer.tokenize(black_box(prompt)));
        });
    }
}

fn folder() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let elsewhere = std::env::var_os("LB_MODELS").unwrap_or_default();
    std::iter::once(workspace)
        .chain(std::env::split_paths(&elsewhere))
        .map(|models| models.join("pocket/tokenizer"))
        .find(|folder| folder.is_dir())
        .expect("there is no models/pocket/tokenizer, nor one in LB_MODELS")
}
