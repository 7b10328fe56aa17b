//! Where something begins to sound: the strength of onsets, and its peaks.

use std::collections::VecDeque;

use crate::spectra::BANDS;

/// How far magnitudes are compressed: a band's loudness is ln(1 + [`COMPRESSION`]·magnitude).
const COMPRESSION: f32 = 1000.0;

/// Loudness is compared with that of this many spectra before, which share no more than a corner of their windows.
const LAG: usize = 2;

/// What is not above the mean of this many values on either side is no onset: half a second.
const MEAN_REACH: usize = 50;

/// Peaks are measured by those among this many values on either side: four seconds.
const LEVEL_REACH: usize = 400;

/// The measure never falls below this share of the highest peak, so that the noise of pauses is not taken for
/// music.
const LEAST_LEVEL: f32 = 0.1;

/// A peak is the largest value among this many on either side: 30 ms.
const PEAK_REACH: usize = 3;

/// The least height of a peak that counts as an onset.
const LEAST_ONSET: f32 = 0.3;

/// The strength of onsets at every spectrum.
#[derive(Default)]
pub(crate) struct OnsetStrength {
    before: VecDeque<[f32; BANDS]>,
    values: Vec<f32>,
}

impl OnsetStrength {
    /// Adds the next spectrum. The strength is how much louder the bands have become, each compared with the
    /// loudest of three neighbours, so that a tone whose pitch wavers is no onset.
    pub(crate) fn push(&mut self, bands: &[f32; BANDS]) {
        let loudness = bands.map(|magnitude| (COMPRESSION * magnitude).ln_1p());
        let silence = [0.0; BANDS];
        let before = match self.before.len() {
            LAG => self.before.front().unwrap_or(&silence),
            _ => &silence,
        };
        let rise = |band: usize| {
            let near = &before[band.saturating_sub(1)..(band + 2).min(BANDS)];
            let loudest = near.iter().copied().fold(0.0, f32::max);
            (loudness[band] - loudest).max(0.0)
        };
        self.values.push((0..BANDS).map(rise).sum());
        self.before.push_back(loudness);
        if self.before.len() > LAG {
            self.before.pop_front();
        }
    }

    /// Adds a spectrum whose window reaches beyond the end of the sound. That it ends there is no onset.
    pub(crate) fn push_end(&mut self) {
        self.values.push(0.0);
    }

    /// The peaks of the strength, in order.
    pub(crate) fn peaks(&self) -> Vec<Peak> {
        let raised = raised(&self.values);
        let around = largest_within(&raised, PEAK_REACH);
        let mut peaks: Vec<Peak> = Vec::new();
        for (at, &value) in raised.iter().enumerate() {
            // Of equal values, the first is the peak.
            let is_first = peaks.last().is_none_or(|last| at - last.at > PEAK_REACH);
            if value > 0.0 && value >= around[at] && is_first {
                peaks.push(Peak {
                    at,
                    place: at as f64 + vertex(&raised, at),
                    height: value,
                });
            }
        }
        let least = LEAST_LEVEL * raised.iter().copied().fold(0.0, f32::max);
        let levels = levels(&peaks);
        for (peak, level) in peaks.iter_mut().zip(levels) {
            peak.height = (peak.height / level.max(least)).min(1.0);
        }
        peaks
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

/// A peak of the onset strength.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Peak {
    /// The index of its spectrum.
    pub(crate) at: usize,
    /// Where it is between the spectra.
    pub(crate) place: f64,
    /// Its height beside those around it, up to 1.
    pub(crate) height: f32,
}

impl Peak {
    /// Whether it stands out enough for an onset.
    pub(crate) fn is_onset(&self) -> bool {
        self.height >= LEAST_ONSET
    }
}

/// The usual height of the peaks around each: the mean of their heights, weighted by these heights. Many small
/// peaks hardly lower it, and a single large one does not outweigh the others.
fn levels(peaks: &[Peak]) -> Vec<f32> {
    let (mut first, mut next) = (0, 0);
    let (mut sum, mut squares) = (0.0, 0.0);
    let mut levels = Vec::with_capacity(peaks.len());
    for peak in peaks {
        while peaks
            .get(next)
            .is_some_and(|other| other.at <= peak.at + LEVEL_REACH)
        {
            let height = f64::from(peaks[next].height);
            (sum, squares, next) = (sum + height, squares + height * height, next + 1);
        }
        while peaks[first].at + LEVEL_REACH < peak.at {
            let height = f64::from(peaks[first].height);
            (sum, squares, first) = (sum - height, squares - height * height, first + 1);
        }
        levels.push((squares / sum.max(f64::MIN_POSITIVE)) as f32);
    }
    levels
}

/// Values above the mean of those around them, and 0 for others.
fn raised(values: &[f32]) -> Vec<f32> {
    let mut sums = Vec::with_capacity(values.len() + 1);
    let mut sum = 0.0;
    sums.push(sum);
    for &value in values {
        sum += f64::from(value);
        sums.push(sum);
    }
    let above = |(at, &value): (usize, &f32)| {
        let from = at.saturating_sub(MEAN_REACH);
        let to = (at + MEAN_REACH + 1).min(values.len());
        let mean = (sums[to] - sums[from]) / (to - from) as f64;
        (value - mean as f32).max(0.0)
    };
    values.iter().enumerate().map(above).collect()
}

/// For each value, the largest of those at most `reach` places from it.
fn largest_within(values: &[f32], reach: usize) -> Vec<f32> {
    let mut largest = Vec::with_capacity(values.len());
    // Places of values that no later one exceeds: the values fall from front to back.
    let mut falling: VecDeque<usize> = VecDeque::new();
    let mut next = 0;
    for at in 0..values.len() {
        while next < values.len() && next <= at + reach {
            while falling
                .back()
                .is_some_and(|&last| values[last] <= values[next])
            {
                falling.pop_back();
            }
            falling.push_back(next);
            next += 1;
        }
        while falling.front().is_some_and(|&first| first + reach < at) {
            falling.pop_front();
        }
        largest.push(falling.front().map_or(0.0, |&first| values[first]));
    }
    largest
}

/// Where the parabola through a value and its neighbours has its vertex, −½ to ½ from the value.
fn vertex(values: &[f32], at: usize) -> f64 {
    let value = |at: Option<usize>| at.and_then(|at| values.get(at)).copied().unwrap_or(0.0);
    let (left, middle, right) = (
        value(at.checked_sub(1)),
        value(Some(at)),
        value(Some(at + 1)),
    );
    let curvature = f64::from(left - 2.0 * middle + right);
    match curvature < 0.0 {
        true => (0.5 * f64::from(left - right) / curvature).clamp(-0.5, 0.5),
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_vertex_by_hand() {
        // The parabola 4 − (x − ¼)².
        let parabola = |x: f32| 4.0 - (x - 0.25) * (x - 0.25);
        let values = [-1.0, 0.0, 1.0].map(parabola);
        assert!((vertex(&values, 1) - 0.25).abs() < 1e-6);
        assert_eq!(vertex(&[1.0, 1.0, 1.0], 1), 0.0);
    }

    #[test]
    fn a_band_that_becomes_louder_is_an_onset_and_one_that_wavers_is_none() {
        let tone = |band: usize, magnitude: f32| {
            let mut bands = [0.0; BANDS];
            bands[band] = magnitude;
            bands
        };
        let strength = |spectra: &[[f32; BANDS]]| {
            let mut strength = OnsetStrength::default();
            spectra.iter().for_each(|bands| strength.push(bands));
            strength.values
        };
        let held = strength(&[tone(9, 0.1), tone(9, 0.1), tone(9, 0.1), tone(10, 0.1)]);
        assert!(held[0] > 4.0 && held[1] > 4.0, "{held:?}");
        assert_eq!(held[2..], [0.0, 0.0]);
        let other = strength(&[tone(9, 0.1), tone(9, 0.1), tone(12, 0.1)]);
        assert!(other[2] > 4.0, "{other:?}");
    }

    proptest! {
        #[test]
        fn the_largest_within_reach(values in prop::collection::vec(0.0_f32..1.0, 0..60), reach in 0_usize..20) {
            let found = largest_within(&values, reach);
            for (at, &largest) in found.iter().enumerate() {
                let near = &values[at.saturating_sub(reach)..(at + reach + 1).min(values.len())];
                prop_assert_eq!(largest, near.iter().copied().fold(0.0, f32::max));
            }
            prop_assert_eq!(found.len(), values.len());
        }

        #[test]
        fn peaks_stand_apart_and_are_no_higher_than_1(values in prop::collection::vec(0.0_f32..1.0, 0..300)) {
            let strength = OnsetStrength { values, ..Default::default() };
            let peaks = strength.peaks();
            prop_assert!(peaks.iter().all(|peak| peak.height > 0.0 && peak.height <= 1.0));
            prop_assert!(peaks.iter().all(|peak| (peak.place - peak.at as f64).abs() <= 0.5));
            prop_assert!(peaks.windows(2).all(|pair| pair[1].at - pair[0].at > PEAK_REACH));
        }
    }
}
