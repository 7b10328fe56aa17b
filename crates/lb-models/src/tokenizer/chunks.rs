//! Splitting long prompts into chunks of tokens.
//!
//! A chunk is what the text encoder reads at once: a begin token, up to 75 tokens of the prompt (in CLIP), an
//! end token, and padding. As in Stable Diffusion's web UI, a chunk that is full ends at its last comma if
//! that is not far back, so that what belongs together stays together.

use std::ops::Range;

use lb_prompt::{MOST_CHUNKS, PromptError};

use super::{Tokenizer, Tokens};
use crate::error::ModelError;

/// The most tokens behind a comma that move to the next chunk.
const LOOK_BACK: usize = 20;

/// The chunks of a prompt so far.
pub(super) struct Chunks<'t> {
    tokenizer: &'t Tokenizer,
    /// Ids and weights of the chunks that are complete.
    complete: (Vec<i64>, Vec<f32>),
    /// The tokens of the prompt in the chunk that is not.
    open: Vec<(i64, f32)>,
    /// The place behind the last comma in it.
    behind_comma: Option<usize>,
}

impl<'t> Chunks<'t> {
    pub(super) fn new(tokenizer: &'t Tokenizer) -> Self {
        Self {
            tokenizer,
            complete: (Vec::new(), Vec::new()),
            open: Vec::new(),
            behind_comma: None,
        }
    }

    /// Adds a token of the prompt.
    pub(super) fn push(&mut self, id: i64, weight: f32) {
        let room = self.tokenizer.length - 2;
        let is_comma = self.tokenizer.comma == Some(id);
        if self.open.len() == room {
            let moved = match self.behind_comma {
                // A comma itself does not move: it would begin the next chunk.
                Some(behind) if !is_comma && room - behind < LOOK_BACK => {
                    self.open.split_off(behind)
                }
                _ => Vec::new(),
            };
            self.end();
            self.open = moved;
        }
        self.open.push((id, weight));
        if is_comma && self.open.len() > 1 {
            self.behind_comma = Some(self.open.len());
        }
    }

    /// Adds the tokens of an embedding, which are no more than a chunk has room for, all to the same chunk.
    pub(super) fn push_together(&mut self, ids: Range<i64>, weight: f32) {
        let count = (ids.end - ids.start) as usize;
        if self.open.len() + count > self.tokenizer.length - 2 {
            self.end();
        }
        self.open.extend(ids.map(|id| (id, weight)));
    }

    /// Ends the chunk, which may be empty.
    pub(super) fn end(&mut self) {
        let Tokenizer {
            begin, end, length, ..
        } = *self.tokenizer;
        let (ids, weights) = &mut self.complete;
        let until = ids.len() + length;
        ids.push(begin);
        weights.push(1.0);
        for (id, weight) in self.open.drain(..) {
            ids.push(id);
            weights.push(weight);
        }
        ids.push(end);
        ids.resize(until, self.tokenizer.pad);
        weights.resize(until, 1.0);
        self.behind_comma = None;
    }

    /// The tokens of the whole prompt. What follows the last break is a chunk only if it is not empty.
    pub(super) fn tokens(mut self) -> Result<Tokens, ModelError> {
        if !self.open.is_empty() || self.complete.0.is_empty() {
            self.end();
        }
        let (ids, mut weights) = self.complete;
        let chunks = ids.len() / self.tokenizer.length;
        if chunks > MOST_CHUNKS {
            return Err(PromptError::Chunks { found: chunks }.into());
        }
        if weights.iter().all(|&weight| weight == 1.0) {
            weights.clear();
        }
        Ok(Tokens {
            ids,
            weights,
            ..Default::default()
        })
    }
}
