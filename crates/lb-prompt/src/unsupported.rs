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
    /// A number behind a colon that is no weight, as in `(word:1,3)`, `(word:1e3)`, `(word:1.3` or `word:1.3`.
    Number,
    /// `{` and `}`, which stress words or choose between them elsewhere, or a wildcard such as `__animal__`.
    Braces,
    /// `++` or `--` behind a word or a bracket, which give it a weight in other programs.
    Signs,
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
        if has_number_that_is_no_weight(prompt) {
            found.push(Self::Number);
        }
        if prompt.contains(['{', '}']) || has_wildcard(prompt) {
            found.push(Self::Braces);
        }
        if has_signs(prompt) {
            found.push(Self::Signs);
        }
        found
    }
}

/// Whether a fraction stands behind a colon where it is not read as a weight. Whole numbers do not count: they are
/// times and proportions as well.
fn has_number_that_is_no_weight(prompt: &str) -> bool {
    let mut open: usize = 0;
    for (at, mark) in marks(prompt) {
        match mark {
            Mark::Bracket('(') => open += 1,
            Mark::Weight(..) if open == 0 => return true,
            Mark::Weight(..) | Mark::Bracket(')') => open = open.saturating_sub(1),
            Mark::Text(text)
                if text.starts_with(':') && starts_with_fraction(&prompt[at + 1..]) =>
            {
                return true;
            }
            _ => {}
        }
    }
    false
}

/// Whether a text begins with a number that has a decimal point or comma, or an exponent.
fn starts_with_fraction(text: &str) -> bool {
    let text = text.trim_start();
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let behind = text.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let has_digits = behind.len() < text.len();
    let begins_with_digit = |text: &str| text.starts_with(|digit: char| digit.is_ascii_digit());
    if let Some(fraction) = behind.strip_prefix('.') {
        return begins_with_digit(fraction);
    }
    let rest = behind.strip_prefix([',', 'e', 'E']).unwrap_or_default();
    has_digits && begins_with_digit(rest.strip_prefix(['+', '-']).unwrap_or(rest))
}

/// Whether a prompt has a word between two underscores on each side.
fn has_wildcard(prompt: &str) -> bool {
    let parts: Vec<&str> = prompt.split("__").collect();
    let is_name = |part: &&str| {
        part.starts_with(char::is_alphanumeric) && !part.contains(char::is_whitespace)
    };
    let [_, closed @ .., _] = parts.as_slice() else {
        return false;
    };
    closed.iter().any(is_name)
}

/// Whether two or more signs of a kind end a word or a pair of brackets.
fn has_signs(prompt: &str) -> bool {
    let is_separator = |letter: char| letter.is_whitespace() || letter == ',';
    prompt.split(is_separator).any(|word| {
        let stem = word.trim_end_matches(['+', '-']);
        let signs = &word[stem.len()..];
        let letters = stem
            .chars()
            .rev()
            .take_while(|letter| letter.is_alphabetic());
        // The name of a programming language, or a mark, has a single letter.
        let is_stressed = stem.ends_with(')') || letters.count() > 1;
        is_stressed && (signs.starts_with("++") || signs.starts_with("--"))
    })
}

/// The names of the tags that load a file, in small letters.
const FILE_TAGS: [&str; 5] = ["lora", "lyco", "loha", "locon", "hypernet"];

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
    for (at, _) in prompt.match_indices('<') {
        let Some(end) = prompt[at..].find('>') else {
            break;
        };
        let name = prompt[at + 1..at + end].split_once(':');
        let name = name.map(|(name, _)| name.trim().to_ascii_lowercase());
        if name.is_some_and(|name| FILE_TAGS.contains(&name.as_str()))
            && escaped.binary_search(&at).is_err()
        {
            return refused(&prompt[at..=at + end], Unsupported::File);
        }
    }
    Ok(())
}
