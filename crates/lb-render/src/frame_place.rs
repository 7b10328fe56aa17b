//! Where a computed frame stands in its film: what its PNG file tells beside the job.

use serde::{Deserialize, Serialize};

/// The place of a computed frame. A keyframe stands at the end of the transition before it, the
/// first one at the beginning of its own.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Serialize, Deserialize)]
pub struct FramePlace {
    /// Which transition, from 0.
    pub transition: usize,
    /// Where between its keyframes, from 0 to 1.
    pub fraction: f64,
}

impl std::fmt::Display for FramePlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = self.transition + 1;
        write!(formatter, "{} of transition {number}", self.fraction)
    }
}

impl FramePlace {
    /// As a frame carries it.
    pub(crate) fn to_text(self) -> String {
        format!(
            "transition = {}\nfraction = {:?}\n",
            self.transition, self.fraction
        )
    }

    /// From what a frame carries, or what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let place: Self = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if (0.0..=1.0).contains(&place.fraction) {
            Ok(place)
        } else {
            Err(format!(
                "a fraction of {}: it must lie in 0 to 1",
                place.fraction
            ))
        }
    }
}

/// A part of a transition: what lies between two keyframes of the engine.
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

    /// The place of a frame at this fraction of the span.
    pub(crate) fn at(&self, fraction: f64) -> FramePlace {
        let inner = (self.from + fraction * (self.to - self.from)).min(self.to);
        FramePlace {
            transition: self.transition,
            fraction: if fraction == 1.0 { self.to } else { inner },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_to_the_last_bit() {
        for fraction in [0.0, 1.0, 0.1 + 0.2, 1.0 / 3.0, 1e-300, f64::EPSILON] {
            let place = FramePlace {
                transition: 11,
                fraction,
            };
            let read = FramePlace::parse(&place.to_text()).unwrap();
            assert_eq!(read.transition, 11);
            assert_eq!(read.fraction.to_bits(), fraction.to_bits());
        }
    }

    #[test]
    fn what_is_no_place_is_told() {
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
            let reason = FramePlace::parse(text).unwrap_err();
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
