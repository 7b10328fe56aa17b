//! The sound that a film follows: its length, and its rhythm.

use std::path::Path;

use lb_audio::{AudioError, Rhythm, SoundFile};
use lb_job::{FilmLength, Job, JobSettings, Pulse, Sync};
use lb_render::{AudioTrack, RenderError};

use crate::error::CommandError;

/// What is known about the sound of a film.
pub(crate) struct Sound {
    /// Its length in seconds.
    pub(crate) seconds: f64,
    /// Its rhythm, if somebody has listened for it.
    pub(crate) rhythm: Option<Rhythm>,
}

impl Sound {
    /// Finds out the length of a sound.
    fn length_of(path: &Path) -> Result<Self, CommandError> {
        let length = || -> Result<f64, AudioError> {
            let mut file = SoundFile::open(path)?;
            let mut samples = 0;
            while let Some(block) = file.next_block()? {
                samples += block.len();
            }
            Ok(samples as f64 / f64::from(file.sample_rate()))
        };
        let seconds = match length() {
            Ok(seconds) => seconds,
            Err(AudioError::File(error)) => return Err(AudioError::File(error).into()),
            // ffmpeg reads more formats, and more of what is damaged, where it is installed.
            Err(_) => {
                let track = AudioTrack::new(path);
                track.seconds().map_err(RenderError::from)?
            }
        };
        Ok(Self {
            seconds,
            rhythm: None,
        })
    }

    /// The sound at a path, if there is one. `follows_rhythm` says whether the film follows more of it than its
    /// length.
    pub(crate) fn of(
        path: Option<&Path>,
        follows_rhythm: bool,
    ) -> Result<Option<Self>, CommandError> {
        let sound = path.map(|path| match follows_rhythm {
            true => Self::listen(path),
            false => Self::length_of(path),
        });
        sound.transpose()
    }

    /// A sound with its rhythm, or with its length alone if only ffmpeg can read it or it is too long.
    pub(crate) fn heard(path: &Path) -> Result<Self, CommandError> {
        match Rhythm::of_file(path) {
            Ok(rhythm) => Ok(Self::from(rhythm)),
            Err(AudioError::File(error)) => Err(AudioError::File(error).into()),
            Err(_) => Self::length_of(path),
        }
    }

    /// Listens to a sound.
    fn listen(path: &Path) -> Result<Self, CommandError> {
        Ok(Self::from(Rhythm::of_file(path)?))
    }
}

impl From<Rhythm> for Sound {
    fn from(rhythm: Rhythm) -> Self {
        Self {
            seconds: rhythm.seconds,
            rhythm: Some(rhythm),
        }
    }
}

/// What a film is to follow in its sound, once its job is resolved.
#[derive(Default)]
pub(crate) struct Following {
    pulse: Option<Pulse>,
}

impl Following {
    /// Takes what the settings ask of the sound out of them: the length of the film is filled in.
    pub(crate) fn take(
        settings: &mut JobSettings,
        sound: Option<&Sound>,
    ) -> Result<Self, CommandError> {
        let Some(sound) = sound else {
            return Ok(Self::default());
        };
        let length = &mut settings.timing.film_seconds;
        if *length == Some(FilmLength::Track) {
            *length = Some(FilmLength::Seconds(sound.seconds));
        }
        let Some(sync) = settings.timing.sync.take() else {
            return Ok(Self::default());
        };
        let Some(rhythm) = &sound.rhythm else {
            return Err(CommandError::request(format!(
                "the film cannot follow the {sync} of a sound that lb cannot decode; convert it to FLAC or WAV"
            )));
        };
        let moments = match sync {
            Sync::Onsets => &rhythm.onsets,
            _ => &rhythm.beats,
        };
        if moments.is_empty() {
            return Err(CommandError::request(format!(
                "no {sync} are heard in the sound, so the film cannot follow them"
            )));
        }
        Ok(Self {
            pulse: Some(Pulse {
                moments: moments.clone(),
                energy: rhythm.percussion.clone(),
                step: rhythm.step,
            }),
        })
    }

    /// Times the film by its sound.
    pub(crate) fn apply(&self, job: &mut Job) -> Result<(), CommandError> {
        match &self.pulse {
            Some(pulse) => Ok(job.synchronize(pulse)?),
            None => Ok(()),
        }
    }
}
