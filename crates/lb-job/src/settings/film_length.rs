//! The length that a whole film should have.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::number_or_text::number_or_text;

/// The length that a whole film should have.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum FilmLength {
    /// This many seconds, above 0.
    Seconds(f64),
    /// As long as its sound. A front end that knows the sound replaces this by seconds before the
    /// settings are [resolved](crate::JobSettings::resolve).
    Track,
}

impl FilmLength {
    /// The seconds, if they are known.
    #[must_use]
    pub fn seconds(self) -> Option<f64> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::Track => None,
        }
    }
}

impl fmt::Display for FilmLength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(formatter, "{seconds}"),
            Self::Track => formatter.write_str("track"),
        }
    }
}

/// A text that is no length of a film.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("give a number of seconds, as in 12.5, or track for the length of the sound")]
pub struct InvalidFilmLength;

impl FromStr for FilmLength {
    type Err = InvalidFilmLength;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            track if track.eq_ignore_ascii_case("track") => Ok(Self::Track),
            seconds => seconds
                .parse()
                .map(Self::Seconds)
                .map_err(|_| InvalidFilmLength),
        }
    }
}

impl Serialize for FilmLength {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Seconds(seconds) => seconds.serialize(serializer),
            Self::Track => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for FilmLength {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(deserializer, "a number of seconds or \"track\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_number_or_that_of_the_track() {
        assert_eq!("12.5".parse(), Ok(FilmLength::Seconds(12.5)));
        assert_eq!("Track".parse(), Ok(FilmLength::Track));
        assert_eq!(FilmLength::Track.to_string(), "track");
        for wrong in ["", "12,5", "12s", "sound"] {
            assert_eq!(wrong.parse::<FilmLength>(), Err(InvalidFilmLength));
        }
    }
}
