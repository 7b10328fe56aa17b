//! How many frames a film has.

use crate::error::ScheduleError;

/// Most frames of a film: nine hours at 30 frames per second.
pub const MAX_FILM_FRAMES: usize = 1_000_000;

pub(crate) const MIN_FRAMES_PER_SECOND: f64 = 0.1;
pub(crate) const MAX_FRAMES_PER_SECOND: f64 = 1000.0;
pub(crate) const MAX_SECONDS_PER_TRANSITION: f64 = 86_400.0;

/// How long a transition lasts, and how finely it is cut.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FilmTiming {
    /// Film frames a second: 0.1 to 1000. Default 30.
    pub frames_per_second: f64,
    /// Seconds of one transition: above 0, at most a day. Default 5.
    pub seconds_per_transition: f64,
}

impl Default for FilmTiming {
    fn default() -> Self {
        Self {
            frames_per_second: 30.0,
            seconds_per_transition: 5.0,
        }
    }
}

impl FilmTiming {
    /// Checks both fields against their ranges, and that a transition has room for its keyframes.
    ///
    /// # Errors
    /// [`ScheduleError::FramesPerSecondOutOfRange`], [`ScheduleError::SecondsOutOfRange`],
    /// [`ScheduleError::TransitionTooShort`].
    pub fn validate(&self) -> Result<(), ScheduleError> {
        self.frames_per_transition().map(|_| ())
    }

    /// The film frames of one transition alone: frames per second × seconds, to the nearest whole
    /// number.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn frames_per_transition(&self) -> Result<usize, ScheduleError> {
        let Self {
            frames_per_second,
            seconds_per_transition,
        } = *self;
        if !(MIN_FRAMES_PER_SECOND..=MAX_FRAMES_PER_SECOND).contains(&frames_per_second) {
            return Err(ScheduleError::FramesPerSecondOutOfRange {
                value: frames_per_second,
            });
        }
        let seconds_in_range =
            seconds_per_transition > 0.0 && seconds_per_transition <= MAX_SECONDS_PER_TRANSITION;
        if !seconds_in_range {
            return Err(ScheduleError::SecondsOutOfRange {
                value: seconds_per_transition,
            });
        }
        let frames = (frames_per_second * seconds_per_transition).round() as usize;
        if frames < 2 {
            return Err(ScheduleError::TransitionTooShort {
                frames_per_second,
                seconds_per_transition,
                frames,
            });
        }
        Ok(frames)
    }

    /// The frames of a film of `transitions` transitions: exactly
    /// [`frames_per_transition`](Self::frames_per_transition) for each.
    ///
    /// # Errors
    /// As [`validate`](Self::validate), and [`ScheduleError::NoTransitions`],
    /// [`ScheduleError::FilmTooLong`].
    pub fn frame_count(&self, transitions: usize) -> Result<usize, ScheduleError> {
        let frames_per_transition = self.frames_per_transition()?;
        if transitions == 0 {
            return Err(ScheduleError::NoTransitions);
        }
        transitions
            .checked_mul(frames_per_transition)
            .filter(|&frames| frames <= MAX_FILM_FRAMES)
            .ok_or(ScheduleError::FilmTooLong {
                transitions,
                frames_per_transition,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(frames_per_second: f64, seconds_per_transition: f64) -> FilmTiming {
        FilmTiming {
            frames_per_second,
            seconds_per_transition,
        }
    }

    #[test]
    fn frames_are_frames_per_second_times_seconds() {
        assert_eq!(timing(30.0, 5.0).frame_count(1), Ok(150));
        assert_eq!(timing(30.0, 5.0).frame_count(3), Ok(450));
        assert_eq!(timing(29.97, 10.0).frame_count(1), Ok(300));
    }

    #[test]
    fn refused_with_the_rule_it_broke() {
        let refused = |fps, seconds| timing(fps, seconds).validate().unwrap_err().to_string();
        assert_eq!(
            refused(0.0, 5.0),
            "frames per second must be 0.1 to 1000, got 0"
        );
        assert_eq!(
            refused(f64::NAN, 5.0),
            "frames per second must be 0.1 to 1000, got NaN"
        );
        let seconds = "seconds per transition must be above 0 and at most 86400, got";
        assert_eq!(refused(30.0, 0.0), format!("{seconds} 0"));
        assert_eq!(refused(30.0, f64::INFINITY), format!("{seconds} inf"));
        assert!(refused(30.0, 0.03).ends_with("0.03 s at 30 frames per second make 1"));

        assert_eq!(
            timing(30.0, 5.0).frame_count(0),
            Err(ScheduleError::NoTransitions)
        );
        let too_long = timing(1000.0, 86_400.0).frame_count(1).unwrap_err();
        assert!(matches!(too_long, ScheduleError::FilmTooLong { .. }));
        let overflow = timing(30.0, 5.0).frame_count(usize::MAX).unwrap_err();
        assert!(matches!(overflow, ScheduleError::FilmTooLong { .. }));
    }
}
