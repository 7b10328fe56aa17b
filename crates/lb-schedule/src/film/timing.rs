//! What is asked of a film's time: how fast, how long, how held.

use super::easing::Easing;
use super::error::TimingError;

/// Most frames of a film: nine hours at 30 frames per second.
pub const MAX_FILM_FRAMES: usize = 1_000_000;

pub(super) const MIN_FRAMES_PER_SECOND: f64 = 0.1;
pub(super) const MAX_FRAMES_PER_SECOND: f64 = 1000.0;
/// Of one transition or hold: a day.
pub(super) const MAX_SECONDS: f64 = 86_400.0;

/// The time of a whole film.
///
/// A film of K keyframes has K − 1 transitions, or K where it closes into a loop: then the last one
/// leads back to the first keyframe.
#[derive(Clone, PartialEq, Debug)]
pub struct FilmTiming {
    /// Film frames a second: 0.1 to 1000.
    pub frames_per_second: f64,
    /// Seconds that each keyframe is shown still, 0 to 86400: one a keyframe. They come on top of
    /// the film frame in which the transition before it arrives.
    pub holds: Vec<f64>,
    /// The transitions, in film order.
    pub transitions: Vec<TransitionTiming>,
    /// Length of the whole film. Holds are kept, and the transitions' seconds are scaled in
    /// proportion so that they fill the rest. `None`: holds and transitions as they are.
    pub film_seconds: Option<f64>,
}

/// The time of one transition.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TransitionTiming {
    /// From one keyframe to the next: above 0, at most 86400 seconds.
    pub seconds: f64,
    /// How the motion starts and ends.
    pub easing: Easing,
}

impl FilmTiming {
    /// A film whose transitions all take the same `seconds` at one speed, without holds.
    #[must_use]
    pub fn uniform(frames_per_second: f64, seconds: f64, keyframes: usize) -> Self {
        let transition = TransitionTiming {
            seconds,
            easing: Easing::Linear,
        };
        Self {
            frames_per_second,
            holds: vec![0.0; keyframes],
            transitions: vec![transition; keyframes.saturating_sub(1)],
            film_seconds: None,
        }
    }

    /// Whether the last transition leads back to the first keyframe.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        self.transitions.len() == self.holds.len()
    }

    /// Checks every number against its range; not yet whether there are frames for it.
    pub(super) fn check_ranges(&self) -> Result<(), TimingError> {
        let value = self.frames_per_second;
        if !(MIN_FRAMES_PER_SECOND..=MAX_FRAMES_PER_SECOND).contains(&value) {
            return Err(TimingError::FramesPerSecondOutOfRange { value });
        }
        let (keyframes, transitions) = (self.holds.len(), self.transitions.len());
        if transitions == 0 {
            return Err(TimingError::NoTransitions);
        }
        if keyframes < 2 || !(keyframes - 1..=keyframes).contains(&transitions) {
            return Err(TimingError::TransitionCount {
                keyframes,
                transitions,
            });
        }
        for &value in &self.holds {
            if !(0.0..=MAX_SECONDS).contains(&value) {
                return Err(TimingError::HoldOutOfRange { value });
            }
        }
        for &TransitionTiming { seconds: value, .. } in &self.transitions {
            if !(value > 0.0 && value <= MAX_SECONDS) {
                return Err(TimingError::SecondsOutOfRange { value });
            }
        }
        match self.film_seconds {
            Some(value) if !(value > 0.0 && value.is_finite()) => {
                Err(TimingError::FilmSecondsOutOfRange { value })
            }
            _ => Ok(()),
        }
    }

    /// The seconds of every transition after fitting them into the film.
    pub(super) fn transition_seconds(&self) -> Result<Vec<f64>, TimingError> {
        let asked = self.transitions.iter().map(|transition| transition.seconds);
        let Some(film_seconds) = self.film_seconds else {
            return Ok(asked.collect());
        };
        let held_seconds: f64 = self.holds.iter().sum();
        if held_seconds >= film_seconds {
            return Err(TimingError::HoldsFillFilm {
                film_seconds,
                held_seconds,
            });
        }
        let scale = (film_seconds - held_seconds) / asked.clone().sum::<f64>();
        Ok(asked.map(|seconds| seconds * scale).collect())
    }
}
