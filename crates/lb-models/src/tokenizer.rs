//! Turns prompts into token ids, as OpenCLIP does.
//!
//! The models were trained with OpenCLIP's tokenizer, so its rules apply here, even where other ports
//! differ. Text is repaired and HTML-unescaped twice, its white space collapsed, and its letters made
//! lower case. `!` is an ordinary token, and `<|endoftext|>` in a prompt is plain text. [Tokens that were
//! added](self::added) by fine-tuning, and the names of embeddings, are found before that.
//!
//! A prompt is one [chunk](self::chunks) of tokens, as many as the text encoder has positions, or several.
//! A plain prompt that is too long is cut before the end token, which stays last.

mod added;
mod chunks;
mod reading;
mod vectors;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use lb_checkpoint::{CheckpointError, ConfigFile, Embedding};
use lb_prompt::{Prompt, PromptPart, PromptSyntax};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior};

use self::added::{AddedToken, Bounds, Meaning, Names};
use self::chunks::Chunks;
pub use self::reading::PromptChunk;
use self::vectors::PromptVectors;
use crate::directory::ModelDirectory;
use crate::error::ModelError;

/// OpenCLIP's word pattern without its special tokens (`open_clip/tokenizer.py`).
const WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// The most bytes of a file with tokens, or with pairs of them. Those of CLIP have up to 4 MB.
const LARGEST_VOCABULARY: u64 = 16 << 20;

/// A byte-pair tokenizer over a model directory's own vocabulary.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    words: Arc<tokenizers::Tokenizer>,
    begin: i64,
    end: i64,
    pad: i64,
    /// The token of a comma between words, behind which a chunk may end early.
    comma: Option<i64>,
    length: usize,
    /// The tokens that were added to the vocabulary, and their names.
    added: Vec<AddedToken>,
    names: Names,
    embeddings: Vec<Arc<Embedding>>,
    /// The id of the first vector of an embedding: the number of rows of the text encoder's table.
    first_vector: i64,
}

/// The token ids of one prompt, in chunks of as many as the text encoder has positions.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tokens {
    /// The ids of all chunks, one after the other: begin token, tokens of the prompt, end token, padding.
    pub ids: Vec<i64>,
    /// What the encoder's state at each id is multiplied by; empty if that is 1 everywhere.
    pub weights: Vec<f32>,
    /// The vectors of embeddings that the prompt names, one after the other. The ids from
    /// [`ModelDirectory::text_vocabulary`] on stand for them.
    pub vectors: Vec<f32>,
    /// The end of a plain prompt that did not fit into one chunk and was cut off, as the model would have
    /// read it.
    pub cut: Option<String>,
    /// How strong each LoRA of the model is when the prompt is encoded; see
    /// [`ModelDirectory::with_loras`](crate::ModelDirectory::with_loras). Without any, all are 0.
    pub lora_strengths: Vec<f32>,
}

impl Tokens {
    /// The same tokens, to be encoded with these strengths of the model's LoRAs.
    #[must_use]
    pub fn with_lora_strengths(self, lora_strengths: Vec<f32>) -> Self {
        Self {
            lora_strengths,
            ..self
        }
    }
}

impl Tokenizer {
    /// Reads the tokenizer of a model, which knows the names of the model's embeddings.
    ///
    /// # Errors
    /// Those of [`Self::open`], [`ModelError::Checkpoint`] for an added token that the text encoder does not
    /// have, and [`ModelError::EmbeddingName`] for an embedding with the name of an added token.
    pub fn of(directory: &ModelDirectory) -> Result<Self, ModelError> {
        Self::without_embeddings(directory)?.with_embeddings(directory)
    }

    /// Reads the tokenizer of a model alone.
    pub(crate) fn without_embeddings(directory: &ModelDirectory) -> Result<Self, ModelError> {
        let tokenizer = Self::open(&directory.tokenizer_folder(), directory.text_length)?;
        for token in &tokenizer.added {
            token.validate(directory.text_vocabulary)?;
        }
        Ok(tokenizer)
    }

    /// The same tokenizer, which also knows the names of the model's embeddings: `name`, and ComfyUI's
    /// `embedding:name`, also with the ending or with the name of a file.
    pub(crate) fn with_embeddings(&self, directory: &ModelDirectory) -> Result<Self, ModelError> {
        let mut tokenizer = self.clone();
        tokenizer.first_vector = directory.text_vocabulary as i64;
        for (index, (name, embedding)) in directory.shared_embeddings().enumerate() {
            let is_added = |token: &AddedToken| clean(&token.content) == clean(name);
            if self.added.iter().any(is_added) {
                let (path, name) = (embedding.path().to_owned(), name.to_owned());
                return Err(ModelError::EmbeddingName { path, name });
            }
            let file = embedding.path().file_name().unwrap_or_default();
            let file = file.to_string_lossy();
            let with_ending = |ending| format!("embedding:{name}.{ending}");
            let names = Embedding::ENDINGS.map(with_ending).into_iter().chain([
                name.to_owned(),
                format!("embedding:{name}"),
                format!("embedding:{file}"),
            ]);
            for name in names {
                let meaning = Meaning::Embedding(index);
                tokenizer.names.add(&name, true, meaning, Bounds::WholeWord);
            }
            tokenizer.embeddings.push(Arc::clone(embedding));
        }
        Ok(tokenizer)
    }

    /// Reads `vocab.json` and `merges.txt` (or the `tokenizer.json` that has both), the special tokens and
    /// the added ones of `folder`.
    ///
    /// `length` is the number of positions of the text encoder (77 in CLIP).
    ///
    /// # Errors
    /// [`ModelError::Checkpoint`] for files that are missing and for special tokens that the
    /// vocabulary lacks, [`ModelError::Unreadable`] for broken files, and [`ModelError::Setting`]
    /// for a length below 2.
    pub fn open(folder: &Path, length: usize) -> Result<Self, ModelError> {
        if length < 2 {
            let allowed = "2 or more: a begin and an end token";
            return Err(ModelError::setting("text length", length, allowed));
        }
        let pairs = read_vocabulary(folder)?;
        let special = SpecialTokens::read(folder)?;
        let id = |key: &'static str, token: &str| {
            tokenizers::Model::token_to_id(&pairs, token)
                .map(i64::from)
                .ok_or_else(|| CheckpointError::Setting {
                    path: folder.join("tokenizer_config.json"),
                    key: key.into(),
                    found: format!("\"{token}\""),
                    expected: "a token of vocab.json".into(),
                })
        };
        let begin = id("bos_token", &special.begin)?;
        let end = id("eos_token", &special.end)?;
        // OpenCLIP pads with id 0, whatever token that is.
        let pad = special.pad.as_deref();
        let pad = pad.map_or(Ok(0), |token| id("pad_token", token))?;
        let comma = tokenizers::Model::token_to_id(&pairs, ",</w>").map(i64::from);
        let mut words = tokenizers::Tokenizer::new(pairs);
        words.with_pre_tokenizer(Some(word_splitter(folder)?));
        let added = AddedToken::read_all(folder, &special)?;
        let mut names = Names::default();
        for token in &added {
            let meaning = Meaning::Token(token.id);
            names.add(&token.content, token.is_normalized, meaning, token.bounds);
        }
        Ok(Self {
            words: Arc::new(words),
            begin,
            end,
            pad,
            comma,
            length,
            added,
            names,
            embeddings: Vec::new(),
            first_vector: i64::MAX,
        })
    }

    /// The ids of a prompt. A [weighted](PromptSyntax::Weighted) one has as many chunks as it needs, and a
    /// [plain](PromptSyntax::Plain) one has one.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for a prompt that the vocabulary cannot express, and [`ModelError::Prompt`] for
    /// one with more than [`MOST_CHUNKS`](lb_prompt::MOST_CHUNKS) chunks.
    pub fn tokenize_prompt(&self, prompt: &Prompt) -> Result<Tokens, ModelError> {
        if prompt.syntax() == PromptSyntax::Plain || self.length == 2 {
            return self.tokenize(&prompt.words());
        }
        let mut chunks = Chunks::new(self);
        let mut vectors = PromptVectors::new(self.first_vector);
        for part in prompt.parts() {
            match part {
                PromptPart::Text { text, weight } => {
                    let weight = *weight as f32;
                    for piece in self.names.pieces(text) {
                        match piece.meaning {
                            Some(Meaning::Token(id)) => chunks.push(id, weight),
                            Some(Meaning::Embedding(index)) => {
                                let ids = vectors.ids(index, &self.embeddings[index]);
                                chunks.push_together(ids, weight);
                            }
                            None => {
                                for &id in self.encode(&piece.text)?.get_ids() {
                                    chunks.push(i64::from(id), weight);
                                }
                            }
                        }
                    }
                }
                PromptPart::Break => chunks.end(),
            }
        }
        let vectors = vectors.into_values();
        Ok(Tokens {
            vectors,
            ..chunks.tokens()?
        })
    }

    fn encode(&self, text: &str) -> Result<tokenizers::Encoding, ModelError> {
        self.words.encode(text, false).map_err(|error| {
            ModelError::setting("prompt", error, "text that the vocabulary can express")
        })
    }

    /// The ids of a prompt without marks, in one chunk.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for a prompt that the vocabulary cannot express.
    pub fn tokenize(&self, prompt: &str) -> Result<Tokens, ModelError> {
        let room = self.length - 2;
        let mut ids = vec![self.begin];
        let mut cut: Option<String> = None;
        let mut vectors = PromptVectors::new(self.first_vector);
        for piece in self.names.pieces(prompt) {
            let left = room + 1 - ids.len();
            match (&mut cut, piece.meaning) {
                (Some(cut), _) => cut.push_str(&piece.text),
                (None, Some(Meaning::Token(_))) if left == 0 => cut = Some(piece.text),
                (None, Some(Meaning::Token(id))) => ids.push(id),
                // All vectors of an embedding, or none.
                (None, Some(Meaning::Embedding(index)))
                    if self.embeddings[index].count() > left =>
                {
                    cut = Some(piece.text);
                }
                (None, Some(Meaning::Embedding(index))) => {
                    ids.extend(vectors.ids(index, &self.embeddings[index]));
                }
                (None, None) => {
                    let encoding = self.encode(&piece.text)?;
                    let words = encoding.get_ids().iter().take(left);
                    ids.extend(words.map(|&id| i64::from(id)));
                    let first = encoding.get_offsets().get(left);
                    cut = first.map(|&(start, _)| piece.text[start..].to_string());
                }
            }
        }
        ids.push(self.end);
        ids.resize(self.length, self.pad);
        Ok(Tokens {
            ids,
            weights: Vec::new(),
            vectors: vectors.into_values(),
            cut,
            lora_strengths: Vec::new(),
        })
    }

    /// The indices of the model's embeddings that a text names.
    #[must_use]
    pub fn embeddings_in(&self, text: &str) -> BTreeSet<usize> {
        let pieces = self.names.pieces(text).into_iter();
        let indices = pieces.filter_map(|piece| match piece.meaning {
            Some(Meaning::Embedding(index)) => Some(index),
            _ => None,
        });
        indices.collect()
    }

    /// A text without the names of added tokens and embeddings that are in it.
    #[must_use]
    pub fn without_names(&self, text: &str) -> String {
        let pieces = self.names.pieces(text).into_iter();
        let texts = pieces.filter(|piece| piece.meaning.is_none());
        let texts: Vec<String> = texts.map(|piece| piece.text).collect();
        texts.join(" ")
    }

    /// The number of tokens in the vocabulary, those that were added included.
    #[must_use]
    pub fn vocabulary_size(&self) -> usize {
        let is_new = |token: &&AddedToken| self.words.token_to_id(&token.content).is_none();
        self.words.get_vocab_size(true) + self.added.iter().filter(is_new).count()
    }
}

fn word_splitter(folder: &Path) -> Result<PreTokenizerWrapper, ModelError> {
    let words = SplitPattern::Regex(WORDS.into());
    let split = Split::new(words, SplitDelimiterBehavior::Removed, true)
        .map_err(|error| ModelError::unreadable(folder, error))?;
    let bytes = ByteLevel::default()
        .add_prefix_space(false)
        .use_regex(false);
    Ok(Sequence::new(vec![split.into(), bytes.into()]).into())
}

/// OpenCLIP's `basic_clean`, `whitespace_clean` and lower-casing.
pub(crate) fn clean(prompt: &str) -> String {
    let repaired = plsfix::fix_text(prompt, None);
    let once = html_escape::decode_html_entities(&repaired);
    let twice = html_escape::decode_html_entities(&once);
    let words: Vec<&str> = twice.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

struct SpecialTokens {
    begin: String,
    end: String,
    pad: Option<String>,
}

/// The settings of `special_tokens_map.json` or `tokenizer_config.json` that are used.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenSettings {
    bos_token: SpecialToken,
    eos_token: SpecialToken,
    pad_token: SpecialToken,
}

/// The text of a token, which is written as it is, or as an object that has it under `content`.
#[derive(Clone, Default)]
struct SpecialToken(Option<String>);

impl<'de> Deserialize<'de> for SpecialToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = value.as_str().or_else(|| value.get("content")?.as_str());
        Ok(Self(text.map(str::to_owned)))
    }
}

impl SpecialTokens {
    fn contains(&self, token: &str) -> bool {
        token == self.begin || token == self.end || self.pad.as_deref() == Some(token)
    }

    fn read(folder: &Path) -> Result<Self, ModelError> {
        let mut sources = Vec::new();
        // The map takes precedence: in Stable Diffusion 2's published directories the two name different
        // pad tokens, and transformers and the training of the models used the map's.
        for name in ["special_tokens_map.json", "tokenizer_config.json"] {
            let path = folder.join(name);
            if path.exists() {
                let settings: TokenSettings = ConfigFile::open(&path)?.parse()?;
                sources.push(settings);
            }
        }
        let first = |token: fn(&TokenSettings) -> &SpecialToken| {
            sources.iter().find_map(|source| token(source).0.clone())
        };
        Ok(Self {
            begin: first(|source| &source.bos_token).unwrap_or_else(|| "<|startoftext|>".into()),
            end: first(|source| &source.eos_token).unwrap_or_else(|| "<|endoftext|>".into()),
            pad: first(|source| &source.pad_token),
        })
    }
}

/// Reads `vocab.json` and `merges.txt` of a folder, or, if there is no `vocab.json`, the
/// `tokenizer.json` that transformers writes in place of both since its version 5.
fn read_vocabulary(folder: &Path) -> Result<BPE, ModelError> {
    let (vocabulary, merges) = (folder.join("vocab.json"), folder.join("merges.txt"));
    let whole = folder.join("tokenizer.json");
    let (vocabulary, merges) = if !vocabulary.exists() && whole.exists() {
        from_one_file(&ConfigFile::open_within(&whole, LARGEST_VOCABULARY)?)?
    } else {
        let vocabulary = tokens(&ConfigFile::open_within(&vocabulary, LARGEST_VOCABULARY)?)?;
        (vocabulary, pairs(&merges)?)
    };
    validate_merges(&vocabulary, &merges)
        .map_err(|reason| ModelError::unreadable(folder, reason))?;
    BPE::builder()
        .vocab_and_merges(vocabulary, merges)
        .end_of_word_suffix("</w>".into())
        .build()
        .map_err(|error| ModelError::unreadable(folder, error))
}

/// Checks that what merges make and what they are made of is in the vocabulary. The library panics at a merge
/// that is longer than every token.
fn validate_merges(vocabulary: &Vocab, merges: &Merges) -> Result<(), String> {
    let mut whole = String::new();
    for (left, right) in merges {
        whole.clear();
        whole.push_str(left);
        whole.push_str(right);
        let tokens = [left, right, &whole];
        if let Some(missing) = tokens
            .iter()
            .find(|token| !vocabulary.contains_key(**token))
        {
            return Err(format!(
                "the token {missing:?} of a merge is not in the vocabulary"
            ));
        }
    }
    Ok(())
}

/// The tokens of a `vocab.json`, and their ids.
fn tokens(file: &ConfigFile) -> Result<Vocab, ModelError> {
    let tokens = file.settings().iter().map(|(token, id)| {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or_else(|| file.refuse(token, "the number of a token"))?;
        Ok((token.clone(), id))
    });
    tokens.collect()
}

/// The pairs of tokens that become one, from the lines of a `merges.txt`.
fn pairs(path: &Path) -> Result<Merges, ModelError> {
    let text = lb_files::read_text(path, LARGEST_VOCABULARY);
    let text = text.map_err(CheckpointError::file("read", path))?;
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.starts_with("#version"));
    let pairs = lines.map(
        |(index, line)| match line.split(' ').collect::<Vec<_>>()[..] {
            [left, right] => Ok((left.to_owned(), right.to_owned())),
            _ => {
                let reason = format!("line {} is not a pair of tokens", index + 1);
                Err(ModelError::unreadable(path, reason))
            }
        },
    );
    pairs.collect()
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

fn from_one_file(file: &ConfigFile) -> Result<(Vocab, Merges), ModelError> {
    let BytePairs { vocab, merges, .. } = file.parse::<TokenizerFile>()?.model;
    let vocabulary: Vocab = vocab.into_iter().collect();
    let merges = merges.into_iter().map(|Merge(left, right)| (left, right));
    let merges: Merges = merges.collect();
    Ok((vocabulary, merges))
}

#[cfg(test)]
mod tests {
    use super::{SpecialTokens, clean};

    #[test]
    fn the_map_of_special_tokens_overrides_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        let configuration = r#"{"pad_token": "<|endoftext|>", "bos_token": {"content": "begin"}}"#;
        write("tokenizer_config.json", configuration).unwrap();
        write("special_tokens_map.json", r#"{"pad_token": "!"}"#).unwrap();
        let special = SpecialTokens::read(folder.path()).unwrap();
        assert_eq!(special.pad.as_deref(), Some("!"));
        assert_eq!(special.begin, "begin");
    }

    #[test]
    fn text_is_cleaned_as_open_clip_does_it() {
        assert_eq!(clean("  A  Red\n\tApple "), "a red apple");
        assert_eq!(clean("salt &amp;amp; pepper"), "salt & pepper");
        assert_eq!(clean("l\u{e2}\u{20ac}\u{2122}apple"), "l'apple");
    }
}
