//! Text that a terminal shows, and never obeys.
//!
//! A terminal takes control characters for commands: they move its cursor, change its title, or write what
//! looks like another line of output. Names, texts and metadata come from files that anybody may have
//! made, so these characters are written as Rust's literals and JSON's strings write them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a terminal obeys this character instead of showing it: the control characters C0, DEL and C1,
/// and those that separate lines or reverse the order in which a line is shown.
pub(crate) fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// The text as a single line.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed, as_literal)
}

/// The text, whose line feeds and tabs are its own and stay.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    escaped(
        text,
        |letter| is_obeyed(letter) && !matches!(letter, '\n' | '\t'),
        as_literal,
    )
}

/// The same value in JSON. Characters that have to be escaped occur only within strings.
pub(super) fn json(text: &str) -> Cow<'_, str> {
    escaped(text, is_obeyed, as_utf16)
}

/// The text with each of these characters as four hexadecimal digits, as in `\u001b`. Strings of JSON and
/// basic strings of TOML mean the same afterwards.
pub(crate) fn in_strings(text: &str) -> Cow<'_, str> {
    escaped(
        text,
        |letter| is_obeyed(letter) && !matches!(letter, '\n' | '\t'),
        as_utf16,
    )
}

/// A text that clap has styled. It keeps its line feeds and colours, and nothing else that a terminal
/// obeys.
pub(super) fn styled(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\u{1b}') {
        let (before, sequence) = rest.split_at(start);
        safe.push_str(&lines(before));
        let end = colour_end(sequence).unwrap_or(0);
        safe.push_str(&sequence[..end]);
        if end == 0 {
            safe.push_str(&line("\u{1b}"));
        }
        rest = &sequence[end.max(1)..];
    }
    safe.push_str(&lines(rest));
    safe
}

/// Where the sequence that a text begins with ends, if it sets colours.
fn colour_end(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|letter: char| !letter.is_ascii_digit() && letter != ';')?;
    parameters[end..].starts_with('m').then_some(end + 3)
}

fn escaped(
    text: &str,
    is_escaped: impl Fn(char) -> bool,
    write: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match is_escaped(letter) {
            true => write(letter, &mut safe),
            false => safe.push(letter),
        }
    }
    safe.into()
}

fn as_literal(letter: char, text: &mut String) {
    text.extend(letter.escape_default());
}

fn as_utf16(letter: char, text: &mut String) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        // Writing into a string does not fail.
        let _ = write!(text, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_and_says_what_it_contains() {
        let hostile = "a\u{1b}[2J\u{9b}31m\r\nerror: \u{7}\u{7f}\u{202e}b\u{2066}\u{2028}\t";
        assert_eq!(
            line(hostile),
            "a\\u{1b}[2J\\u{9b}31m\\r\\nerror: \\u{7}\\u{7f}\\u{202e}b\\u{2066}\\u{2028}\\t"
        );
        let plain = "a red apple, \u{c9}clair, \u{6797}\u{6a8e}, שלום, C:\\new, 👩\u{200d}🎨";
        assert!(matches!(line(plain), Cow::Borrowed(same) if same == plain));
        assert_eq!(lines("a\nb\r\n\u{1b}c"), "a\nb\\r\n\\u{1b}c");
    }

    #[test]
    fn every_character_that_a_terminal_obeys_is_escaped() {
        for letter in (0..0xa0).chain(0x2028..0x2070).filter_map(char::from_u32) {
            let safe = line(&letter.to_string()).into_owned();
            let is_safe = safe.chars().all(|letter| !is_obeyed(letter));
            assert!(is_safe && !safe.is_empty(), "{letter:?}: {safe}");
        }
    }

    #[test]
    fn json_means_the_same() {
        let hostile = "\u{1b}[2J\u{9b}\u{202e}\n\"\u{7f}";
        let text = serde_json::to_string(hostile).unwrap();
        let safe = json(&text);
        assert!(safe.is_ascii(), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), hostile);
    }

    #[test]
    fn only_colours_of_a_styled_text_are_obeyed() {
        let text =
            "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m a\n\u{1b}[2J\u{1b}]0;b\u{7}\u{1b}[38;5;1mc\u{1b}";
        assert_eq!(
            styled(text),
            "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m a\n\\u{1b}[2J\\u{1b}]0;b\\u{7}\u{1b}[38;5;1mc\\u{1b}"
        );
    }
}
