//! Which computed frames every film frame shows.

mod easing;
mod error;
mod positions;
mod timeline;
mod timing;

pub use easing::Easing;
pub use error::TimingError;
pub use positions::{ComputedPositions, perceptual_positions};
pub use timeline::{Timeline, TransitionSpan};
pub use timing::{FilmTiming, MAX_FILM_FRAMES, TransitionTiming};

/// What one film frame shows: (1 − weight) · left + weight · right.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FilmFrame {
    /// The computed frame at or before the film frame's time, counted from 0.
    pub left: usize,
    /// The next computed frame; the same as `left` where the film frame shows exactly that.
    pub right: usize,
    /// The share of `right`, in `[0, 1)`. 0 is exactly `left`.
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
        // Rounding may have come up to the next computed frame.
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
/// computed frames (0 is its left keyframe).
///
/// The film frame that still shows the left keyframe belongs to what comes before. What a transition
/// shows follows from its span and its positions alone.
///
/// Even positions under linear easing: where there are film frames enough, each computed frame is
/// shown unmixed in the film frame nearest to its time, and those between are cross-faded. In every
/// other case a film frame cross-fades the two computed frames around its own place, so that motion
/// is as smooth as the positions make it.
///
/// # Errors
/// As [`ComputedPositions::validate`].
pub fn transition_frames(
    span: &TransitionSpan,
    computed: &ComputedPositions,
) -> Result<Vec<FilmFrame>, TimingError> {
    computed.validate()?;
    let last = computed.frame_count() - 1;
    let moving = (1..=span.moving_frames).map(|interval| match computed {
        ComputedPositions::Even { .. } if span.easing == Easing::Linear => {
            evenly(interval, span.intervals, last)
        }
        ComputedPositions::Even { .. } => {
            let place = last as f64 * way(span, interval);
            FilmFrame::mixed(place as usize, place.fract())
        }
        ComputedPositions::Given(positions) => among(positions, way(span, interval)),
    });
    let held = std::iter::repeat_n(FilmFrame::unmixed(last), span.held_frames);
    Ok(moving.chain(held).collect())
}

/// When each computed frame of a transition is shown, in film frames since the film's beginning:
/// usually between two of them.
///
/// # Errors
/// As [`ComputedPositions::validate`].
pub fn computed_frame_times(
    span: &TransitionSpan,
    computed: &ComputedPositions,
) -> Result<Vec<f64>, TimingError> {
    computed.validate()?;
    let last = computed.frame_count() - 1;
    let departure = span.departure as f64;
    if is_seated(span, computed) {
        let time = |frame| departure + seat(frame, span.intervals, last) as f64;
        return Ok((0..=last).map(time).collect());
    }
    let time = |way: f64| departure + span.intervals as f64 * span.easing.time_of(way);
    Ok(computed.values().into_iter().map(time).collect())
}

/// The frames of a whole film, as mixes of all its computed frames: a keyframe that two transitions
/// share counts once. In a loop, the last transition ends at computed frame 0.
///
/// # Errors
/// [`TimingError::PositionLists`] unless there is one `computed` a transition; as
/// [`ComputedPositions::validate`].
pub fn film_frames(
    timeline: &Timeline,
    computed: &[ComputedPositions],
) -> Result<Vec<FilmFrame>, TimingError> {
    let spans = timeline.transitions();
    if computed.len() != spans.len() {
        return Err(TimingError::PositionLists {
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
            // A loop's last keyframe is its first one.
            right: (keyframe + frame.right) % count,
            ..frame
        }));
        keyframe += inner(computed);
    }
    Ok(film)
}

/// How far a transition has come.
fn way(span: &TransitionSpan, interval: usize) -> f64 {
    span.easing.at(interval as f64 / span.intervals as f64)
}

fn is_seated(span: &TransitionSpan, computed: &ComputedPositions) -> bool {
    let even = matches!(computed, ComputedPositions::Even { .. });
    even && span.easing == Easing::Linear && span.intervals >= computed.frame_count() - 1
}

/// The place of a film frame among evenly spread computed frames, at one speed. In integers, so that
/// rounding can neither skip nor double a computed frame.
fn evenly(interval: usize, intervals: usize, last: usize) -> FilmFrame {
    let even = interval * last / intervals;
    if intervals < last {
        let part = interval * last % intervals;
        return FilmFrame::mixed(even, part as f64 / intervals as f64);
    }
    // A computed frame's seat is at most half a film frame early: the even position is the left
    // one's, or the one before it.
    let next_is_seated = even < last && seat(even + 1, intervals, last) <= interval;
    let left = even + usize::from(next_is_seated);
    if left == last {
        return FilmFrame::unmixed(last);
    }
    let from = seat(left, intervals, last);
    let parts = seat(left + 1, intervals, last) - from;
    FilmFrame::mixed(left, (interval - from) as f64 / parts as f64)
}

/// The film frame nearest to the time of a computed frame.
fn seat(computed: usize, intervals: usize, last: usize) -> usize {
    (2 * computed * intervals + last) / (2 * last)
}

/// The place of a film frame that has come the given way among computed frames.
fn among(positions: &[f64], way: f64) -> FilmFrame {
    let last = positions.len() - 1;
    let right = positions.partition_point(|&position| position <= way);
    if right > last {
        return FilmFrame::unmixed(last);
    }
    let left = right - 1;
    let (from, to) = (positions[left], positions[right]);
    FilmFrame::mixed(left, (way - from) / (to - from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(fps: f64, seconds: f64, computed: &[usize]) -> Result<Vec<FilmFrame>, TimingError> {
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

    fn places(span: &TransitionSpan, computed: &ComputedPositions) -> Vec<f64> {
        transition_frames(span, computed)
            .unwrap()
            .iter()
            .map(|frame| frame.left as f64 + frame.weight)
            .collect()
    }

    #[test]
    fn computed_frames_sit_on_film_frames() {
        // 3 computed frames at 0, 2.5 and 5 of 6 film frames: the middle one moves to 3.
        let third = 1.0 / 3.0;
        let expected = [0.0, third, 2.0 * third, 1.0, 1.5, 2.0];
        assert_eq!(positions(6.0, 1.0, &[3]), expected);
        let times = computed_frame_times(
            &span(5, Easing::Linear),
            &ComputedPositions::Even { frames: 3 },
        );
        assert_eq!(times.unwrap(), [0.0, 3.0, 5.0]);
    }

    #[test]
    fn fewer_film_frames_move_evenly() {
        assert_eq!(positions(5.0, 1.0, &[11]), [0.0, 2.5, 5.0, 7.5, 10.0]);
    }

    #[test]
    fn shared_keyframes_are_shown_once() {
        let film = positions(4.0, 1.0, &[3, 3]);
        assert_eq!(film, [0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0]);
    }

    #[test]
    fn a_transition_has_two_keyframes() {
        let lonely = film(30.0, 5.0, &[4, 1]).unwrap_err();
        assert_eq!(lonely, TimingError::ComputedFramesOutOfRange { frames: 1 });
    }

    #[test]
    fn easing_bends_time() {
        let even = ComputedPositions::Even { frames: 3 };
        // 2t² and its mirror image, times two intervals.
        assert_eq!(
            places(&span(4, Easing::EaseInOutQuad), &even),
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
            places(&span(4, Easing::Linear), &given),
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
        assert_eq!(places(&held, &even), [0.5, 1.0, 1.0, 1.0]);
    }
}
