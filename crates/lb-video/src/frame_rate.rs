//! Frame rates as exact fractions.

use crate::error::VideoError;

/// The slowest film shows each frame for ten seconds.
pub(crate) const SLOWEST: f64 = 0.1;
/// The most frames a second that a film may have.
pub(crate) const FASTEST: f64 = 1000.0;

/// Frames per second as a fraction, so that times are exact however long the film is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FrameRate {
    pub(crate) numerator: u32,
    pub(crate) denominator: u32,
}

impl FrameRate {
    /// The fraction that a number means. Whole numbers mean themselves. Numbers within a thousandth of
    /// `n * 1000 / 1001` mean that fraction: 23.976, 29.97 and 59.94 are NTSC's rates (SMPTE ST 2036-1).
    /// Others are rounded to thousandths.
    pub(crate) fn new(frames_per_second: f64) -> Result<Self, VideoError> {
        if !(SLOWEST..=FASTEST).contains(&frames_per_second) {
            return Err(VideoError::FrameRate { frames_per_second });
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
        Ok(Self {
            numerator,
            denominator,
        })
    }

    /// When the frame `index` is shown, in seconds.
    pub(crate) fn time(self, index: usize) -> f64 {
        index as f64 * f64::from(self.denominator) / f64::from(self.numerator)
    }

    /// When the frame `index` is shown, rounded to the nearest tick.
    pub(crate) fn ticks(self, index: usize, ticks_per_second: u64) -> u64 {
        let (numerator, denominator) = (u128::from(self.numerator), u128::from(self.denominator));
        let ticks = index as u128 * denominator * u128::from(ticks_per_second);
        ((2 * ticks + numerator) / (2 * numerator)) as u64
    }

    /// The number of frames that comes nearest to a time, at least 1.
    pub(crate) fn frames_in(self, seconds: f64) -> u32 {
        let frames = seconds * f64::from(self.numerator) / f64::from(self.denominator);
        (frames.round() as u32).max(1)
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
        assert_eq!(fraction(12.5), (12_500, 1000));
        assert_eq!(fraction(0.5), (500, 1000));
        // Nobody broadcasts 3 frames a second, less a thousandth.
        assert_eq!(fraction(2.997), (2997, 1000));
    }

    #[test]
    fn the_shortest_time_has_a_frame() {
        let rate = FrameRate::new(12.5).unwrap();
        assert_eq!(
            [0.0, 0.01, 0.12, 4.0].map(|time| rate.frames_in(time)),
            [1, 1, 2, 50]
        );
    }

    #[test]
    fn rates_that_no_film_has_are_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0] {
            assert!(
                matches!(FrameRate::new(rate), Err(VideoError::FrameRate { .. })),
                "{rate}"
            );
        }
    }
}
