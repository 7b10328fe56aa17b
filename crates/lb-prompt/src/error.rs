//! What is wrong with a prompt.

use crate::{LARGEST_WEIGHT, MOST_CHUNKS};

/// A prompt that cannot be read with weights.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// A mark of other programs that has no counterpart here.
    #[error("{mark:?} {kind}, which lb does not do")]
    Unsupported {
        /// The mark as it is written, shortened.
        mark: String,
        /// The kind of mark.
        kind: Unsupported,
    },
    /// A weight is too large.
    #[error(
        "the weight of {text:?} is {found}; a weight must be from -{LARGEST_WEIGHT} to {LARGEST_WEIGHT}, \
         after those of brackets inside brackets are multiplied"
    )]
    Weight {
        /// The words with this weight, shortened.
        text: String,
        /// The weight.
        found: f64,
    },
    /// There are too many chunks.
    #[error("a prompt has {found} chunks of tokens; at most {MOST_CHUNKS} are allowed")]
    Chunks {
        /// The number of chunks.
        found: usize,
    },
}

/// A kind of mark of other programs that is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::Display)]
#[non_exhaustive]
pub enum Unsupported {
    /// `[from:to:0.5]`, `[word:0.5]` or `[word::0.5]`.
    #[strum(serialize = "changes the prompt from step to step")]
    Scheduled,
    /// `[one|other]`.
    #[strum(serialize = "takes another wording at every step")]
    Alternating,
    /// `<lora:name:1>` and its relatives.
    #[strum(serialize = "loads a file from inside a prompt")]
    File,
}

/// The longest excerpt of a prompt in a message, in characters.
const LONGEST_EXCERPT: usize = 60;

/// The beginning of a text.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(LONGEST_EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
