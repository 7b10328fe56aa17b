//! Which computed frames every film frame shows.

mod timing;

use crate::error::ScheduleError;
use crate::profile::MAX_BRANCHES;

pub use timing::{FilmTiming, MAX_FILM_FRAMES};
pub(crate) use timing::{MAX_FRAMES_PER_SECOND, MAX_SECONDS_PER_TRANSITION, MIN_FRAMES_PER_SECOND};

/// What one film frame shows: (1 − weight) · left + weight · right.
///
/// `left` and `right` count the computed frames of the whole film, in which a keyframe that two
/// transitions share stands once.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FilmFrame {
    /// The computed frame at or before the film frame's time.
    pub left: usize,
    /// The next computed frame; the same as `left` where the film frame shows exactly that.
    pub right: usize,
    /// The share of `right`, in `[0, 1)`. 0 is exactly `left`.
    pub weight: f64,
}

/// The frames of a film whose transition t has `computed_per_transition[t]` computed frames, both
/// keyframes included.
///
/// The first film frame is exactly the first keyframe, and each transition ends exactly on its last
/// keyframe: the next one starts with the frame after. So a shared keyframe is shown once, a film
/// lasts as long as its transitions together, and what a transition shows does not depend on those
/// that follow.
///
/// Computed frames follow each other at even times. Where there are film frames enough, each
/// computed frame is shown unmixed in the film frame nearest to its time, and those between are
/// cross-faded. Where there are fewer, each film frame cross-fades the two computed frames around
/// its time.
///
/// # Errors
/// As [`FilmTiming::frame_count`], and [`ScheduleError::FramesOutOfRange`] for a transition of
/// fewer than 2 or absurdly many computed frames.
pub fn film_frames(
    timing: &FilmTiming,
    computed_per_transition: &[usize],
) -> Result<Vec<FilmFrame>, ScheduleError> {
    let frame_count = timing.frame_count(computed_per_transition.len())?;
    let frames_per_transition = timing.frames_per_transition()?;
    let mut film = Vec::with_capacity(frame_count);
    film.push(FilmFrame {
        left: 0,
        right: 0,
        weight: 0.0,
    });
    let mut keyframe = 0;
    for (transition, &frames) in computed_per_transition.iter().enumerate() {
        if !(2..=MAX_BRANCHES).contains(&frames) {
            return Err(ScheduleError::FramesOutOfRange { frames });
        }
        let computed_intervals = frames - 1;
        // The first transition shows two keyframes, every later one only its second.
        let film_intervals = frames_per_transition - usize::from(transition == 0);
        for film_interval in 1..=film_intervals {
            let (interval, part, parts) = if film_intervals >= computed_intervals {
                snapped(film_interval, film_intervals, computed_intervals)
            } else {
                sampled(film_interval, film_intervals, computed_intervals)
            };
            let left = keyframe + interval;
            film.push(FilmFrame {
                left,
                right: left + usize::from(part > 0),
                weight: part as f64 / parts as f64,
            });
        }
        keyframe += computed_intervals;
    }
    Ok(film)
}

/// A place between two computed frames: the left one, and the way to the next as part / parts.
type Place = (usize, usize, usize);

/// The place of a film frame among computed frames that each sit on a film frame of their own.
fn snapped(film_interval: usize, film_intervals: usize, computed_intervals: usize) -> Place {
    let seat = |computed: usize| {
        (2 * computed * film_intervals + computed_intervals) / (2 * computed_intervals)
    };
    // A computed frame's seat is at most half a film frame early: the even position is the left
    // one's, or the one before it.
    let even = film_interval * computed_intervals / film_intervals;
    let next_is_seated = even < computed_intervals && seat(even + 1) <= film_interval;
    let left = even + usize::from(next_is_seated);
    if left == computed_intervals {
        return (left, 0, 1);
    }
    (
        left,
        film_interval - seat(left),
        seat(left + 1) - seat(left),
    )
}

/// The place of a film frame among more computed frames than film frames.
fn sampled(film_interval: usize, film_intervals: usize, computed_intervals: usize) -> Place {
    let position = film_interval * computed_intervals;
    (
        position / film_intervals,
        position % film_intervals,
        film_intervals,
    )
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

    fn positions(timing: &FilmTiming, computed: &[usize]) -> Vec<f64> {
        let frames = film_frames(timing, computed).unwrap();
        frames
            .iter()
            .map(|frame| frame.left as f64 + frame.weight)
            .collect()
    }

    #[test]
    fn computed_frames_sit_on_film_frames() {
        // 3 computed frames at 0, 2.5 and 5 of 6 film frames: the middle one moves to 3.
        let third = 1.0 / 3.0;
        let expected = [0.0, third, 2.0 * third, 1.0, 1.5, 2.0];
        assert_eq!(positions(&timing(6.0, 1.0), &[3]), expected);
    }

    #[test]
    fn fewer_film_frames_move_evenly() {
        assert_eq!(
            positions(&timing(5.0, 1.0), &[11]),
            [0.0, 2.5, 5.0, 7.5, 10.0]
        );
    }

    #[test]
    fn shared_keyframes_are_shown_once() {
        let film = positions(&timing(4.0, 1.0), &[3, 3]);
        assert_eq!(film, [0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0]);
    }

    #[test]
    fn a_transition_has_two_keyframes() {
        let lonely = film_frames(&timing(30.0, 5.0), &[4, 1]).unwrap_err();
        assert_eq!(lonely, ScheduleError::FramesOutOfRange { frames: 1 });
    }
}
