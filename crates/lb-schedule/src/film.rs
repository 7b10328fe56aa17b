//! Film time: which computed frames every film frame shows.

mod easing;
mod motion;
mod pace;
mod pulse;
mod timeline;

pub use easing::Easing;
pub use motion::TransitionMotion;
pub use pace::Pace;
pub use pulse::Pulse;
pub use timeline::{FilmTiming, Timeline, TransitionSpan, TransitionTiming};

use crate::error::ScheduleError;

/// What one film frame shows: (1 − weight) · left + weight · right.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FilmFrame {
    /// The computed frame at or before the film frame's time, counted from 0.
    pub left: usize,
    /// The next computed frame, or the same as `left` where the film frame shows exactly that one.
    pub right: usize,
    /// The share of `right`, in `[0, 1)`. With 0 the film frame is exactly `left`.
    pub weight: f64,
}

impl FilmFrame {
    /// A film frame that shows one computed frame as it is.
    #[must_use]
    pub const fn unmixed(computed: usize) -> Self {
        Self {
            left: computed,
            right: computed,
            weight: 0.0,
        }
    }

    fn mixed(left: usize, weight: f64) -> Self {
        // Rounding may have reached the next computed frame.
        if weight == 0.0 || weight >= 1.0 {
            return Self::unmixed(left + usize::from(weight > 0.0));
        }
        Self {
            left,
            right: left + 1,
            weight,
        }
    }
}

/// The frames of a whole film, as mixes of its computed frames. A keyframe that two transitions
/// share counts once, and in a loop the last transition ends at computed frame 0.
///
/// # Errors
/// [`ScheduleError::MotionCount`] unless there is one motion for each transition.
pub fn film_frames(
    timeline: &Timeline,
    motions: &[TransitionMotion],
) -> Result<Vec<FilmFrame>, ScheduleError> {
    let transitions = timeline.transitions().len();
    if motions.len() != transitions {
        return Err(ScheduleError::MotionCount {
            transitions,
            found: motions.len(),
        });
    }
    let inner = |motion: &TransitionMotion| motion.frame_count() - 1;
    let count = motions.iter().map(inner).sum::<usize>() + usize::from(!timeline.is_loop());
    let mut film = vec![FilmFrame::unmixed(0); timeline.opening_frames()];
    let mut keyframe = 0;
    for motion in motions {
        film.extend(motion.film_frames().map(|frame| FilmFrame {
            // The last keyframe of a loop is its first one.
            left: (keyframe + frame.left) % count,
            right: (keyframe + frame.right) % count,
            ..frame
        }));
        keyframe += inner(motion);
    }
    Ok(film)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame_rate::FrameRate;

    fn positions(fps: f64, seconds: f64, computed: &[usize]) -> Vec<f64> {
        let timing = FilmTiming::uniform(FrameRate::new(fps).unwrap(), seconds, computed.len() + 1);
        let timeline = Timeline::new(&timing).unwrap();
        let spans = timeline.transitions().iter().zip(computed);
        let motions: Vec<TransitionMotion> = spans
            .map(|(span, &frames)| TransitionMotion::even(span, frames).unwrap())
            .collect();
        let frames = film_frames(&timeline, &motions).unwrap();
        frames
            .iter()
            .map(|frame| frame.left as f64 + frame.weight)
            .collect()
    }

    #[test]
    fn fewer_film_frames_move_evenly() {
        assert_eq!(positions(5.0, 1.0, &[11]), [0.0, 2.5, 5.0, 7.5, 10.0]);
    }

    #[test]
    fn shared_keyframes_are_shown_once() {
        let film = positions(4.0, 1.0, &[3, 3]);
        let third = 2.0 / 3.0;
        assert_eq!(film, [0.0, third, 2.0 * third, 2.0, 2.5, 3.0, 3.5, 4.0]);
    }
}
