//! How many computed frames a transition has: a number, or a share of its film frames.

use std::fmt;
use std::str::FromStr;

use lb_schedule::TransitionSpan;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::number_or_text::number_or_text;

/// How many computed frames a transition has, both keyframes included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Frames {
    /// This many, 2 to [`MAX_BRANCHES`](lb_schedule::MAX_BRANCHES).
    Number(usize),
    /// This share of the transition's film frames, above 0 and at most 1.
    Share {
        /// The numerator of the share.
        numerator: u32,
        /// The denominator of the share.
        denominator: u32,
    },
}

impl Frames {
    /// As many computed frames as film frames.
    pub const FILM: Self = Self::Share {
        numerator: 1,
        denominator: 1,
    };

    /// The number of computed frames of a transition with this span. A share is rounded to the nearest
    /// number, and is never less than the two keyframes.
    #[must_use]
    pub fn count(self, span: &TransitionSpan) -> usize {
        match self {
            Self::Number(frames) => frames,
            Self::Share {
                numerator,
                denominator,
            } => {
                // Both keyframes are among the film frames.
                let film_frames = span.intervals() + 1;
                let share = f64::from(numerator) / f64::from(denominator.max(1));
                let frames = (film_frames as f64 * share).round() as usize;
                frames.clamp(2, film_frames.max(2))
            }
        }
    }
}

impl fmt::Display for Frames {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(frames) => write!(formatter, "{frames}"),
            &Self::FILM => formatter.write_str("film"),
            Self::Share {
                numerator,
                denominator,
            } => write!(formatter, "{numerator}/{denominator}"),
        }
    }
}

/// A text that says no number of computed frames.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "give a number of frames, a share of the film's frames up to 1, as in 1/2, or film for all of them"
)]
pub struct InvalidFrames;

impl FromStr for Frames {
    type Err = InvalidFrames;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("film") {
            return Ok(Self::FILM);
        }
        let Some((numerator, denominator)) = text.split_once('/') else {
            return text.parse().map(Self::Number).map_err(|_| InvalidFrames);
        };
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| InvalidFrames);
        let (numerator, denominator) = (number(numerator)?, number(denominator)?);
        if (1..=denominator).contains(&numerator) {
            Ok(Self::Share {
                numerator,
                denominator,
            })
        } else {
            Err(InvalidFrames)
        }
    }
}

impl Serialize for Frames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(frames) => frames.serialize(serializer),
            Self::Share { .. } => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Frames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a whole number, a share such as \"1/2\", or \"film\"";
        number_or_text(deserializer, expected)
    }
}

#[cfg(test)]
mod tests {
    use lb_schedule::{FilmTiming, FrameRate, Timeline};

    use super::*;

    fn counts(frames: Frames, fps: f64, seconds: f64, keyframes: usize) -> Vec<usize> {
        let rate = FrameRate::new(fps).unwrap();
        let timeline = Timeline::new(&FilmTiming::uniform(rate, seconds, keyframes)).unwrap();
        let spans = timeline.transitions().iter();
        spans.map(|span| frames.count(span)).collect()
    }

    fn share(numerator: u32, denominator: u32) -> Frames {
        Frames::Share {
            numerator,
            denominator,
        }
    }

    #[test]
    fn a_share_counts_the_film_frames_of_its_transition() {
        // The second transition begins with a film frame that belongs to the first one as well.
        assert_eq!(counts(Frames::FILM, 30.0, 3.0, 3), [90, 91]);
        assert_eq!(counts(share(1, 2), 30.0, 3.0, 2), [45]);
        assert_eq!(counts(share(1, 90), 30.0, 3.0, 2), [2]);
        assert_eq!(counts(Frames::Number(7), 30.0, 3.0, 3), [7, 7]);
        assert_eq!(counts(share(3, 0), 30.0, 3.0, 2), [90]);
    }

    #[test]
    fn frames_are_read_as_they_are_shown() {
        for (text, frames) in [
            ("24", Frames::Number(24)),
            ("film", Frames::FILM),
            ("1/2", share(1, 2)),
        ] {
            assert_eq!(text.parse(), Ok(frames));
            assert_eq!(frames.to_string(), text);
        }
        assert_eq!(" 2 / 3 ".parse(), Ok(share(2, 3)));
        assert_eq!("1/1".parse(), Ok(Frames::FILM));
        for wrong in ["", "0/2", "3/2", "1/0", "0.5", "-1", "half", "1/2/3", "50%"] {
            assert_eq!(wrong.parse::<Frames>(), Err(InvalidFrames), "{wrong}");
        }
    }
}
