//! The vectors of embeddings in a prompt.

use std::collections::BTreeMap;
use std::ops::Range;

use lb_checkpoint::Embedding;

/// The vectors that a prompt needs, each embedding's once, in the order in which the prompt names them. The same
/// prompt therefore has the same ids, whatever other embeddings there are.
pub(super) struct PromptVectors {
    /// The id of the first vector: the number of rows of the text encoder's table.
    first: i64,
    vectors: Vec<f32>,
    /// The ids of each embedding, by its index.
    known: BTreeMap<usize, Range<i64>>,
}

impl PromptVectors {
    pub(super) fn new(first: i64) -> Self {
        Self {
            first,
            vectors: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// The ids that stand for the vectors of an embedding.
    pub(super) fn ids(&mut self, index: usize, embedding: &Embedding) -> Range<i64> {
        if let Some(known) = self.known.get(&index) {
            return known.clone();
        }
        let begin = self.first + (self.vectors.len() / embedding.width()) as i64;
        let ids = begin..begin + embedding.count() as i64;
        self.vectors.extend(embedding.vectors());
        self.known.insert(index, ids.clone());
        ids
    }

    /// The vectors, one after the other.
    pub(super) fn into_values(self) -> Vec<f32> {
        self.vectors
    }
}
