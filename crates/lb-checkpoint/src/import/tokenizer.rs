//! CLIP's tokenizer, which checkpoints in one file do not carry.

use std::io::Read as _;

use serde_json::{Map, Value, json};

/// CLIP's merges, gzipped; where they come from: `assets/README.md`.
const MERGES: &[u8] = include_bytes!("../../assets/clip_merges.txt.gz");

/// Entries of the vocabulary: single bytes, the same at a word's end, merges, two special tokens.
pub(super) const VOCABULARY: usize = 256 + 256 + 48_894 + 2;

const BEGIN: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// What stands after a prompt's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// Token 0, which is `!`: OpenCLIP's, of Stable Diffusion 2.
    First,
    /// The end token: CLIP's, of Stable Diffusion 1.
    End,
}

/// The files of a tokenizer folder, by name.
///
/// # Errors
/// When the merges cannot be unpacked, which no input can bring about.
pub(super) fn files(padding: Padding) -> std::io::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut merges = String::new();
    flate2::read::GzDecoder::new(MERGES).read_to_string(&mut merges)?;
    let pad = match padding {
        Padding::First => "!",
        Padding::End => END,
    };
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
        (
            "special_tokens_map.json",
            super::description::pretty(&special),
        ),
        ("tokenizer_config.json", super::description::pretty(&config)),
    ])
}

/// Tokens by id: bytes, bytes at a word's end, merges in their order, the special ones (OpenCLIP's
/// `SimpleTokenizer`).
fn vocabulary(merges: &str) -> Map<String, Value> {
    let bytes = letters_of_bytes();
    let single = bytes.iter().map(char::to_string);
    let at_end = bytes.iter().map(|letter| format!("{letter}</w>"));
    let merged = merges.lines().skip(1).map(|pair| pair.replace(' ', ""));
    let special = [BEGIN, END].map(str::to_owned);
    let tokens = single.chain(at_end).chain(merged).chain(special);
    tokens
        .enumerate()
        .map(|(id, token)| (token, id.into()))
        .collect()
}

/// A visible letter for each byte: those that are one themselves, then the others as letters from
/// 256 on, as GPT-2's tokenizer has it.
fn letters_of_bytes() -> Vec<char> {
    let is_visible = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let (visible, others): (Vec<u8>, Vec<u8>) = (0..=u8::MAX).partition(is_visible);
    let others = (256..)
        .zip(&others)
        .filter_map(|(code, _)| char::from_u32(code));
    visible
        .iter()
        .map(|&byte| char::from(byte))
        .chain(others)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids that OpenCLIP's tokenizer gives.
    #[test]
    fn the_vocabulary_is_clips() {
        let files = files(Padding::First).unwrap();
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
