//! The position of a computed frame in its film. The PNG file of the frame carries it with the job.

use serde::{Deserialize, Serialize};

/// The position of a computed frame. A keyframe belongs to the end of the transition before it; only
/// the first one belongs to the beginning of its transition.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Serialize, Deserialize)]
pub struct FramePosition {
    /// The transition, counted from 0.
    pub transition: usize,
    /// The fraction between the transition's keyframes, from 0 to 1.
    pub fraction: f64,
}

impl std::fmt::Display for FramePosition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = self.transition + 1;
        write!(formatter, "{} of transition {number}", self.fraction)
    }
}

impl FramePosition {
    /// The text that the frame's file carries.
    pub(crate) fn to_text(self) -> String {
        format!(
            "transition = {}\nfraction = {:?}\n",
            self.transition, self.fraction
        )
    }

    /// The position in the text that a frame's file carries, or a message about what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let position: Self = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if (0.0..=1.0).contains(&position.fraction) {
            Ok(position)
        } else {
            Err(format!(
                "the fraction is {}; it must be from 0 to 1",
                position.fraction
            ))
        }
    }
}

/// Whether fractions could be those of a transition with both of its keyframes.
pub(crate) fn rise_from_0_to_1(fractions: &[f64]) -> bool {
    fractions.first() == Some(&0.0)
        && fractions.last() == Some(&1.0)
        && fractions.windows(2).all(|pair| pair[0] <= pair[1])
}

/// The part of a film's transition between two keyframes of the engine. In a first stage this is the
/// whole transition; in a second stage it is the part between two neighbouring frames of the first one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct FrameSpan {
    pub(crate) transition: usize,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

impl FrameSpan {
    pub(crate) fn whole(transition: usize) -> Self {
        Self {
            transition,
            from: 0.0,
            to: 1.0,
        }
    }

    /// The position of a frame at this fraction of the span.
    pub(crate) fn at(&self, fraction: f64) -> FramePosition {
        let inner = (self.from + fraction * (self.to - self.from)).min(self.to);
        FramePosition {
            transition: self.transition,
            fraction: if fraction == 1.0 { self.to } else { inner },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_its_text_to_the_last_bit() {
        for fraction in [0.0, 1.0, 0.1 + 0.2, 1.0 / 3.0, 1e-300, f64::EPSILON] {
            let position = FramePosition {
                transition: 11,
                fraction,
            };
            let read = FramePosition::parse(&position.to_text()).unwrap();
            assert_eq!(read.transition, 11);
            assert_eq!(read.fraction.to_bits(), fraction.to_bits());
        }
    }

    #[test]
    fn a_damaged_position_is_explained() {
        for (text, word) in [
            ("", "transition"),
            ("transition = 1", "fraction"),
            ("transition = -1\nfraction = 0.5", "-1"),
            ("transition = 0\nfraction = nan", "NaN"),
            ("transition = 0\nfraction = inf", "inf"),
            ("transition = 0\nfraction = 1.5", "1.5"),
            ("transition = 0\nfraction = -0.1", "-0.1"),
            ("{\"transition\": 0}", ""),
        ] {
            let reason = FramePosition::parse(text).unwrap_err();
            assert!(reason.contains(word), "{text}: {reason}");
        }
    }

    #[test]
    fn a_span_begins_and_ends_where_its_neighbours_do() {
        let span = FrameSpan {
            transition: 1,
            from: 0.1,
            to: 0.7,
        };
        assert_eq!(span.at(0.0).fraction, 0.1);
        assert_eq!(span.at(1.0).fraction, 0.7);
        assert_eq!(FrameSpan::whole(2).at(0.25).fraction, 0.25);
    }
}
