//! How strong the percussion of a sound is.

use std::collections::VecDeque;

use crate::spectra::BANDS;

/// What is held is the median of this many spectra on either side: 80 ms.
const TIME_REACH: usize = 8;

/// What is percussive is the median of this many bands on either side.
const BAND_REACH: usize = 4;

/// The strength of percussion at every spectrum, found by median filters over time and frequency.
///
/// The power of what is held, H, is the median of a band over time, and that of percussion, P, the median of a
/// spectrum over bands. Of the power of each band the share P²/(H² + P²) counts (FitzGerald 2010).
#[derive(Default)]
pub(crate) struct Percussion {
    /// The powers of the last spectra: as many as the median over time takes, the newest last.
    recent: VecDeque<[f32; BANDS]>,
    pushed: usize,
    values: Vec<f32>,
}

impl Percussion {
    pub(crate) fn push(&mut self, bands: &[f32; BANDS]) {
        if self.pushed == 0 {
            self.recent = VecDeque::from(vec![[0.0; BANDS]; TIME_REACH]);
        }
        self.recent
            .push_back(bands.map(|magnitude| magnitude * magnitude));
        self.pushed += 1;
        self.take();
    }

    /// The root of the percussive power at every spectrum.
    pub(crate) fn finish(mut self) -> Vec<f32> {
        while self.values.len() < self.pushed {
            self.recent.push_back([0.0; BANDS]);
            self.take();
        }
        self.values
    }

    /// Adds the value in the middle of the recent spectra, once there are enough of them.
    fn take(&mut self) {
        if self.recent.len() <= 2 * TIME_REACH {
            return;
        }
        let middle = self.recent[TIME_REACH];
        let power: f32 = (0..BANDS)
            .map(|band| {
                let mut over_time: [f32; 2 * TIME_REACH + 1] =
                    std::array::from_fn(|at| self.recent[at][band]);
                let held = median(&mut over_time);
                let from = band.saturating_sub(BAND_REACH);
                let mut near = [0.0; 2 * BAND_REACH + 1];
                let bands = &middle[from..(band + BAND_REACH + 1).min(BANDS)];
                near[..bands.len()].copy_from_slice(bands);
                let percussive = median(&mut near[..bands.len()]);
                let (held, percussive) = (held * held, percussive * percussive);
                match held + percussive > 0.0 {
                    true => middle[band] * percussive / (held + percussive),
                    false => 0.0,
                }
            })
            .sum();
        self.values.push(power.sqrt());
        self.recent.pop_front();
    }
}

/// The middle one of several values, in order of size.
fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percussion(spectra: &[[f32; BANDS]]) -> Vec<f32> {
        let mut percussion = Percussion::default();
        spectra.iter().for_each(|bands| percussion.push(bands));
        percussion.finish()
    }

    #[test]
    fn a_held_tone_is_not_percussive_and_a_click_in_it_is() {
        let mut tone = [0.0; BANDS];
        tone[20] = 0.5;
        let mut spectra = vec![tone; 60];
        let without = percussion(&spectra);
        assert!(without.iter().all(|&value| value < 1e-6), "{without:?}");
        let click: [f32; BANDS] = std::array::from_fn(|band| tone[band] + 0.1);
        spectra[30] = click;
        let with = percussion(&spectra);
        assert_eq!(with.len(), 60);
        // The root of the power of 39 bands, and less of that of the tone's own band.
        assert!((0.62..0.7).contains(&with[30]), "{}", with[30]);
        let others = (0..60).filter(|&at| at != 30);
        assert!(others.map(|at| with[at]).all(|value| value < 1e-6));
    }

    #[test]
    fn short_sounds_have_a_value_for_each_spectrum() {
        for count in [0, 1, 8, 9, 17, 18] {
            assert_eq!(percussion(&vec![[0.1; BANDS]; count]).len(), count);
        }
    }
}
