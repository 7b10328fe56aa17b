//! A tokenizer's vocabulary and merges, in the two forms that transformers writes them in.

use std::path::Path;

use lb_checkpoint::require_regular_file;
use serde_json::Value;
use tokenizers::models::bpe::{BPE, BpeBuilder, Merges, Vocab};

use crate::config::Config;
use crate::error::ModelError;

/// Reads `vocab.json` and `merges.txt`, or, where there is no `vocab.json`, the `tokenizer.json` that
/// transformers writes in place of both since its version 5.
pub(super) fn read(folder: &Path) -> Result<BPE, ModelError> {
    let (vocabulary, merges) = (folder.join("vocab.json"), folder.join("merges.txt"));
    let whole = folder.join("tokenizer.json");
    let pairs = if !vocabulary.exists() && whole.exists() {
        from_one_file(Config::read(whole)?)?
    } else {
        require_regular_file(&vocabulary)?;
        require_regular_file(&merges)?;
        BPE::from_file(&vocabulary.to_string_lossy(), &merges.to_string_lossy())
    };
    pairs
        .end_of_word_suffix("</w>".into())
        .build()
        .map_err(|error| ModelError::unreadable(folder, error))
}

fn from_one_file(config: Config) -> Result<BpeBuilder, ModelError> {
    let wrong = |key: &str, allowed: &str| config.wrong(key, &"something else", allowed);
    let model = config
        .get("model")
        .ok_or_else(|| wrong("model", "byte pairs"))?;
    if model.get("type").is_some_and(|kind| kind != "BPE") {
        return Err(config.wrong("model.type", &model["type"], "BPE"));
    }
    let vocabulary = model.get("vocab").and_then(vocabulary);
    let vocabulary = vocabulary.ok_or_else(|| wrong("model.vocab", "an object of token ids"))?;
    let merges = model.get("merges").and_then(merges);
    let merges = merges.ok_or_else(|| wrong("model.merges", "a list of pairs of tokens"))?;
    Ok(BPE::builder().vocab_and_merges(vocabulary, merges))
}

fn vocabulary(value: &Value) -> Option<Vocab> {
    let tokens = value.as_object()?.iter();
    let ids = tokens.map(|(token, id)| Some((token.clone(), u32::try_from(id.as_u64()?).ok()?)));
    ids.collect()
}

/// A merge is a list of two tokens; before tokenizers 0.20 it was a text with a space between them.
fn merges(value: &Value) -> Option<Merges> {
    let pair = |merge: &Value| match merge {
        Value::String(text) => {
            let (left, right) = text.split_once(' ')?;
            Some((left.to_owned(), right.to_owned()))
        }
        Value::Array(pair) => match pair.as_slice() {
            [left, right] => Some((left.as_str()?.to_owned(), right.as_str()?.to_owned())),
            _ => None,
        },
        _ => None,
    };
    value.as_array()?.iter().map(pair).collect()
}
