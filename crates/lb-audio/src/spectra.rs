//! The spectrum of a sound, a hundred times a second.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Spectra a second, nearly: the distance of two is rounded to samples.
const PER_SECOND: u32 = 100;

/// Seconds of sound of which a spectrum is taken.
const WINDOW: f64 = 0.0232;

/// The number of bands.
pub(crate) const BANDS: usize = 40;

/// The frequencies between which the bands lie, in hertz.
const RANGE: (f64, f64) = (40.0, 16_000.0);

/// The magnitudes of [`BANDS`] bands that are equally wide on the mel scale, from windows of a sound around
/// moments 10 ms apart. The first is around the sound's beginning. A sine at full scale has the magnitude 1.
///
/// Hertz f are 2595·log₁₀(1 + f/700) mel (O'Shaughnessy, "Speech communication", 1987).
pub(crate) struct Spectra {
    hop: usize,
    rate: u32,
    transform: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// The first bin of each band, and the bin behind the last band.
    edges: Vec<usize>,
    scale: f32,
    /// Samples that later windows need.
    waiting: Vec<f32>,
    /// How many samples there were.
    samples: u64,
    /// How many spectra there were.
    count: u64,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
}

impl Spectra {
    pub(crate) fn new(rate: u32) -> Self {
        let hop = (rate / PER_SECOND) as usize;
        let length = 2 * ((0.5 * WINDOW * f64::from(rate)).round() as usize).max(hop / 2 + 1);
        let transform = RealFftPlanner::new().plan_fft_forward(length);
        // Hann's window.
        let window = (0..length).map(|at| {
            let turn = (at as f64 + 0.5) / length as f64 * std::f64::consts::TAU;
            (0.5 - 0.5 * turn.cos()) as f32
        });
        let window: Vec<f32> = window.collect();
        let scale = 2.0 / window.iter().sum::<f32>();
        Self {
            hop,
            rate,
            edges: edges(length, rate),
            scale,
            // The first window is half before the sound.
            waiting: vec![0.0; length / 2],
            samples: 0,
            count: 0,
            input: transform.make_input_vec(),
            output: transform.make_output_vec(),
            transform,
            window,
        }
    }

    /// Seconds from one spectrum to the next.
    pub(crate) fn step(&self) -> f64 {
        self.hop as f64 / f64::from(self.rate)
    }

    /// Seconds of the sound so far.
    pub(crate) fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.rate)
    }

    /// Adds samples, and passes on the spectra that are complete with them.
    pub(crate) fn push(&mut self, samples: &[f32], each: &mut impl FnMut(&[f32; BANDS])) {
        self.samples += samples.len() as u64;
        self.waiting.extend_from_slice(samples);
        self.take(each);
    }

    /// Passes on the last spectra, whose windows reach beyond the end.
    pub(crate) fn finish(&mut self, each: &mut impl FnMut(&[f32; BANDS])) {
        let wanted = self.samples.div_ceil(self.hop as u64);
        while self.count < wanted {
            self.waiting.push(0.0);
            self.take(each);
        }
    }

    fn take(&mut self, each: &mut impl FnMut(&[f32; BANDS])) {
        let length = self.window.len();
        let mut from = 0;
        while from + length <= self.waiting.len() {
            let pairs = self.waiting[from..].iter().zip(&self.window);
            for (value, (sample, weight)) in self.input.iter_mut().zip(pairs) {
                *value = sample * weight;
            }
            // The lengths are those that the transform asked for.
            if self
                .transform
                .process(&mut self.input, &mut self.output)
                .is_ok()
            {
                each(&self.bands());
            }
            self.count += 1;
            from += self.hop;
        }
        self.waiting.drain(..from.min(self.waiting.len()));
    }

    fn bands(&self) -> [f32; BANDS] {
        std::array::from_fn(|band| {
            let bins = &self.output[self.edges[band]..self.edges[band + 1]];
            let power: f32 = bins.iter().map(|bin| bin.norm_sqr()).sum();
            self.scale * power.sqrt()
        })
    }
}

/// The bins at which the bands begin and end. A band may be empty where bins are wider than bands, or above half
/// of the rate.
fn edges(length: usize, rate: u32) -> Vec<usize> {
    let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let hertz = |mel: f64| 700.0 * (10_f64.powf(mel / 2595.0) - 1.0);
    let (low, high) = (mel(RANGE.0), mel(RANGE.1));
    let bins = length / 2 + 1;
    let edge = |band: usize| {
        let at = low + (high - low) * band as f64 / BANDS as f64;
        let bin = hertz(at) * length as f64 / f64::from(rate);
        (bin.round() as usize).min(bins)
    };
    (0..=BANDS).map(edge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spectra(rate: u32, samples: &[f32], block: usize) -> Vec<[f32; BANDS]> {
        let mut all = Vec::new();
        let mut spectra = Spectra::new(rate);
        let mut keep = |bands: &[f32; BANDS]| all.push(*bands);
        samples
            .chunks(block)
            .for_each(|block| spectra.push(block, &mut keep));
        spectra.finish(&mut keep);
        all
    }

    fn sine(rate: u32, hertz: f64, seconds: f64) -> Vec<f32> {
        let count = (f64::from(rate) * seconds) as usize;
        let turn = std::f64::consts::TAU * hertz / f64::from(rate);
        (0..count)
            .map(|at| (at as f64 * turn).sin() as f32)
            .collect()
    }

    #[test]
    fn a_sine_has_its_magnitude_in_one_band() {
        for rate in [16_000, 44_100, 48_000] {
            let found = spectra(rate, &sine(rate, 3000.0, 0.5), 1000);
            assert_eq!(found.len(), 50, "{rate}");
            let bands = found[25];
            let most = bands.iter().copied().fold(0.0, f32::max);
            // Hann's window spreads a sine over three bins: √(1 + 2·¼) in all.
            assert!((0.9..1.3).contains(&most), "{rate}: {most}");
            let others = bands.iter().filter(|&&band| band > 0.5 * most).count();
            assert!(others <= 2, "{rate}: {bands:?}");
        }
    }

    #[test]
    fn blocks_of_any_length_give_the_same() {
        let samples = sine(11_025, 500.0, 0.3);
        let whole = spectra(11_025, &samples, samples.len());
        assert_eq!(whole.len(), 31);
        for block in [1, 7, 110, 5000] {
            assert_eq!(spectra(11_025, &samples, block), whole, "{block}");
        }
        assert!(spectra(11_025, &[], 1).is_empty());
    }

    #[test]
    fn a_click_is_in_the_spectra_around_it() {
        let mut samples = vec![0.0; 44_100];
        samples[22_050] = 1.0;
        let found = spectra(44_100, &samples, 999);
        let loud = |at: &usize| found[*at].iter().any(|&band| band > 0.0);
        let loud: Vec<usize> = (0..found.len()).filter(loud).collect();
        assert_eq!(loud, [49, 50, 51]);
    }
}
