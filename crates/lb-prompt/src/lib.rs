//! Prompts with weights, read from text.
//!
//! The [weighted](PromptSyntax::Weighted) syntax is that of Stable Diffusion's web UI, for which most
//! shared prompts are written:
//!
//! | mark | meaning |
//! |---|---|
//! | `(words)` | weight × 1.1; brackets inside brackets multiply |
//! | `[words]` | weight ÷ 1.1 |
//! | `(words:1.3)` | weight × 1.3 |
//! | `\(`, `\)`, `\[`, `\]`, `\<`, `\\` | the character itself |
//! | `BREAK` | the rest begins in a new chunk of tokens |
//!
//! A bracket that nothing closes counts to the end of the prompt, and one that nothing opened is text, as is
//! a backslash in front of anything else. A prompt without marks is one part, which is the text as it is.
//!
//! The web UI's marks for changing a prompt from step to step and for loading files are refused, because
//! reading them as words would make another picture than the one that they were written for.
//!
//! ```
//! use lb_prompt::{Prompt, PromptPart, PromptSyntax};
//!
//! # fn main() -> Result<(), lb_prompt::PromptError> {
//! let prompt = Prompt::read("a (red:1.3) apple", PromptSyntax::Weighted)?;
//! let red = PromptPart::Text {
//!     text: "red".into(),
//!     weight: 1.3,
//! };
//! assert_eq!(prompt.parts()[1], red);
//! assert_eq!(prompt.words(), "a red apple");
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod error;
mod parse;
mod syntax;
mod unsupported;

pub use error::{PromptError, Unsupported};
pub use syntax::PromptSyntax;
pub use unsupported::ReadAsWords;

/// The most chunks of a prompt.
pub const MOST_CHUNKS: usize = 32;

/// The largest weight, and without its sign the smallest.
pub const LARGEST_WEIGHT: f64 = 100.0;

/// A prompt that has been read.
#[derive(Clone, PartialEq, Debug)]
pub struct Prompt {
    parts: Vec<PromptPart>,
    syntax: PromptSyntax,
}

/// A part of a prompt.
#[derive(Clone, PartialEq, Debug)]
pub enum PromptPart {
    /// Text whose words all have the same weight.
    Text {
        /// The text without marks, with the white space that it has in the prompt.
        text: String,
        /// The weight, at most [`LARGEST_WEIGHT`] from 0; 1 is that of text without marks.
        weight: f64,
    },
    /// The end of a chunk.
    Break,
}

impl Prompt {
    /// Reads a prompt. Neighbouring parts never have the same weight.
    ///
    /// # Errors
    /// A [`PromptError`] for marks that are not supported, a weight out of range, or too many breaks. A
    /// [plain](PromptSyntax::Plain) prompt has no marks.
    pub fn read(text: &str, syntax: PromptSyntax) -> Result<Self, PromptError> {
        let parts = match syntax {
            PromptSyntax::Plain => vec![PromptPart::unweighted(text)],
            PromptSyntax::Weighted => parse::parts(text)?,
        };
        Ok(Self { parts, syntax })
    }

    /// The parts in their order.
    #[must_use]
    pub fn parts(&self) -> &[PromptPart] {
        &self.parts
    }

    /// How the prompt was read.
    #[must_use]
    pub fn syntax(&self) -> PromptSyntax {
        self.syntax
    }

    /// The prompt's words without its marks. A space separates parts of different weights where the prompt
    /// has none, because words end where the weight changes.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = String::new();
        for part in &self.parts {
            let text = match part {
                PromptPart::Text { text, .. } => text.as_str(),
                PromptPart::Break => "",
            };
            let is_apart = words.is_empty() || words.ends_with(char::is_whitespace);
            if !is_apart && !text.starts_with(char::is_whitespace) {
                words.push(' ');
            }
            words.push_str(text);
        }
        words
    }

    /// Whether reading this text with weights gives something else than the text.
    #[must_use]
    pub fn has_marks(text: &str) -> bool {
        parse::parts(text).map_or(true, |parts| parts != [PromptPart::unweighted(text)])
    }

    /// The text that is read as these words with [`PromptSyntax::Weighted`]: every mark gets a backslash. Only
    /// the word `BREAK` cannot be written.
    #[must_use]
    pub fn escape(words: &str) -> String {
        let mut escaped = String::with_capacity(words.len());
        for letter in words.chars() {
            if parse::is_escapable(letter) {
                escaped.push('\\');
            }
            escaped.push(letter);
        }
        escaped
    }
}

impl PromptPart {
    fn unweighted(text: &str) -> Self {
        Self::Text {
            text: text.to_owned(),
            weight: 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, f64)> {
        let prompt = Prompt::read(text, PromptSyntax::Weighted).unwrap();
        let parts = prompt.parts().iter().map(|part| match part {
            PromptPart::Text { text, weight } => (text.clone(), *weight),
            PromptPart::Break => ("BREAK".into(), 0.0),
        });
        parts.collect()
    }

    fn expect(text: &str, parts: &[(&str, f64)]) {
        let found = read(text);
        let is_equal = |((text, weight), (expected, other)): (&(String, f64), &(&str, f64))| {
            text == expected && (weight - other).abs() < 1e-12
        };
        let are_equal = found.len() == parts.len() && found.iter().zip(parts).all(is_equal);
        assert!(are_equal, "{text}: {found:?}");
    }

    fn refused(text: &str) -> String {
        let refused = Prompt::read(text, PromptSyntax::Weighted).unwrap_err();
        assert!(Prompt::read(text, PromptSyntax::Plain).is_ok());
        assert!(Prompt::has_marks(text));
        refused.to_string()
    }

    #[test]
    fn weights_are_those_of_the_web_ui() {
        expect(
            "a (red) apple",
            &[("a ", 1.0), ("red", 1.1), (" apple", 1.0)],
        );
        expect("a (red:1.0) apple", &[("a red apple", 1.0)]);
        expect("((a)) [b]", &[("a", 1.21), (" ", 1.0), ("b", 1.0 / 1.1)]);
        expect("(a: +.5 )(b:-2)", &[("a", 0.5), ("b", -2.0)]);
        expect(
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            &[
                ("a ", 1.0),
                ("house", 1.573),
                (" ", 1.1),
                ("on", 1.0),
                (" a ", 1.1),
                ("hill", 0.55),
                (", sun, ", 1.1),
                ("sky", 1.4641),
                (".", 1.1),
            ],
        );
        expect("(open", &[("open", 1.1)]);
        expect("[open", &[("open", 1.0 / 1.1)]);
        expect("(one)(two)", &[("onetwo", 1.1)]);
        expect("(", &[("", 1.0)]);
        expect("", &[("", 1.0)]);
    }

    #[test]
    fn what_only_looks_like_a_mark_is_text() {
        for text in [
            "a smile :)",
            "closed) and closed]",
            "at 12:30",
            "ratio 3:4)",
            r"a \ b".trim_start_matches("none"),
            "one|other",
            "breaks BREAKFAST break",
            "a < b > c, <3",
        ] {
            let expected = text.replace(r"\\", r"\");
            expect(text, &[(&expected, 1.0)]);
        }
        expect(r"back\slash \_", &[(r"back\slash \_", 1.0)]);
        expect("(a:1.2.3)", &[("a:1.2.3", 1.1)]);
        expect("(a:b:1.2)", &[("a:b", 1.2)]);
        assert!(!Prompt::has_marks("a smile :)"));
        assert!(Prompt::has_marks("(a)") && Prompt::has_marks(r"\("));
    }

    #[test]
    fn a_backslash_makes_a_mark_text() {
        expect(r"saber \(fate\)", &[("saber (fate)", 1.0)]);
        expect(r"\[a:b:0.5\] \<lora:x:1>", &[("[a:b:0.5] <lora:x:1>", 1.0)]);
        expect(r"(a \) b:1.3)", &[("a ) b", 1.3)]);
    }

    #[test]
    fn break_ends_a_chunk_even_inside_of_brackets() {
        expect("a BREAK b", &[("a", 1.0), ("BREAK", 0.0), ("b", 1.0)]);
        expect("(a BREAK b:2)", &[("a", 2.0), ("BREAK", 0.0), ("b", 2.0)]);
        expect("BREAK", &[("BREAK", 0.0)]);
        let words = |text| Prompt::read(text, PromptSyntax::Weighted).unwrap().words();
        assert_eq!(words("a BREAK (b)c BREAK"), "a b c ");
        assert_eq!(
            refused(&"a BREAK ".repeat(40)),
            "a prompt has 41 chunks of tokens; at most 32 are allowed"
        );
    }

    #[test]
    fn marks_that_change_prompts_or_load_files_are_refused_by_name() {
        for text in [
            "a [cat:dog:0.5]",
            "[cat:0.5]",
            "[cat::10]",
            "([cat:(dog):.5])",
        ] {
            let message = refused(text);
            assert!(message.contains("from step to step"), "{message}");
        }
        assert!(refused("[cat|dog]").contains("\"[cat|dog]\" takes another wording"));
        let message = refused("a cat <lora:style:0.8>");
        assert!(
            message.contains("\"<lora:style:0.8>\" loads a file"),
            "{message}"
        );
        for tag in ["<LoRA:style:1>", "< lora : style >", "a<lyco:x:1:0.5>"] {
            assert!(refused(tag).contains("loads a file"), "{tag}");
        }
        assert!(refused("((a:90):90)").contains("the weight of \"a\" is 8100"));
        for fine in ["[a, b]", "[ratio 3:4, b]", "(a|b)", "[(a|b)]", "[a:b"] {
            assert!(Prompt::read(fine, PromptSyntax::Weighted).is_ok(), "{fine}");
        }
    }

    #[test]
    fn words_that_mean_something_elsewhere_are_found() {
        let of = |prompt: &str| ReadAsWords::of(prompt, |name| name.starts_with("known"));
        assert_eq!(of("a cat AND a dog"), [ReadAsWords::And]);
        assert_eq!(of("CATS AND DOGS"), []);
        assert_eq!(of("SAND, brand"), []);
        assert_eq!(
            of("a embedding:bad_hands, embedding:known"),
            [ReadAsWords::Embedding]
        );
        assert_eq!(of("a embedding:known.pt"), []);
        assert_eq!(of("an embedding: of"), []);
        for text in [
            "(red:1,3) apple",
            "(red:1e3)",
            "(red:1.2.3)",
            "(red:1.3",
            "(a:1.2):1.3",
            "red:1.3",
            "red: -.5",
            "a:1.3)",
        ] {
            assert_eq!(of(text), [ReadAsWords::Number], "{text}");
        }
        for text in ["{red} apple", "{red|green}", "a __colour__ apple"] {
            assert_eq!(of(text), [ReadAsWords::Braces], "{text}");
        }
        for text in ["red++ apple", "(a red apple)+++", "a blurry--, tall"] {
            assert_eq!(of(text), [ReadAsWords::Signs], "{text}");
        }
        for text in [
            "at 12:30, 16:9, (3:4), (a:1.3)(b: .5 )",
            "((a:1.2):1.3)",
            "[(red:1.2)]",
            "C++, an A+ grade, well-known -- and so on",
            "a_b __ c__, snake__case",
        ] {
            assert_eq!(of(text), [], "{text}");
        }
    }
}
