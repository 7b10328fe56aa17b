//! Settings that are written as text (sizes, named choices, and numbers with other ways of writing
//! them), and texts in messages.

use serde::de::{Deserialize, Deserializer, Error};

use crate::number_or_text::shortened;

/// Serialises width and height as in `512x768`.
pub(super) mod size {
    use serde::{Deserializer, Serialize, Serializer};

    pub(in crate::settings) fn serialize<S: Serializer>(
        size: &Option<(usize, usize)>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = size.map(|(width, height)| format!("{width}x{height}"));
        text.serialize(serializer)
    }

    pub(in crate::settings) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<(usize, usize)>, D::Error> {
        let parse = |text: &str| super::parse_size(text).ok();
        super::parsed(deserializer, parse, "a size like 512x768, width first")
    }
}

/// Serialises the SHA-256 of a file's content as its hexadecimal digits.
pub(super) mod sha256 {
    use serde::{Deserializer, Serialize, Serializer};

    pub(in crate::settings) fn serialize<S: Serializer>(
        hash: &Option<String>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        hash.serialize(serializer)
    }

    pub(in crate::settings) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        let is_hash =
            |text: &str| text.len() == 64 && text.bytes().all(|at| at.is_ascii_hexdigit());
        let parse = |text: &str| is_hash(text).then(|| text.to_owned());
        super::parsed(deserializer, parse, "64 hexadecimal digits")
    }
}

/// Serialises a frame rate as a number, or as a fraction if no number means the same.
pub(super) mod frame_rate {
    use lb_schedule::FrameRate;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// The type of the value, which expects what a message names.
    struct Given(FrameRate);

    impl<'de> Deserialize<'de> for Given {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let expected = "a number from 0.1 to 1000, or a fraction such as \"24000/1001\"";
            crate::number_or_text::number_or_text(deserializer, expected).map(Self)
        }
    }

    pub(in crate::settings) fn serialize<S: Serializer>(
        rate: &Option<FrameRate>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        rate.serialize(serializer)
    }

    pub(in crate::settings) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<FrameRate>, D::Error> {
        let given = Option::<Given>::deserialize(deserializer)?;
        Ok(given.map(|Given(rate)| rate))
    }
}

/// Serialises a [`Choice`](lb_schedule::Choice) as its name.
pub(super) mod choice {
    use lb_schedule::Choice;
    use serde::{Deserializer, Serialize, Serializer};

    pub(in crate::settings) fn serialize<C: Choice, S: Serializer>(
        choice: &Option<C>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        choice.map(C::name).serialize(serializer)
    }

    pub(in crate::settings) fn deserialize<'de, C: Choice, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<C>, D::Error> {
        let parse = |name: &str| name.parse().ok();
        super::parsed(deserializer, parse, &format!("one of {}", C::names()))
    }
}

/// Files with something behind their paths, such as LoRAs: a list of texts, or a single one.
pub(super) mod list {
    use std::fmt;
    use std::marker::PhantomData;
    use std::str::FromStr;

    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::{EmbeddingFile, KeyframeLora};

    /// What is in such a list.
    pub(in crate::settings) trait Item:
        FromStr<Err = String> + for<'de> Deserialize<'de>
    {
        /// One as it may be written.
        const EXAMPLE: &'static str;
    }

    impl Item for KeyframeLora {
        const EXAMPLE: &'static str = "neon.safetensors:0.8";
    }

    impl Item for EmbeddingFile {
        const EXAMPLE: &'static str = "style.safetensors=my-style";
    }

    pub(in crate::settings) fn serialize<T: Serialize, S: Serializer>(
        list: &Option<Vec<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        list.serialize(serializer)
    }

    pub(in crate::settings) fn deserialize<'de, T: Item, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<T>>, D::Error> {
        deserializer.deserialize_any(List(PhantomData))
    }

    struct List<T>(PhantomData<T>);

    impl<'de, T: Item> Visitor<'de> for List<T> {
        type Value = Option<Vec<T>>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "a list of texts like {:?}", T::EXAMPLE)
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(vec![text.parse().map_err(E::custom)?]))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = list.next_element()? {
                items.push(item);
            }
            Ok(Some(items))
        }
    }
}

/// The value that `parse` makes of a text, which must be as `expected` says.
fn parsed<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let wrong = || format!("must be {expected}; got {:?}", shortened(&text, 40));
    parse(&text)
        .map(Some)
        .ok_or_else(|| D::Error::custom(wrong()))
}

/// Reads width and height in pixels, as in `512x768`.
///
/// # Errors
/// A message that says what to give instead.
pub(crate) fn parse_size(text: &str) -> Result<(usize, usize), String> {
    let number = |part: &str| part.trim().parse::<usize>().ok();
    text.split_once(['x', 'X', '×'])
        .and_then(|(width, height)| Some((number(width)?, number(height)?)))
        .ok_or_else(|| "give width and height in pixels, as in 512x768".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_width_and_height() {
        assert_eq!(parse_size("512x768"), Ok((512, 768)));
        assert!(parse_size("512").is_err());
        assert!(parse_size("-1x2").is_err());
    }
}
