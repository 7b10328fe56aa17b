//! Reading a setting that is written as a number or as a text.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Reads a number or a text, which means what it means on a command line.
pub(crate) fn number_or_text<'de, D: Deserializer<'de>, T: FromStr>(
    deserializer: D,
    expected: &'static str,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(NumberOrText {
        expected,
        value: PhantomData,
    })
}

struct NumberOrText<T> {
    expected: &'static str,
    value: PhantomData<T>,
}

impl<T: FromStr> NumberOrText<T> {
    fn parse<E: Error>(&self, number: impl fmt::Display) -> Result<T, E> {
        let wrong = || E::custom(format!("must be {}; got {number}", self.expected));
        number.to_string().parse().map_err(|_| wrong())
    }
}

impl<T: FromStr> Visitor<'_> for NumberOrText<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.parse(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.parse(number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        self.parse(number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let wrong = |_| {
            let found = shortened(text, 40);
            E::custom(format!("must be {}; got {found:?}", self.expected))
        };
        text.parse().map_err(wrong)
    }
}

/// The beginning of a text in one line, for a message.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let mut characters = text.chars().map(|character| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    });
    let mut shown: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}
