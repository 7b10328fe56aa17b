//! A tokenizer's vocabulary and merges, in the two forms in which transformers writes them.

use std::collections::HashMap;
use std::path::Path;

use lb_checkpoint::{CheckpointError, ConfigFile};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;
use tokenizers::models::bpe::{BPE, BpeBuilder, Merges, Vocab};

use crate::error::ModelError;

/// Reads `vocab.json` and `merges.txt` of a folder, or, if there is no `vocab.json`, the
/// `tokenizer.json` that transformers writes in place of both since its version 5.
pub(crate) fn read(folder: &Path) -> Result<BPE, ModelError> {
    let (vocabulary, merges) = (folder.join("vocab.json"), folder.join("merges.txt"));
    let whole = folder.join("tokenizer.json");
    let pairs = if !vocabulary.exists() && whole.exists() {
        from_one_file(&ConfigFile::open(&whole)?)?
    } else {
        for path in [&vocabulary, &merges] {
            lb_files::validate_regular(path).map_err(CheckpointError::file("read", path))?;
        }
        BPE::from_file(&vocabulary.to_string_lossy(), &merges.to_string_lossy())
    };
    pairs
        .end_of_word_suffix("</w>".into())
        .build()
        .map_err(|error| ModelError::unreadable(folder, error))
}

/// The part of `tokenizer.json` that is used.
#[derive(Deserialize)]
struct TokenizerFile {
    model: BytePairs,
}

#[derive(Deserialize)]
struct BytePairs {
    #[serde(rename = "type", default)]
    _kind: Kind,
    vocab: HashMap<String, u32>,
    merges: Vec<Merge>,
}

/// The kind of tokenizer: the one that CLIP has.
#[derive(Default, Deserialize)]
enum Kind {
    #[default]
    #[serde(rename = "BPE")]
    BytePairs,
}

/// Two tokens that become one: a list of two, or, before tokenizers 0.20, a text with a space
/// between them.
struct Merge(String, String);

impl<'de> Deserialize<'de> for Merge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let pair = match &value {
            Value::String(text) => text.split_once(' '),
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(left), Value::String(right)] => Some((&left[..], &right[..])),
                _ => None,
            },
            _ => None,
        };
        let (left, right) = pair.ok_or_else(|| D::Error::custom("a list of pairs of tokens"))?;
        Ok(Self(left.to_owned(), right.to_owned()))
    }
}

fn from_one_file(file: &ConfigFile) -> Result<BpeBuilder, ModelError> {
    let BytePairs { vocab, merges, .. } = file.parse::<TokenizerFile>()?.model;
    let vocabulary: Vocab = vocab.into_iter().collect();
    let merges: Merges = merges
        .into_iter()
        .map(|Merge(left, right)| (left, right))
        .collect();
    Ok(BPE::builder().vocab_and_merges(vocabulary, merges))
}
