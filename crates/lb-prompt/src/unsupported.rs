//! Marks of other programs that have no counterpart here.

use crate::error::{PromptError, Unsupported, excerpt};
use crate::parse::{Mark, marks, word};

/// What other programs give a meaning, and is read as words here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum ReadAsWords {
    /// `AND` between prompts, which are combined.
    And,
    /// `embedding:name` with a name that no embedding has.
    Embedding,
}

impl ReadAsWords {
    /// What of this kind a prompt has, each once. The word `AND` counts only in prompts that are not written
    /// in capitals altogether. `is_embedding` says whether a text, which follows `embedding:`, begins with the name
    /// of a known embedding.
    #[must_use]
    pub fn of(prompt: &str, is_embedding: impl Fn(&str) -> bool) -> Vec<Self> {
        let mut found = Vec::new();
        if word(prompt, "AND").is_some() && prompt.chars().any(char::is_lowercase) {
            found.push(Self::And);
        }
        let names_file = |(at, tag): (usize, &str)| {
            let behind = &prompt[at + tag.len()..];
            let is_name =
                behind.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
            is_name && !is_embedding(behind)
        };
        if prompt.match_indices("embedding:").any(names_file) {
            found.push(Self::Embedding);
        }
        found
    }
}

/// The beginnings of the tags that load a file.
const FILE_TAGS: [&str; 3] = ["<lora:", "<lyco:", "<hypernet:"];

/// An open bracket.
struct Open {
    bracket: char,
    at: usize,
    /// Where the text behind its last colon begins.
    last_colon: Option<usize>,
    has_bar: bool,
}

/// Refuses marks that change a prompt from step to step, or that load files.
pub(crate) fn refuse(prompt: &str) -> Result<(), PromptError> {
    let refused = |mark: &str, kind| {
        let mark = excerpt(mark);
        Err(PromptError::Unsupported { mark, kind })
    };
    let mut open: Vec<Open> = Vec::new();
    let mut escaped: Vec<usize> = Vec::new();
    for (at, mark) in marks(prompt) {
        match mark {
            Mark::Escaped(_) => escaped.push(at + 1),
            Mark::Bracket(bracket @ ('(' | '[')) => open.push(Open {
                bracket,
                at,
                last_colon: None,
                has_bar: false,
            }),
            Mark::Bracket(']') => {
                // A round bracket that was left open inside does not count.
                let Some(opened) = open.iter().rposition(|open| open.bracket == '[') else {
                    continue;
                };
                let bracket = &open[opened];
                let whole = &prompt[bracket.at..=at];
                let tail = bracket.last_colon.map(|colon| prompt[colon..at].trim());
                if bracket.has_bar {
                    return refused(whole, Unsupported::Alternating);
                }
                if tail.is_some_and(|tail| tail.parse::<f64>().is_ok()) {
                    return refused(whole, Unsupported::Scheduled);
                }
                open.truncate(opened);
            }
            Mark::Bracket(_) | Mark::Weight(..)
                if open.last().is_some_and(|open| open.bracket == '(') =>
            {
                open.pop();
            }
            Mark::Bracket(_) => {}
            Mark::Weight(text, _) | Mark::Text(text) => {
                if let Some(open) = open.last_mut() {
                    open.has_bar |= text.contains('|');
                    if text.starts_with(':') {
                        open.last_colon = Some(at + 1);
                    }
                }
            }
        }
    }
    for tag in FILE_TAGS {
        for (at, _) in prompt.match_indices(tag) {
            if let Some(end) = prompt[at..].find('>')
                && escaped.binary_search(&at).is_err()
            {
                return refused(&prompt[at..=at + end], Unsupported::File);
            }
        }
    }
    Ok(())
}
