//! What the chunks of a prompt contain, for people who write prompts.

use lb_prompt::{Prompt, PromptPart};

use super::Tokenizer;
use super::added::Meaning;
use crate::error::ModelError;

/// A chunk of a prompt as the text encoder reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PromptChunk {
    /// Tokens of the prompt in it, without the begin and end tokens and padding.
    pub tokens: usize,
    /// The words of these tokens, in lower case and without marks.
    pub words: String,
}

impl Tokenizer {
    /// The most tokens of a prompt that a chunk can have: 75 in CLIP.
    #[must_use]
    pub fn chunk_room(&self) -> usize {
        self.length - 2
    }

    /// The chunks of a prompt. What is cut off a plain prompt is in none.
    ///
    /// # Errors
    /// Those of [`Self::tokenize_prompt`].
    pub fn chunks(&self, prompt: &Prompt) -> Result<Vec<PromptChunk>, ModelError> {
        let tokens = self.tokenize_prompt(prompt)?;
        let mut words = self.words_of_tokens(prompt)?.into_iter();
        let chunks = tokens.ids.chunks(self.length).map(|ids| {
            let is_end = |&&id: &&i64| id != self.end;
            let tokens = ids[1..].iter().take_while(is_end).count();
            let words: String = words.by_ref().take(tokens).collect();
            PromptChunk {
                tokens,
                words: words.trim().to_owned(),
            }
        });
        Ok(chunks.collect())
    }

    /// The text of each token, with the white space behind it.
    fn words_of_tokens(&self, prompt: &Prompt) -> Result<Vec<String>, ModelError> {
        let mut words = Vec::new();
        for part in prompt.parts() {
            let PromptPart::Text { text, .. } = part else {
                continue;
            };
            for piece in self.names.pieces(text) {
                let text = piece.text + " ";
                if let Some(meaning) = piece.meaning {
                    // All vectors of an embedding are in one chunk.
                    let further = match meaning {
                        Meaning::Token(_) => 0,
                        Meaning::Embedding(index) => self.embeddings[index].count() - 1,
                    };
                    words.push(text);
                    words.extend(vec![String::new(); further]);
                    continue;
                }
                let encoding = self.encode(text.trim_end())?;
                let starts = encoding.get_offsets().iter().map(|&(start, _)| start);
                let ends = starts.clone().skip(1).chain([text.len()]);
                words.extend(starts.zip(ends).map(|(start, end)| {
                    // A letter that takes several tokens is in the first of them.
                    text.get(start..end).unwrap_or_default().to_owned()
                }));
            }
        }
        Ok(words)
    }
}
