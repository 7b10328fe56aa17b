//! Frame rates as exact fractions.

use std::fmt;
use std::str::FromStr;

/// Why a number or a text is not a frame rate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The messages say what the fields are.
pub enum FrameRateError {
    #[error(
        "frames per second must be {} to {}, got {value}",
        FrameRate::SLOWEST,
        FrameRate::FASTEST
    )]
    OutOfRange { value: f64 },
    #[error("frames per second must be a number or a fraction such as 24000/1001, got {found:?}")]
    Unreadable { found: String },
}

/// Film frames per second, 0.1 to 1000, as a fraction, so that times are exact however long a film is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Written", into = "Written"))]
pub struct FrameRate {
    numerator: u32,
    denominator: u32,
}

impl FrameRate {
    /// The fewest frames a second that a film may have: each is shown for ten seconds.
    pub const SLOWEST: f64 = 0.1;
    /// The most frames a second that a film may have.
    pub const FASTEST: f64 = 1000.0;

    /// The fraction that a number means. Whole numbers mean themselves. Numbers within a thousandth of
    /// `n * 1000 / 1001`, for a whole n of at least 10, mean that fraction: 23.976, 29.97 and 59.94 are
    /// NTSC's rates (SMPTE ST 2036-1). Others are rounded to thousandths.
    ///
    /// # Errors
    /// [`FrameRateError::OutOfRange`].
    pub fn new(frames_per_second: f64) -> Result<Self, FrameRateError> {
        if !(Self::SLOWEST..=Self::FASTEST).contains(&frames_per_second) {
            let value = frames_per_second;
            return Err(FrameRateError::OutOfRange { value });
        }
        let (whole, nominal) = (frames_per_second.round(), frames_per_second.ceil());
        let thousandths = (frames_per_second * 1000.0).round() as u32;
        let (numerator, denominator) = if whole >= 1.0 && thousandths == whole as u32 * 1000 {
            (whole as u32, 1)
        } else if (frames_per_second - nominal / 1.001).abs() < 0.001 && nominal >= 10.0 {
            (nominal as u32 * 1000, 1001)
        } else {
            (thousandths, 1000)
        };
        Self::fraction(numerator, denominator)
    }

    /// The rate of `numerator` frames in `denominator` seconds, such as 24000/1001.
    ///
    /// # Errors
    /// [`FrameRateError::OutOfRange`].
    pub fn fraction(numerator: u32, denominator: u32) -> Result<Self, FrameRateError> {
        let value = f64::from(numerator) / f64::from(denominator);
        if !(Self::SLOWEST..=Self::FASTEST).contains(&value) {
            return Err(FrameRateError::OutOfRange { value });
        }
        let divisor = greatest_common_divisor(numerator, denominator);
        Ok(Self {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        })
    }

    /// The numerator of the fraction in lowest terms.
    #[must_use]
    pub fn numerator(self) -> u32 {
        self.numerator
    }

    /// The denominator of the fraction in lowest terms.
    #[must_use]
    pub fn denominator(self) -> u32 {
        self.denominator
    }

    /// The nearest floating-point number of frames per second.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// When the frame `index` is shown, in seconds.
    #[must_use]
    pub fn time(self, index: usize) -> f64 {
        index as f64 * f64::from(self.denominator) / f64::from(self.numerator)
    }

    /// When the frame `index` is shown, rounded to the nearest tick.
    #[must_use]
    pub fn ticks(self, index: usize, ticks_per_second: u64) -> u64 {
        let (numerator, denominator) = (u128::from(self.numerator), u128::from(self.denominator));
        let ticks = index as u128 * denominator * u128::from(ticks_per_second);
        ((2 * ticks + numerator) / (2 * numerator)) as u64
    }

    /// The number of frames that comes nearest to a time.
    #[must_use]
    pub fn frames_in(self, seconds: f64) -> usize {
        let frames = seconds * f64::from(self.numerator) / f64::from(self.denominator);
        frames.round() as usize
    }

    /// The number that means this fraction, if there is one: 23.976 for 24000/1001.
    fn number(self) -> Option<f64> {
        let number = (self.as_f64() * 1000.0).round() / 1000.0;
        (Self::new(number) == Ok(self)).then_some(number)
    }
}

/// 30 frames per second.
impl Default for FrameRate {
    fn default() -> Self {
        Self {
            numerator: 30,
            denominator: 1,
        }
    }
}

/// A number, as in `30` and `23.976`, or a fraction if no number means the same, as in `10/3`.
impl fmt::Display for FrameRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            Some(number) => write!(formatter, "{number}"),
            None => write!(formatter, "{}/{}", self.numerator, self.denominator),
        }
    }
}

/// Reads a number or a fraction.
impl FromStr for FrameRate {
    type Err = FrameRateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || FrameRateError::Unreadable {
            found: text.to_owned(),
        };
        match text.split_once('/') {
            Some((numerator, denominator)) => {
                let whole = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
                Self::fraction(whole(numerator)?, whole(denominator)?)
            }
            None => Self::new(text.trim().parse().map_err(|_| wrong())?),
        }
    }
}

fn greatest_common_divisor(mut left: u32, mut right: u32) -> u32 {
    while right > 0 {
        (left, right) = (right, left % right);
    }
    left
}

/// A frame rate as it is written in JSON or in a job file.
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Fraction(String),
}

#[cfg(feature = "serde")]
impl From<FrameRate> for Written {
    fn from(rate: FrameRate) -> Self {
        match rate.number() {
            Some(number) => Self::Number(number),
            None => Self::Fraction(rate.to_string()),
        }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Written> for FrameRate {
    type Error = FrameRateError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Number(number) => Self::new(number),
            Written::Fraction(text) => text.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fraction_that_is_meant_is_found() {
        let fraction = |rate: f64| {
            let rate = FrameRate::new(rate).unwrap();
            (rate.numerator, rate.denominator)
        };
        assert_eq!(fraction(30.0), (30, 1));
        assert_eq!(fraction(1.0), (1, 1));
        assert_eq!(fraction(23.976), (24_000, 1001));
        assert_eq!(fraction(24_000.0 / 1001.0), (24_000, 1001));
        assert_eq!(fraction(29.97), (30_000, 1001));
        assert_eq!(fraction(59.94), (60_000, 1001));
        assert_eq!(fraction(12.5), (25, 2));
        assert_eq!(fraction(0.5), (1, 2));
        // Below 10 frames a second there are no such rates: this is not 3000/1001.
        assert_eq!(fraction(2.997), (2997, 1000));
    }

    #[test]
    fn a_rate_is_read_and_shown_as_people_write_it() {
        for (written, shown) in [
            ("30", "30"),
            ("30.0", "30"),
            ("24000/1001", "23.976"),
            ("30000/1001", "29.97"),
            ("120000/1001", "119.88"),
            ("25/2", "12.5"),
            (" 20 / 6 ", "10/3"),
            // The number 29.97 would mean 30000/1001.
            ("2997/100", "2997/100"),
        ] {
            let rate: FrameRate = written.parse().unwrap();
            assert_eq!(rate.to_string(), shown);
            assert_eq!(shown.parse(), Ok(rate));
        }
        for wrong in [
            "", "fast", "30/", "/2", "1/0", "0/1", "0", "29.97/1", "-24", "1001", "NaN",
        ] {
            assert!(wrong.parse::<FrameRate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_and_frames_are_exact() {
        let rate: FrameRate = "24000/1001".parse().unwrap();
        // A day of film.
        assert_eq!(rate.time(24_000 * 86_400), 1001.0 * 86_400.0);
        assert_eq!(rate.frames_in(1001.0), 24_000);
        assert_eq!(rate.ticks(24_000, 90_000), 1001 * 90_000);
        assert_eq!(FrameRate::new(12.5).unwrap().frames_in(0.12), 2);
    }

    #[test]
    fn rates_that_no_film_has_are_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0] {
            assert!(FrameRate::new(rate).is_err(), "{rate}");
        }
    }
}
