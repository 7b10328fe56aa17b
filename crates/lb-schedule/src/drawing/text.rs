//! A prompt as a label: one line, not too long, safe inside XML.

/// What half the picture's width holds, in columns of an ordinary letter, also in wide typefaces.
const LONGEST: usize = 34;

/// A prompt, shortened to what fits over half the picture and escaped.
pub(super) fn label(prompt: &str) -> String {
    escape(&shorten(prompt))
}

fn shorten(prompt: &str) -> String {
    let line = prompt.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().map(columns).sum::<usize>() <= LONGEST {
        return line;
    }
    let mut room = LONGEST - 1;
    let mut short: String = line
        .chars()
        .take_while(|&character| {
            let fits = columns(character) <= room;
            room = room.saturating_sub(columns(character));
            fits
        })
        .collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Scripts above the Hangul Jamo are mostly set twice as wide as Latin.
fn columns(character: char) -> usize {
    if character < '\u{1100}' { 1 } else { 2 }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // XML 1.0 has no way to write these.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(
            label("<b>\n  cats & \u{7}dogs</b>"),
            "&lt;b&gt; cats &amp; \u{fffd}dogs&lt;/b&gt;"
        );
    }

    #[test]
    fn long_prompts_are_shortened() {
        assert_eq!(label(&"x".repeat(34)), "x".repeat(34));
        assert_eq!(label(&"x".repeat(35)), format!("{}…", "x".repeat(33)));
        assert_eq!(label(&"梨".repeat(18)), format!("{}…", "梨".repeat(16)));
    }
}
