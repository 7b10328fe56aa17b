//! Film time: which computed frames every film frame shows.

mod easing;
mod positions;
mod timeline;

pub use easing::Easing;
pub use positions::{ComputedPositions, perceptual_positions};
pub use timeline::{FilmTiming, MAX_FILM_FRAMES, Timeline, TransitionSpan, TransitionTiming};
pub(crate) use timeline::{MAX_FRAMES_PER_SECOND, MAX_SECONDS, MIN_FRAMES_PER_SECOND};

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

/// The film frames of one transition and of the hold after it, as mixes of the transition's own
/// computed frames, of which 0 is its left keyframe.
///
/// They depend on the span and the positions alone. The film frame that still shows the left keyframe
/// is not among them: it belongs to what comes before.
///
/// A film frame cross-fades the two computed frames around its own position, by its exact time. No
/// computed frame is moved to the time of a film frame: gaps of one and two film frames in turn would
/// show as jolts.
///
/// # Errors
/// As [`ComputedPositions::validate`].
pub fn transition_frames(
    span: &TransitionSpan,
    computed: &ComputedPositions,
) -> Result<Vec<FilmFrame>, ScheduleError> {
    computed.validate()?;
    let last = computed.frame_count() - 1;
    let moving = (1..=span.moving_frames).map(|interval| match computed {
        ComputedPositions::Even { .. } => {
            let position = last as f64 * span.position_after(interval);
            FilmFrame::mixed(position as usize, position.fract())
        }
        ComputedPositions::Given(positions) => {
            frame_among_given(positions, span.position_after(interval))
        }
    });
    let held = std::iter::repeat_n(FilmFrame::unmixed(last), span.held_frames);
    Ok(moving.chain(held).collect())
}

/// When each computed frame of a transition is shown, in film frames since the film's beginning.
/// Most of these times lie between two film frames.
///
/// # Errors
/// As [`ComputedPositions::validate`].
pub fn computed_frame_times(
    span: &TransitionSpan,
    computed: &ComputedPositions,
) -> Result<Vec<f64>, ScheduleError> {
    computed.validate()?;
    let departure = span.departure as f64;
    let time = |position: f64| departure + span.intervals as f64 * span.easing.time_of(position);
    Ok(computed.values().into_iter().map(time).collect())
}

/// The frames of a whole film, as mixes of all its computed frames. A keyframe that two transitions
/// share counts once, and in a loop the last transition ends at computed frame 0.
///
/// # Errors
/// [`ScheduleError::PositionLists`] unless `computed` has one item for each transition, and as
/// [`ComputedPositions::validate`].
pub fn film_frames(
    timeline: &Timeline,
    computed: &[ComputedPositions],
) -> Result<Vec<FilmFrame>, ScheduleError> {
    let spans = timeline.transitions();
    if computed.len() != spans.len() {
        return Err(ScheduleError::PositionLists {
            transitions: spans.len(),
            found: computed.len(),
        });
    }
    let inner = |computed: &ComputedPositions| computed.frame_count().saturating_sub(1);
    let count = computed.iter().map(inner).sum::<usize>() + usize::from(!timeline.is_loop());
    let mut film = vec![FilmFrame::unmixed(0); timeline.opening_frames()];
    let mut keyframe = 0;
    for (span, computed) in spans.iter().zip(computed) {
        let frames = transition_frames(span, computed)?;
        film.extend(frames.into_iter().map(|frame| FilmFrame {
            left: keyframe + frame.left,
            // The last keyframe of a loop is its first one.
            right: (keyframe + frame.right) % count,
            ..frame
        }));
        keyframe += inner(computed);
    }
    Ok(film)
}

/// What a film frame at this position shows of computed frames at the given positions.
fn frame_among_given(positions: &[f64], position: f64) -> FilmFrame {
    let last = positions.len() - 1;
    let right = positions.partition_point(|&computed| computed <= position);
    if right > last {
        return FilmFrame::unmixed(last);
    }
    let left = right - 1;
    let (from, to) = (positions[left], positions[right]);
    FilmFrame::mixed(left, (position - from) / (to - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(fps: f64, seconds: f64, computed: &[usize]) -> Result<Vec<FilmFrame>, ScheduleError> {
        let timing = FilmTiming::uniform(fps, seconds, computed.len() + 1);
        let even = |&frames: &usize| ComputedPositions::Even { frames };
        let computed: Vec<ComputedPositions> = computed.iter().map(even).collect();
        film_frames(&Timeline::new(&timing)?, &computed)
    }

    fn positions(fps: f64, seconds: f64, computed: &[usize]) -> Vec<f64> {
        let frames = film(fps, seconds, computed).unwrap();
        frames
            .iter()
            .map(|frame| frame.left as f64 + frame.weight)
            .collect()
    }

    fn span(intervals: usize, easing: Easing) -> TransitionSpan {
        TransitionSpan {
            departure: 0,
            intervals,
            moving_frames: intervals,
            held_frames: 0,
            easing,
        }
    }

    fn shown_positions(span: &TransitionSpan, computed: &ComputedPositions) -> Vec<f64> {
        transition_frames(span, computed)
            .unwrap()
            .iter()
            .map(|frame| frame.left as f64 + frame.weight)
            .collect()
    }

    #[test]
    fn computed_frames_keep_their_times() {
        // 3 computed frames at 0, 2.5 and 5 of 6 film frames.
        let expected = [0.0, 0.4, 0.8, 1.2, 1.6, 2.0];
        for (found, expected) in positions(6.0, 1.0, &[3]).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15);
        }
        let times = computed_frame_times(
            &span(5, Easing::Linear),
            &ComputedPositions::Even { frames: 3 },
        );
        assert_eq!(times.unwrap(), [0.0, 2.5, 5.0]);
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

    #[test]
    fn a_transition_has_two_keyframes() {
        let lonely = film(30.0, 5.0, &[4, 1]).unwrap_err();
        assert_eq!(
            lonely,
            ScheduleError::ComputedFramesOutOfRange { frames: 1 }
        );
    }

    #[test]
    fn easing_bends_time() {
        let even = ComputedPositions::Even { frames: 3 };
        // 2t² and its mirror image, times two intervals.
        assert_eq!(
            shown_positions(&span(4, Easing::EaseInOutQuad), &even),
            [0.25, 1.0, 1.75, 2.0]
        );
        let times = computed_frame_times(&span(4, Easing::EaseInQuad), &even).unwrap();
        assert!((times[1] - 4.0 * 0.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!((times[0], times[2]), (0.0, 4.0));
    }

    #[test]
    fn given_positions_are_kept() {
        let given = ComputedPositions::Given(vec![0.0, 0.0, 0.5, 0.75, 0.75, 1.0]);
        // Of frames that share a position the last one counts.
        assert_eq!(
            shown_positions(&span(4, Easing::Linear), &given),
            [1.5, 2.0, 4.0, 5.0]
        );
        let times = computed_frame_times(&span(4, Easing::Linear), &given).unwrap();
        assert_eq!(times, [0.0, 0.0, 2.0, 3.0, 3.0, 4.0]);
    }

    #[test]
    fn a_hold_repeats_the_right_keyframe() {
        let held = TransitionSpan {
            held_frames: 2,
            ..span(2, Easing::Linear)
        };
        let even = ComputedPositions::Even { frames: 2 };
        assert_eq!(shown_positions(&held, &even), [0.5, 1.0, 1.0, 1.0]);
    }
}
