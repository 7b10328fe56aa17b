//! The rhythm of a piece of music.

use std::path::Path;

use crate::beats::beats;
use crate::error::AudioError;
use crate::onsets::OnsetStrength;
use crate::percussion::Percussion;
use crate::sound_file::{LONGEST, SoundFile, validate_rate};
use crate::spectra::Spectra;

/// What a listener would tap to, and how strong the percussion is, in a piece of music.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Rhythm {
    /// The length of the sound, in seconds.
    pub seconds: f64,
    /// The beats, in seconds from the beginning, increasing: about 0.27 s to 1.5 s apart (222 to 40 a
    /// minute).
    ///
    /// The first and the last beat are onsets. A beat between them need not be one: through a rest or a short
    /// silence, beats go on at the last tempo.
    pub beats: Vec<f64>,
    /// The moments at which something begins to sound, in seconds from the beginning, increasing: at least
    /// 30 ms apart.
    pub onsets: Vec<f64>,
    /// The strength of percussion at moments that are [`step`](Self::step) seconds apart, the first at the
    /// beginning: the root of its power, where that of a sine at full scale is about 1.
    pub percussion: Vec<f32>,
    /// Seconds from one strength of percussion to the next, about 0.01.
    pub step: f64,
}

impl Rhythm {
    /// Listens to a file.
    ///
    /// # Errors
    /// Those of [`SoundFile`], [`AudioError::NoSound`] for a file without samples, and [`AudioError::TooLong`].
    pub fn of_file(path: &Path) -> Result<Self, AudioError> {
        let mut file = SoundFile::open(path)?;
        let mut listener = Listener::new(file.sample_rate());
        while let Some(block) = file.next_block()? {
            listener.push(block)?;
        }
        match listener.spectra.seconds() > 0.0 {
            true => Ok(listener.finish()),
            false => Err(AudioError::NoSound { path: path.into() }),
        }
    }

    /// Listens to samples of one channel, from −1 to 1, of which there are `rate` a second.
    ///
    /// # Errors
    /// [`AudioError::SampleRate`] and [`AudioError::TooLong`].
    pub fn of_samples(rate: u32, samples: &[f32]) -> Result<Self, AudioError> {
        validate_rate(rate)?;
        let mut listener = Listener::new(rate);
        listener.push(samples)?;
        Ok(listener.finish())
    }

    /// The usual tempo in beats a minute, from the median of the time between two beats. `None` if there are
    /// fewer than two beats.
    #[must_use]
    pub fn tempo(&self) -> Option<f64> {
        let mut apart: Vec<f64> = self
            .beats
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect();
        let middle = apart.len() / 2;
        if apart.is_empty() {
            return None;
        }
        let (_, median, _) = apart.select_nth_unstable_by(middle, f64::total_cmp);
        Some(60.0 / *median)
    }
}

/// Takes in a sound, block by block.
struct Listener {
    spectra: Spectra,
    strength: OnsetStrength,
    percussion: Percussion,
}

impl Listener {
    fn new(rate: u32) -> Self {
        Self {
            spectra: Spectra::new(rate),
            strength: OnsetStrength::default(),
            percussion: Percussion::default(),
        }
    }

    fn push(&mut self, samples: &[f32]) -> Result<(), AudioError> {
        let Self {
            spectra,
            strength,
            percussion,
        } = self;
        // All at once, a long sound would be in memory twice.
        for block in samples.chunks(1 << 14) {
            spectra.push(block, &mut |bands| {
                strength.push(bands);
                percussion.push(bands);
            });
        }
        match spectra.seconds() > f64::from(LONGEST) {
            true => Err(AudioError::TooLong),
            false => Ok(()),
        }
    }

    fn finish(mut self) -> Rhythm {
        let (strength, percussion) = (&mut self.strength, &mut self.percussion);
        self.spectra.finish(&mut |bands| {
            strength.push_end();
            percussion.push(bands);
        });
        let (seconds, step) = (self.spectra.seconds(), self.spectra.step());
        let peaks = self.strength.peaks();
        let time = |place: f64| (place * step).clamp(0.0, seconds);
        let beats = beats(self.strength.len(), &peaks).into_iter();
        let onsets = peaks.iter().filter(|peak| peak.is_onset());
        Rhythm {
            seconds,
            beats: beats.map(time).collect(),
            onsets: onsets.map(|peak| time(peak.place)).collect(),
            percussion: self.percussion.finish(),
            step,
        }
    }
}
