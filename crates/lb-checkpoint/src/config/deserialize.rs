//! A serde deserializer for JSON values. Its errors say which setting is wrong and which values are
//! allowed.

use std::fmt::Display;

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// A value that a setting does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrongSetting {
    /// The keys that lead to the setting, the outermost first.
    pub(super) path: Vec<String>,
    /// A description of the values that are allowed.
    pub(super) expected: String,
}

impl std::error::Error for WrongSetting {}

impl Display for WrongSetting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "expected {}", self.expected)
    }
}

impl Error for WrongSetting {
    /// Makes an error from a description of the values that are allowed.
    fn custom<T: Display>(expected: T) -> Self {
        Self {
            path: Vec::new(),
            expected: expected.to_string(),
        }
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(in_words(&expected.to_string()))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(in_words(&expected.to_string()))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(alternatives(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            path: vec![field.to_owned()],
            expected: "a value".to_owned(),
        }
    }
}

/// Replaces serde's and Rust's names of types by words that users of a configuration understand.
fn in_words(expected: &str) -> String {
    let words = match expected {
        "a boolean" => "true or false",
        "f32" | "f64" => "a number",
        "u32" | "u64" | "usize" => "a whole number from 0",
        "a sequence" => "a list",
        "a map" => "an object",
        // Derived implementations describe a struct as "struct Name".
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    words.to_owned()
}

/// Lists words for a message: `"one" or "another"`.
pub(super) fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(" or ")
}

/// The settings of an object, without those that are `null`.
pub(super) struct Settings<'a> {
    rest: serde_json::map::Iter<'a>,
    next: Option<(&'a str, &'a Value)>,
}

impl<'a> Settings<'a> {
    pub(super) fn of(object: &'a Map<String, Value>) -> Self {
        Self {
            rest: object.iter(),
            next: None,
        }
    }
}

impl<'a> MapAccess<'a> for Settings<'a> {
    type Error = WrongSetting;

    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, WrongSetting> {
        let next = self.rest.find(|(_, value)| !value.is_null());
        self.next = next.map(|(key, value)| (key.as_str(), value));
        let key = self.next.map(|(key, _)| StrDeserializer::new(key));
        key.map(|key| seed.deserialize(key)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, WrongSetting> {
        let Some((key, value)) = self.next.take() else {
            return Err(WrongSetting::custom("a value"));
        };
        seed.deserialize(Setting(value)).map_err(|mut wrong| {
            wrong.path.insert(0, key.to_owned());
            wrong
        })
    }
}

/// Deserializes one value.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a>(pub(super) &'a Value);

impl<'de> Deserializer<'de> for Setting<'de> {
    type Error = WrongSetting;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongSetting> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(list) => visitor.visit_seq(SeqDeserializer::new(list.iter().map(Setting))),
            Value::Object(object) => visitor.visit_map(Settings::of(object)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongSetting> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, WrongSetting> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WrongSetting> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(StrDeserializer::new(word)),
            _ => Err(WrongSetting::custom(alternatives(variants))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'a> IntoDeserializer<'a, WrongSetting> for Setting<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
