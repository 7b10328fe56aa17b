//! Identifiers that the server makes. A client's text becomes one only if it has exactly their form, so that
//! it can be part of a path.

use std::fmt::Display;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// As many random bytes, as hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> Result<String, getrandom::Error> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random)?;
    Ok(hex(&random))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a text consists of this many lower-case hexadecimal digits.
pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == digits && text.bytes().all(is_digit)
}

/// Milliseconds since 1970, as JavaScript counts time.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// The identifier of a project or of a task: 16 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[0-9a-f]{16}$")]
pub(crate) struct Id(String);

impl Id {
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        Ok(Self(random_hex(8)?))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an identifier has 16 hexadecimal digits")]
pub(crate) struct InvalidId;

impl FromStr for Id {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match is_hex(text, 16) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidId),
        }
    }
}

impl TryFrom<String> for Id {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl Display for Id {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_makes_is_an_identifier() {
        let id = Id::random().unwrap();
        assert_eq!(id.as_str().parse(), Ok(id));
        for other in [
            "",
            "..",
            "0123456789abcde",
            "0123456789abcdef0",
            "0123456789ABCDEF",
            "../../../../etc/",
            "0123456789abcde/",
        ] {
            assert_eq!(other.parse::<Id>(), Err(InvalidId), "{other}");
        }
    }
}
