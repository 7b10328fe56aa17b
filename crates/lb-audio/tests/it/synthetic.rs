//! Synthetic tracks.

use std::f64::consts::TAU;
use std::path::Path;

/// A track that is being made.
pub(crate) struct Track {
    pub(crate) rate: u32,
    pub(crate) samples: Vec<f32>,
    noise: u64,
}

impl Track {
    /// Silence of this many seconds.
    pub(crate) fn silent(rate: u32, seconds: f64) -> Self {
        let count = (f64::from(rate) * seconds).round() as usize;
        Self {
            rate,
            samples: vec![0.0; count],
            noise: 1,
        }
    }

    /// A track of clicks at these seconds.
    pub(crate) fn of_clicks(rate: u32, seconds: f64, clicks: &[f64]) -> Self {
        let mut track = Self::silent(rate, seconds);
        clicks.iter().for_each(|&at| track.click(at, 0.5));
        track
    }

    /// Adds a sound that begins at `at` and fades within some hundredths of a second.
    pub(crate) fn click(&mut self, at: f64, level: f64) {
        self.tone(at, 0.05, level, 1000.0, 0.01);
    }

    /// Adds a tone with this time constant of its decay, in seconds.
    pub(crate) fn tone(&mut self, at: f64, seconds: f64, level: f64, hertz: f64, decay: f64) {
        let rate = f64::from(self.rate);
        let (from, to) = ((at * rate).ceil(), ((at + seconds) * rate).ceil());
        for place in from.max(0.0) as usize..(to as usize).min(self.samples.len()) {
            let time = place as f64 / rate - at;
            let value = level * (-time / decay).exp() * (TAU * hertz * time).sin();
            self.samples[place] += value as f32;
        }
    }

    /// Adds white noise with this root mean square.
    pub(crate) fn noise(&mut self, level: f64) {
        let mut state = self.noise;
        for sample in &mut self.samples {
            // Twelve uniform numbers are nearly normal together (Marsaglia's xorshift64).
            let mut sum = -6.0;
            for _ in 0..12 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                sum += state as f64 / u64::MAX as f64;
            }
            *sample += (level * sum) as f32;
        }
        self.noise = state;
    }

    /// Writes a WAV file of 16 bits with this many equal channels.
    pub(crate) fn write_wav(&self, path: &Path, channels: u16) {
        let bytes_per_frame = 2 * channels;
        let length = self.samples.len() as u32 * u32::from(bytes_per_frame);
        let mut bytes = Vec::new();
        bytes.extend(b"RIFF");
        bytes.extend((36 + length).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16_u32.to_le_bytes());
        bytes.extend(1_u16.to_le_bytes());
        bytes.extend(channels.to_le_bytes());
        bytes.extend(self.rate.to_le_bytes());
        bytes.extend((self.rate * u32::from(bytes_per_frame)).to_le_bytes());
        bytes.extend(bytes_per_frame.to_le_bytes());
        bytes.extend(16_u16.to_le_bytes());
        bytes.extend(b"data");
        bytes.extend(length.to_le_bytes());
        for sample in &self.samples {
            let value = (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16;
            for _ in 0..channels {
                bytes.extend(value.to_le_bytes());
            }
        }
        std::fs::write(path, bytes).unwrap();
    }
}

/// Moments at this tempo in beats a minute, from one second to another.
pub(crate) fn pulse(tempo: f64, from: f64, to: f64) -> Vec<f64> {
    let count = ((to - from) * tempo / 60.0).ceil() as usize;
    (0..count)
        .map(|beat| from + beat as f64 * 60.0 / tempo)
        .collect()
}
