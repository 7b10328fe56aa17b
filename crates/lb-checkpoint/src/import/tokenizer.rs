//! Writes the files of CLIP's tokenizer, which single-file checkpoints do not contain.

use std::io::Read as _;

use serde_json::{Map, Value, json};

use crate::config::pretty;

/// The merges of CLIP's tokenizer, compressed by gzip. `assets/README.md` says where they come from.
const MERGES: &[u8] = include_bytes!("../../assets/clip_merges.txt.gz");

/// The number of tokens in CLIP's vocabulary: single bytes, single bytes at the end of a word, merges,
/// and two special tokens.
pub(super) const VOCABULARY: usize = 256 + 256 + 48_894 + 2;

const BEGIN: &str = "<|startoftext|>";
pub(super) const END: &str = "<|endoftext|>";

/// Returns the names and contents of the files in a tokenizer's folder. `pad` is the token with which
/// prompts are padded after their end.
///
/// # Errors
/// The merges cannot be unpacked. As they are a part of the program, no input can cause this.
pub(super) fn files(pad: &str) -> std::io::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut merges = String::new();
    flate2::read::GzDecoder::new(MERGES).read_to_string(&mut merges)?;
    let special = json!({
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": pad,
        "unk_token": END,
    });
    let mut config = json!({
        "add_prefix_space": false,
        "do_lower_case": true,
        "errors": "replace",
        "model_max_length": 77,
        "tokenizer_class": "CLIPTokenizer",
    });
    if let (Some(config), Some(special)) = (config.as_object_mut(), special.as_object()) {
        config.extend(special.clone());
    }
    let vocabulary = json!(vocabulary(&merges));
    Ok(vec![
        ("vocab.json", vocabulary.to_string().into_bytes()),
        ("merges.txt", merges.into_bytes()),
        ("special_tokens_map.json", pretty(&special)),
        ("tokenizer_config.json", pretty(&config)),
    ])
}

/// Maps tokens to their ids. The ids are counted through bytes, bytes at the end of a word, merges in
/// their order, and special tokens, as in OpenCLIP's `SimpleTokenizer`.
fn vocabulary(merges: &str) -> Map<String, Value> {
    let bytes = letters_of_bytes();
    let single = bytes.iter().map(char::to_string);
    let at_end = bytes.iter().map(|letter| format!("{letter}</w>"));
    let merged = merges.lines().skip(1).map(|pair| pair.replace(' ', ""));
    let special = [BEGIN, END].map(str::to_owned);
    let tokens = single.chain(at_end).chain(merged).chain(special);
    let ids = tokens.enumerate().map(|(id, token)| (token, id.into()));
    ids.collect()
}

/// Returns a visible character for each byte, as GPT-2's tokenizer does. Bytes that are visible in
/// Latin-1 come first and represent themselves; the others are represented by the characters from 256.
fn letters_of_bytes() -> Vec<char> {
    let is_visible = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let (visible, others): (Vec<u8>, Vec<u8>) = (0..=u8::MAX).partition(is_visible);
    let others = (256..)
        .zip(&others)
        .filter_map(|(code, _)| char::from_u32(code));
    visible.into_iter().map(char::from).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected ids are those of OpenCLIP's tokenizer.
    #[test]
    fn the_vocabulary_equals_clips() {
        let files = files("!").unwrap();
        let vocabulary: Value = serde_json::from_slice(&files[0].1).unwrap();
        assert_eq!(vocabulary.as_object().unwrap().len(), VOCABULARY);
        let ids = [
            ("!", 0),
            ("!</w>", 256),
            ("a</w>", 320),
            ("photo</w>", 1125),
            ("cat</w>", 2368),
            (BEGIN, 49406),
            (END, 49407),
        ];
        for (token, id) in ids {
            assert_eq!(vocabulary[token], id, "{token}");
        }
    }
}
