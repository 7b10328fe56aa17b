//! Tokens that fine-tuning added to a tokenizer, such as `<toy>`, and the names of embeddings.
//!
//! An added token is a row of the text encoder like all others, and an embedding is vectors that it lacks, but no
//! merges lead to them: their names are looked for in a prompt before the rest of it is split into words. The longest name that begins at a place counts. As in
//! transformers, a name is looked for in the prompt as it is written, or, if it is *normalized*, in lower
//! case. White space beside a name never makes tokens here, so `lstrip` and `rstrip` change nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lb_checkpoint::{CheckpointError, ConfigFile};
use serde::Deserialize;

use super::{LARGEST_VOCABULARY, SpecialTokens, clean};
use crate::error::ModelError;

/// Names, and what they mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Those that are looked for in a prompt as it is written, by their first letter, the longest first.
    as_written: BTreeMap<char, Vec<Name>>,
    /// Those that are looked for in cleaned text.
    cleaned: BTreeMap<char, Vec<Name>>,
}

#[derive(Clone, Debug)]
struct Name {
    text: String,
    meaning: Meaning,
    bounds: Bounds,
}

/// What a name means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// The token with this id.
    Token(i64),
    /// The embedding with this index.
    Embedding(usize),
}

/// What may stand beside a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bounds {
    /// Anything.
    Any,
    /// Nothing that belongs to a word.
    SingleWord,
    /// Nothing that would make the name a part of a longer word.
    WholeWord,
}

/// A part of a prompt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Piece {
    /// Cleaned text, or a name as it was found.
    pub(super) text: String,
    /// What it means, if it is a name.
    pub(super) meaning: Option<Meaning>,
}

impl Names {
    /// Adds a name. One that is empty is never found.
    pub(super) fn add(
        &mut self,
        name: &str,
        is_normalized: bool,
        meaning: Meaning,
        bounds: Bounds,
    ) {
        let (names, text) = match is_normalized {
            true => (&mut self.cleaned, clean(name)),
            false => (&mut self.as_written, name.to_owned()),
        };
        let Some(first) = text.chars().next() else {
            return;
        };
        let names = names.entry(first).or_default();
        let shorter = names.partition_point(|known| known.text.len() >= text.len());
        let name = Name {
            text,
            meaning,
            bounds,
        };
        names.insert(shorter, name);
    }

    /// The parts of a text: names, and cleaned text between them.
    pub(super) fn pieces(&self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for (text, meaning) in split(text, &self.as_written) {
            if meaning.is_some() {
                let text = text.to_owned();
                pieces.push(Piece { text, meaning });
                continue;
            }
            for (text, meaning) in split(&clean(text), &self.cleaned) {
                let text = text.to_owned();
                pieces.push(Piece { text, meaning });
            }
        }
        pieces
    }
}

/// Divides a text at the names that are in it.
fn split<'t>(text: &'t str, names: &BTreeMap<char, Vec<Name>>) -> Vec<(&'t str, Option<Meaning>)> {
    let mut parts = Vec::new();
    let (mut begin, mut at) = (0, 0);
    while let Some(letter) = text[at..].chars().next() {
        let mut candidates = names.get(&letter).into_iter().flatten();
        let Some(name) = candidates.find(|name| name.is_at(text, at)) else {
            at += letter.len_utf8();
            continue;
        };
        if begin < at {
            parts.push((&text[begin..at], None));
        }
        begin = at + name.text.len();
        parts.push((&text[at..begin], Some(name.meaning)));
        at = begin;
    }
    if begin < text.len() {
        parts.push((&text[begin..], None));
    }
    parts
}

impl Name {
    fn is_at(&self, text: &str, at: usize) -> bool {
        if !text[at..].starts_with(&self.text) {
            return false;
        }
        let before = text[..at].chars().next_back();
        let behind = text[at + self.text.len()..].chars().next();
        let is_in_word = |letter: Option<char>| letter.is_some_and(is_of_word);
        match self.bounds {
            Bounds::Any => true,
            Bounds::SingleWord => !is_in_word(before) && !is_in_word(behind),
            Bounds::WholeWord => {
                let (first, last) = (self.text.chars().next(), self.text.chars().next_back());
                let goes_on = |one, other| is_in_word(one) && is_in_word(other);
                !goes_on(before, first) && !goes_on(last, behind)
            }
        }
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// A token that was added, as `tokenizer.json` and `tokenizer_config.json` describe it.
#[derive(Clone, Debug, Deserialize)]
struct Description {
    #[serde(default)]
    id: Option<u32>,
    content: String,
    #[serde(default)]
    single_word: bool,
    normalized: Option<bool>,
    #[serde(default)]
    special: bool,
}

/// The part of `tokenizer.json` that is used.
#[derive(Deserialize)]
struct List {
    #[serde(default)]
    added_tokens: Vec<Description>,
}

/// The parts of `tokenizer_config.json` and `special_tokens_map.json` that are used.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Decoder {
    added_tokens_decoder: BTreeMap<String, Description>,
    additional_special_tokens: Vec<super::SpecialToken>,
    extra_special_tokens: serde_json::Value,
}

/// A token that was added.
#[derive(Clone, Debug)]
pub(super) struct AddedToken {
    pub(super) content: String,
    pub(super) id: i64,
    pub(super) is_normalized: bool,
    pub(super) bounds: Bounds,
    /// The file that names it.
    path: PathBuf,
}

impl AddedToken {
    /// Reads the tokens that `tokenizer_config.json`, `added_tokens.json` and `tokenizer.json` add to a folder's
    /// vocabulary. The special tokens, which are the begin token, the end token and the padding, are left out: in
    /// a prompt they are plain text.
    pub(super) fn read_all(
        folder: &Path,
        special: &SpecialTokens,
    ) -> Result<Vec<Self>, ModelError> {
        let mut found: Vec<Self> = Vec::new();
        let mut add = |path: &Path, id: u32, token: &Description| {
            let Description { content, .. } = token;
            if special.contains(content) {
                return Ok(());
            }
            let id = i64::from(id);
            match found.iter().find(|known| known.content == *content) {
                Some(known) if known.id == id => Ok(()),
                Some(known) => Err(ModelError::from(CheckpointError::Setting {
                    path: path.into(),
                    key: content.clone(),
                    found: id.to_string(),
                    expected: format!("{}, as in {}", known.id, known.path.display()),
                })),
                None => {
                    found.push(Self {
                        content: content.clone(),
                        id,
                        is_normalized: token.normalized.unwrap_or(!token.special),
                        bounds: match token.single_word {
                            true => Bounds::SingleWord,
                            false => Bounds::Any,
                        },
                        path: path.into(),
                    });
                    Ok(())
                }
            }
        };
        let mut further_special = BTreeSet::new();
        for name in ["special_tokens_map.json", "tokenizer_config.json"] {
            let path = folder.join(name);
            if !path.exists() {
                continue;
            }
            let file = ConfigFile::open_within(&path, LARGEST_VOCABULARY)?;
            let decoder: Decoder = file.parse()?;
            for (id, token) in &decoder.added_tokens_decoder {
                let id = id.parse().map_err(|_| {
                    file.refuse("added_tokens_decoder", "the number of a token for each key")
                })?;
                add(&path, id, token)?;
            }
            let further = decoder.additional_special_tokens.into_iter();
            further_special.extend(further.filter_map(|token| token.0));
            let extra = decoder.extra_special_tokens.as_array().cloned();
            let extra = extra.into_iter().flatten();
            further_special.extend(extra.filter_map(|token| Some(token.as_str()?.to_owned())));
        }
        let path = folder.join("added_tokens.json");
        if path.exists() {
            for (content, id) in
                super::tokens(&ConfigFile::open_within(&path, LARGEST_VOCABULARY)?)?
            {
                let token = Description {
                    id: None,
                    single_word: false,
                    normalized: None,
                    special: further_special.contains(content.as_str()),
                    content: content.to_string(),
                };
                add(&path, id, &token)?;
            }
        }
        let path = folder.join("tokenizer.json");
        if path.exists() {
            let file = ConfigFile::open_within(&path, LARGEST_VOCABULARY)?;
            for token in file.parse::<List>()?.added_tokens {
                let id = token.id;
                let id = id.ok_or_else(|| file.refuse("added_tokens", "an id for each token"))?;
                add(&path, id, &token)?;
            }
        }
        Ok(found)
    }

    /// Checks that the token has one of the rows of the text encoder's table.
    pub(super) fn validate(&self, rows: usize) -> Result<(), CheckpointError> {
        if usize::try_from(self.id).is_ok_and(|id| id < rows) {
            return Ok(());
        }
        Err(CheckpointError::Setting {
            path: self.path.clone(),
            key: self.content.clone(),
            found: self.id.to_string(),
            expected: format!(
                "the number of one of the text encoder's tokens, of which there are {rows} (vocab_size)"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(names: &[(&str, bool, Bounds)], text: &str) -> Vec<String> {
        let mut all = Names::default();
        for (id, (name, is_normalized, bounds)) in (0..).zip(names) {
            all.add(name, *is_normalized, Meaning::Token(id), *bounds);
        }
        let pieces = all.pieces(text).into_iter();
        let shown = pieces.map(|piece| match piece.meaning {
            Some(Meaning::Token(id)) => format!("{}={id}", piece.text),
            Some(Meaning::Embedding(_)) => unreachable!("there is none"),
            None => piece.text,
        });
        shown.collect()
    }

    #[test]
    fn the_longest_name_counts_and_the_rest_is_cleaned() {
        let names = [
            ("<toy>", false, Bounds::Any),
            ("<toy>_1", false, Bounds::Any),
            ("<Cat>", true, Bounds::Any),
        ];
        let of = |text: &str| pieces(&names, text);
        assert_eq!(of("A  <toy>, b"), ["a", "<toy>=0", ", b"]);
        assert_eq!(
            of("<toy>_1<toy><toy>_2"),
            ["<toy>_1=1", "<toy>=0", "<toy>=0", "_2"]
        );
        assert_eq!(
            of("<TOY> <CAT> <cat>"),
            ["<toy> ", "<cat>=2", " ", "<cat>=2"]
        );
        assert_eq!(of("nothing <to y>"), ["nothing <to y>"]);
        assert_eq!(of(""), [""; 0]);
    }

    #[test]
    fn a_single_word_stands_alone() {
        let names = [("toy", true, Bounds::SingleWord)];
        let of = |text: &str| pieces(&names, text);
        assert_eq!(of("Toy"), ["toy=0"]);
        assert_eq!(of("a toy, (toy)"), ["a ", "toy=0", ", (", "toy=0", ")"]);
        assert_eq!(of("toys atoy toy_1 toy1"), ["toys atoy toy_1 toy1"]);
        assert_eq!(of("toy-1"), ["toy=0", "-1"]);
    }

    #[test]
    fn a_whole_word_may_follow_what_is_no_word() {
        let names = [
            ("<toy>", true, Bounds::WholeWord),
            ("toy", true, Bounds::WholeWord),
        ];
        let of = |text: &str| pieces(&names, text);
        assert_eq!(of("a<toy>b"), ["a", "<toy>=0", "b"]);
        assert_eq!(
            of("toys atoy toy_1 Toy-1"),
            ["toys atoy toy_1 ", "toy=1", "-1"]
        );
    }
}
