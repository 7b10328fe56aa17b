//! What holds for every prompt.

#![allow(clippy::unwrap_used)]

use lb_prompt::{LARGEST_WEIGHT, MOST_CHUNKS, Prompt, PromptPart, PromptSyntax, ReadAsWords};
use proptest::prelude::*;

/// Text with many marks.
fn marked() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("("),
        Just(")"),
        Just("["),
        Just("]"),
        Just("\\"),
        Just(":"),
        Just("|"),
        Just("<lora:"),
        Just(">"),
        Just("1.3"),
        Just("-2"),
        Just("."),
        Just(" BREAK "),
        Just("AND"),
        Just(","),
        Just(" "),
        Just("a"),
        Just("\u{e9}"),
        Just("\u{3000}"),
        Just("embedding:"),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Text without a mark, in any script.
fn unmarked() -> impl Strategy<Value = String> {
    let has_mark = |text: &String| text.contains("BREAK") || text.contains("<lora");
    "[^()\\[\\]\\\\]{0,60}".prop_filter("a mark", move |text| !has_mark(text))
}

proptest! {
    #[test]
    fn reading_never_fails_otherwise_than_by_an_error(text in prop_oneof![marked(), any::<String>()]) {
        let _ = ReadAsWords::of(&text, |_| false);
        if let Ok(prompt) = Prompt::read(&text, PromptSyntax::Weighted) {
            let mut chunks = 1;
            for part in prompt.parts() {
                match part {
                    PromptPart::Text { weight, .. } => prop_assert!(weight.abs() <= LARGEST_WEIGHT),
                    PromptPart::Break => chunks += 1,
                }
            }
            prop_assert!(chunks <= MOST_CHUNKS && !prompt.parts().is_empty());
            prop_assert!(prompt.words().len() <= text.len() + prompt.parts().len());
        }
    }

    #[test]
    fn text_without_marks_stays_as_it_is(text in unmarked()) {
        prop_assert!(!Prompt::has_marks(&text));
        let read = |syntax| Prompt::read(&text, syntax).unwrap().parts().to_vec();
        prop_assert_eq!(read(PromptSyntax::Weighted), read(PromptSyntax::Plain));
    }

    #[test]
    fn what_is_escaped_is_read_as_it_was(text in prop_oneof![marked(), any::<String>()]) {
        prop_assume!(!text.contains("BREAK"));
        let read = Prompt::read(&Prompt::escape(&text), PromptSyntax::Weighted).unwrap();
        prop_assert_eq!(read.words(), text.clone());
        let part = PromptPart::Text { text, weight: 1.0 };
        prop_assert_eq!(read.parts(), &[part][..]);
    }

    #[test]
    fn a_weight_multiplies_all_text_inside(text in unmarked(), eighths in -24..24_i32) {
        let weight = f64::from(eighths) / 8.0;
        let weighted = Prompt::read(&format!("({text}:{weight})"), PromptSyntax::Weighted).unwrap();
        let part = match text.is_empty() {
            true => PromptPart::Text { text, weight: 1.0 },
            false => PromptPart::Text { text, weight },
        };
        prop_assert_eq!(weighted.parts(), &[part][..]);
    }
}
