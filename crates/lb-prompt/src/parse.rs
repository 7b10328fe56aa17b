//! Reading marks.
//!
//! The rules are those of the web UI's `parse_prompt_attention`, in its order: a weight closes a round
//! bracket only if one is open, each kind of bracket closes the last open one of its own kind, and parts
//! of equal weight become one.

use crate::error::{PromptError, excerpt};
use crate::{LARGEST_WEIGHT, MOST_CHUNKS, PromptPart, unsupported};

/// What a pair of round brackets multiplies weights by; square ones divide by it.
const STRESS: f64 = 1.1;

/// Whether a backslash in front of this character makes it text.
pub(crate) fn is_escapable(letter: char) -> bool {
    matches!(letter, '(' | ')' | '[' | ']' | '\\' | '<')
}

/// A piece of a prompt.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Mark<'a> {
    /// A character behind a backslash.
    Escaped(&'a str),
    /// `(`, `[`, `)` or `]`.
    Bracket(char),
    /// `:1.3)`: the whole of it, and the number.
    Weight(&'a str, f64),
    /// Any other text.
    Text(&'a str),
}

/// Splits a prompt into its marks and the text between them.
pub(crate) fn marks(text: &str) -> impl Iterator<Item = (usize, Mark<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        let mark = first_mark(rest)?;
        let start = at;
        at += length(&mark);
        Some((start, mark))
    })
}

fn length(mark: &Mark<'_>) -> usize {
    match mark {
        Mark::Escaped(letter) => 1 + letter.len(),
        Mark::Bracket(_) => 1,
        Mark::Weight(text, _) | Mark::Text(text) => text.len(),
    }
}

fn first_mark(rest: &str) -> Option<Mark<'_>> {
    let first = rest.chars().next()?;
    Some(match first {
        '(' | ')' | '[' | ']' => Mark::Bracket(first),
        '\\' if rest[1..].starts_with(is_escapable) => Mark::Escaped(&rest[1..2]),
        '\\' => Mark::Text(&rest[..1]),
        ':' => match weight(rest) {
            Some((length, weight)) => Mark::Weight(&rest[..length], weight),
            None => Mark::Text(&rest[..1]),
        },
        _ => {
            let end = rest.find(['(', ')', '[', ']', '\\', ':']);
            Mark::Text(&rest[..end.unwrap_or(rest.len())])
        }
    })
}

/// The number in `:1.3)`, with or without white space around it, and the length of the whole.
fn weight(rest: &str) -> Option<(usize, f64)> {
    let behind = rest.strip_prefix(':')?.trim_start();
    let is_part = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '+' | '-');
    let end = behind.find(|letter| !is_part(letter))?;
    let number = behind[..end].parse().ok()?;
    let closed = behind[end..].trim_start().strip_prefix(')')?;
    Some((rest.len() - closed.len(), number))
}

/// The parts of a prompt; at least one.
pub(crate) fn parts(text: &str) -> Result<Vec<PromptPart>, PromptError> {
    unsupported::refuse(text)?;
    let mut parts: Vec<PromptPart> = Vec::new();
    // The number of parts in front of each bracket that is open.
    let (mut round, mut square): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    let push = |parts: &mut Vec<PromptPart>, text: &str| parts.push(PromptPart::unweighted(text));
    for (_, mark) in marks(text) {
        match mark {
            Mark::Bracket('(') => round.push(parts.len()),
            Mark::Bracket('[') => square.push(parts.len()),
            Mark::Bracket(')') if !round.is_empty() => multiply(&mut parts, round.pop(), STRESS),
            Mark::Bracket(']') if !square.is_empty() => {
                multiply(&mut parts, square.pop(), 1.0 / STRESS);
            }
            Mark::Weight(_, weight) if !round.is_empty() => {
                multiply(&mut parts, round.pop(), weight);
            }
            Mark::Bracket(letter) => push(&mut parts, letter.encode_utf8(&mut [0; 4])),
            Mark::Escaped(text) => push(&mut parts, text),
            Mark::Weight(text, _) | Mark::Text(text) => {
                let mut between = split_at_breaks(text);
                parts.extend(between.next().map(PromptPart::unweighted));
                for text in between {
                    parts.extend([PromptPart::Break, PromptPart::unweighted(text)]);
                }
            }
        }
    }
    for open in round {
        multiply(&mut parts, Some(open), STRESS);
    }
    for open in square {
        multiply(&mut parts, Some(open), 1.0 / STRESS);
    }
    validate(&parts)?;
    Ok(joined(parts))
}

/// Multiplies the weights of all parts behind a bracket.
fn multiply(parts: &mut [PromptPart], first: Option<usize>, factor: f64) {
    for part in &mut parts[first.unwrap_or_default()..] {
        if let PromptPart::Text { weight, .. } = part {
            *weight *= factor;
        }
    }
}

/// Splits a text at the word `BREAK`, with the white space around it.
fn split_at_breaks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        match word(text, "BREAK") {
            Some(at) => {
                rest = Some(text[at + "BREAK".len()..].trim_start());
                Some(text[..at].trim_end())
            }
            None => rest.take(),
        }
    })
}

/// Where a text has this word by itself.
pub(crate) fn word(text: &str, word: &str) -> Option<usize> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut found = text.match_indices(word).map(|(at, _)| at);
    found
        .find(|&at| !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part))
}

fn validate(parts: &[PromptPart]) -> Result<(), PromptError> {
    let breaks = parts.iter().filter(|part| **part == PromptPart::Break);
    let found = breaks.count() + 1;
    if found > MOST_CHUNKS {
        return Err(PromptError::Chunks { found });
    }
    for part in parts {
        if let PromptPart::Text { text, weight } = part
            && !text.is_empty()
            && !(-LARGEST_WEIGHT..=LARGEST_WEIGHT).contains(weight)
        {
            let (text, found) = (excerpt(text), *weight);
            return Err(PromptError::Weight { text, found });
        }
    }
    Ok(())
}

/// Makes one part of neighbours that have the same weight, and leaves out parts without text.
fn joined(parts: Vec<PromptPart>) -> Vec<PromptPart> {
    let mut joined: Vec<PromptPart> = Vec::new();
    for part in parts {
        match (&part, joined.last_mut()) {
            (PromptPart::Text { text, .. }, _) if text.is_empty() => {}
            (
                PromptPart::Text { text, weight },
                Some(PromptPart::Text {
                    text: before,
                    weight: same,
                }),
            ) if weight == same => before.push_str(text),
            _ => joined.push(part),
        }
    }
    if joined.is_empty() {
        joined.push(PromptPart::unweighted(""));
    }
    joined
}
