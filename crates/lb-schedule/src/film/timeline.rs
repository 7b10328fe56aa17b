//! The timing of a film, and which film frames belong to which of its transitions: all known before
//! anything is rendered.

use super::easing::Easing;
use super::pace::Pace;
use crate::error::ScheduleError;
use crate::frame_rate::FrameRate;
use crate::limits::{MAX_FILM_FRAMES, MAX_SECONDS};

/// The timing that is asked of a whole film: how fast it runs, how long its transitions last, and how
/// long its keyframes are held.
///
/// A film of K keyframes has K − 1 transitions. With K transitions it is a loop, and the last one
/// leads back to the first keyframe.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FilmTiming {
    /// Film frames a second.
    pub frame_rate: FrameRate,
    /// The seconds for which each keyframe is held still, 0 to 86400, one number for each keyframe.
    /// A hold is added to the film frame in which the transition before it arrives.
    pub holds: Vec<f64>,
    /// The transitions, in film order.
    pub transitions: Vec<TransitionTiming>,
    /// The length of the whole film in seconds. The holds are kept, and the transitions are scaled in
    /// proportion so that they fill the rest. With `None`, holds and transitions last as long as they
    /// say.
    pub film_seconds: Option<f64>,
}

/// The timing that is asked of one transition.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TransitionTiming {
    /// The seconds from one keyframe to the next: above 0 and at most 86400.
    pub seconds: f64,
    /// How the motion starts and ends.
    pub easing: Easing,
    /// How the way is divided over the time, before easing.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "Pace::is_even")
    )]
    pub pace: Pace,
}

impl TransitionTiming {
    /// A transition of this many seconds with this easing, at one pace.
    #[must_use]
    pub const fn new(seconds: f64, easing: Easing) -> Self {
        Self {
            seconds,
            easing,
            pace: Pace::EVEN,
        }
    }
}

impl FilmTiming {
    /// The timing of a film from the holds of its keyframes and the timing of its transitions.
    #[must_use]
    pub const fn new(
        frame_rate: FrameRate,
        holds: Vec<f64>,
        transitions: Vec<TransitionTiming>,
    ) -> Self {
        Self {
            frame_rate,
            holds,
            transitions,
            film_seconds: None,
        }
    }

    /// The timing of a film whose transitions all last `seconds` at one speed, without holds.
    #[must_use]
    pub fn uniform(frame_rate: FrameRate, seconds: f64, keyframes: usize) -> Self {
        let transition = TransitionTiming::new(seconds, Easing::Linear);
        let transitions = vec![transition; keyframes.saturating_sub(1)];
        Self::new(frame_rate, vec![0.0; keyframes], transitions)
    }

    /// Whether the last transition leads back to the first keyframe.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        self.transitions.len() == self.holds.len()
    }

    /// Checks every number against its range. Whether there are enough film frames for each
    /// transition is checked by [`Timeline::new`].
    pub(super) fn validate_ranges(&self) -> Result<(), ScheduleError> {
        let (keyframes, transitions) = (self.holds.len(), self.transitions.len());
        if transitions == 0 {
            return Err(ScheduleError::NoTransitions);
        }
        if keyframes < 2 || !(keyframes - 1..=keyframes).contains(&transitions) {
            return Err(ScheduleError::TransitionCount {
                keyframes,
                transitions,
            });
        }
        for &value in &self.holds {
            if !(0.0..=MAX_SECONDS).contains(&value) {
                return Err(ScheduleError::HoldOutOfRange { value });
            }
        }
        for TransitionTiming { seconds: value, .. } in &self.transitions {
            let value = *value;
            if !(value > 0.0 && value <= MAX_SECONDS) {
                return Err(ScheduleError::SecondsOutOfRange { value });
            }
        }
        match self.film_seconds {
            Some(value) if !(value > 0.0 && value.is_finite()) => {
                Err(ScheduleError::FilmSecondsOutOfRange { value })
            }
            _ => Ok(()),
        }
    }

    /// The seconds of every transition after fitting it into the film.
    pub(super) fn transition_seconds(&self) -> Result<Vec<f64>, ScheduleError> {
        let asked = self.transitions.iter().map(|transition| transition.seconds);
        let Some(film_seconds) = self.film_seconds else {
            return Ok(asked.collect());
        };
        let held_seconds: f64 = self.holds.iter().sum();
        if held_seconds >= film_seconds {
            return Err(ScheduleError::HoldsFillFilm {
                film_seconds,
                held_seconds,
            });
        }
        let scale = (film_seconds - held_seconds) / asked.clone().sum::<f64>();
        Ok(asked.map(|seconds| seconds * scale).collect())
    }
}

/// The film frames of a film, counted but not yet filled with pictures.
///
/// Film frame 0 shows the first keyframe. Boundaries between transitions and holds are rounded to
/// film frames by their time since the film's beginning, so that rounding does not add up over many
/// transitions. A transition arrives at its right keyframe in its last film frame, and the film
/// frames of the hold follow. Only where the first keyframe is not held does the first transition
/// share its time with that keyframe's one film frame. A film lasts as long as its holds and
/// transitions together.
///
/// In a loop, the film frame in which the last transition would arrive at the first keyframe is film
/// frame 0 of the next round, so the film ends one frame before it.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Timeline {
    frame_rate: FrameRate,
    opening_frames: usize,
    spans: Vec<TransitionSpan>,
    frame_count: usize,
    is_loop: bool,
}

/// The film frames of one transition and of the hold after it. A [`Timeline`] makes them.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TransitionSpan {
    pub(super) departure: usize,
    /// At least 1.
    pub(super) intervals: usize,
    pub(super) moving_frames: usize,
    pub(super) held_frames: usize,
    pub(super) easing: Easing,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Pace::is_even"))]
    pub(super) pace: Pace,
}

impl TransitionSpan {
    /// The last film frame that still shows the left keyframe, counted in the film from 0.
    #[must_use]
    pub fn departure(&self) -> usize {
        self.departure
    }

    /// The film frame in which the transition arrives at the right keyframe. In the last transition
    /// of a loop it is one after the film's last frame, which is film frame 0 of the next round.
    #[must_use]
    pub fn arrival(&self) -> usize {
        self.departure + self.intervals
    }

    /// The number of film frames from the departure to the arrival: at least 1.
    #[must_use]
    pub fn intervals(&self) -> usize {
        self.intervals
    }

    /// The number of film frames that the transition adds to the film: as many as there are
    /// intervals, or one less in the last transition of a loop.
    #[must_use]
    pub fn moving_frames(&self) -> usize {
        self.moving_frames
    }

    /// The number of film frames that still show the right keyframe after the arrival.
    #[must_use]
    pub fn held_frames(&self) -> usize {
        self.held_frames
    }

    /// How the motion starts and ends.
    #[must_use]
    pub fn easing(&self) -> Easing {
        self.easing
    }

    /// The position between the keyframes that the transition has reached this many film frames after
    /// its departure, 0 to 1: the share of its time, after its pace and easing.
    #[must_use]
    pub fn position_after(&self, frames: usize) -> f64 {
        let time = frames as f64 / self.intervals as f64;
        self.easing.at(self.pace.at(time))
    }

    /// The number of film frames of the transition and of the hold after it.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.moving_frames + self.held_frames
    }
}

impl Timeline {
    /// Divides a film into film frames.
    ///
    /// # Errors
    /// The rule of [`ScheduleError`] that the timing breaks.
    pub fn new(timing: &FilmTiming) -> Result<Self, ScheduleError> {
        timing.validate_ranges()?;
        let frame_rate = timing.frame_rate;
        let transition_seconds = timing.transition_seconds()?;
        for &seconds in &transition_seconds {
            let frames = frame_rate.frames_in(seconds);
            if frames < 2 {
                return Err(ScheduleError::TransitionTooShort {
                    frame_rate,
                    seconds,
                    frames,
                });
            }
        }
        // Unless the film is a loop, the last film frame before a time shows what is reached at that
        // time, so that the film ends with its last keyframe.
        let early = usize::from(!timing.is_loop());
        let frame_at = |seconds: f64| frame_rate.frames_in(seconds).saturating_sub(early);
        let last = transition_seconds.len() - 1;
        let mut elapsed = timing.holds[0];
        let opening_frames = frame_at(elapsed) + 1;
        let mut spans = Vec::with_capacity(last + 1);
        for (index, seconds) in transition_seconds.into_iter().enumerate() {
            let departure = frame_at(elapsed);
            elapsed += seconds;
            let arrival = frame_at(elapsed);
            // In a loop, the hold of the first keyframe is at the beginning of the film.
            elapsed += timing.holds.get(index + 1).unwrap_or(&0.0);
            let closes = timing.is_loop() && index == last;
            spans.push(TransitionSpan {
                departure,
                intervals: arrival - departure,
                moving_frames: arrival - departure - usize::from(closes),
                held_frames: frame_at(elapsed) - arrival,
                easing: timing.transitions[index].easing,
                pace: timing.transitions[index].pace.clone(),
            });
        }
        let frame_count = frame_at(elapsed) + early;
        if frame_count > MAX_FILM_FRAMES {
            return Err(ScheduleError::FilmTooLong {
                seconds: elapsed,
                frame_rate,
            });
        }
        Ok(Self {
            frame_rate,
            opening_frames,
            spans,
            frame_count,
            is_loop: timing.is_loop(),
        })
    }

    /// The timeline of stills: keyframes that no transition joins make no film, so it has no film frames.
    #[must_use]
    pub fn without_film(frame_rate: FrameRate) -> Self {
        Self {
            frame_rate,
            opening_frames: 0,
            spans: Vec::new(),
            frame_count: 0,
            is_loop: false,
        }
    }

    /// The number of film frames a second.
    #[must_use]
    pub fn frame_rate(&self) -> FrameRate {
        self.frame_rate
    }

    /// The number of film frames at the beginning that show the first keyframe still: at least 1 if there
    /// is a film.
    #[must_use]
    pub fn opening_frames(&self) -> usize {
        self.opening_frames
    }

    /// The film frames of every transition, in film order.
    #[must_use]
    pub fn transitions(&self) -> &[TransitionSpan] {
        &self.spans
    }

    /// Whether the last transition leads back to the first keyframe.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        self.is_loop
    }

    /// The number of film frames of the whole film: at most [`MAX_FILM_FRAMES`].
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.frame_count
    }

    /// The length of the film in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.frame_rate.time(self.frame_count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(frames_per_second: f64, seconds: f64, keyframes: usize) -> FilmTiming {
        let frame_rate = FrameRate::new(frames_per_second).unwrap();
        FilmTiming::uniform(frame_rate, seconds, keyframes)
    }

    #[test]
    fn stills_have_no_film_frames() {
        let frame_rate = FrameRate::new(25.0).unwrap();
        let timeline = Timeline::without_film(frame_rate);
        assert_eq!((timeline.frame_count(), timeline.opening_frames()), (0, 0));
        assert_eq!(
            (timeline.seconds(), timeline.frame_rate()),
            (0.0, frame_rate)
        );
        assert!(timeline.transitions().is_empty() && !timeline.is_loop());
    }

    fn spans(timing: &FilmTiming) -> Vec<[usize; 4]> {
        let timeline = Timeline::new(timing).unwrap();
        let numbers = |span: &TransitionSpan| {
            let (moving, held) = (span.moving_frames, span.held_frames);
            [span.departure, span.intervals, moving, held]
        };
        timeline.transitions().iter().map(numbers).collect()
    }

    #[test]
    fn frames_are_frames_per_second_times_seconds() {
        let frames = |fps, seconds, keyframes| {
            let timeline = Timeline::new(&timing(fps, seconds, keyframes)).unwrap();
            timeline.frame_count()
        };
        assert_eq!(frames(30.0, 5.0, 2), 150);
        assert_eq!(frames(30.0, 5.0, 4), 450);
        assert_eq!(frames(29.97, 10.0, 2), 300);
        assert_eq!(frames(1000.0, 1000.0, 2), MAX_FILM_FRAMES);
        // 2.5 film frames each: rounded one by one they would be 300.
        assert_eq!(frames(10.0, 0.25, 101), 250);
    }

    #[test]
    fn holds_by_hand() {
        // The keyframes are reached in frames 0, 3 and 9, with 2 and 1 held frames after them.
        let mut film = timing(4.0, 1.0, 3);
        film.holds = vec![0.0, 0.5, 0.25];
        assert_eq!(spans(&film), [[0, 3, 3, 2], [5, 4, 4, 1]]);
        let timeline = Timeline::new(&film).unwrap();
        assert_eq!((timeline.opening_frames(), timeline.frame_count()), (1, 11));
        assert_eq!(timeline.seconds(), 2.75);
        // The first keyframe is held for two frames, and then a whole transition follows.
        film.holds[0] = 0.5;
        assert_eq!(spans(&film), [[1, 4, 4, 2], [7, 4, 4, 1]]);
        assert_eq!(Timeline::new(&film).unwrap().opening_frames(), 2);
    }

    #[test]
    fn a_loop_ends_one_frame_before_it_begins() {
        let mut film = timing(4.0, 1.0, 2);
        film.transitions.push(film.transitions[0].clone());
        // The keyframes are reached in frames 0 and 4, and the next round would begin at frame 8.
        assert_eq!(spans(&film), [[0, 4, 4, 0], [4, 4, 3, 0]]);
        assert_eq!(Timeline::new(&film).unwrap().frame_count(), 8);
        film.holds = vec![0.5, 0.25];
        assert_eq!(spans(&film), [[2, 4, 4, 1], [7, 4, 3, 0]]);
        let timeline = Timeline::new(&film).unwrap();
        assert_eq!((timeline.opening_frames(), timeline.frame_count()), (3, 11));
    }

    #[test]
    fn a_film_of_given_length_keeps_its_holds() {
        let mut film = timing(10.0, 1.0, 3);
        film.transitions[1].seconds = 3.0;
        film.holds = vec![0.0, 2.0, 0.0];
        film.film_seconds = Some(4.0);
        // 2 s are left for the transitions, which take 0.5 s and 1.5 s of them.
        assert_eq!(spans(&film), [[0, 4, 4, 20], [24, 15, 15, 0]]);
        assert_eq!(Timeline::new(&film).unwrap().frame_count(), 40);
    }

    #[test]
    fn refused_with_the_rule_it_broke() {
        let refused = |change: &dyn Fn(&mut FilmTiming)| {
            let mut film = timing(30.0, 5.0, 3);
            change(&mut film);
            Timeline::new(&film).unwrap_err().to_string()
        };
        let seconds = "seconds per transition must be above 0 and at most 86400, got";
        assert_eq!(
            refused(&|film| film.transitions[1].seconds = 0.0),
            format!("{seconds} 0")
        );
        let endless = refused(&|film| film.transitions[1].seconds = f64::INFINITY);
        assert_eq!(endless, format!("{seconds} inf"));
        let hold = "seconds of a hold must be 0 to 86400, got";
        assert_eq!(
            refused(&|film| film.holds[2] = -0.5),
            format!("{hold} -0.5")
        );
        assert_eq!(
            refused(&|film| film.holds[2] = f64::NAN),
            format!("{hold} NaN")
        );
        let short = refused(&|film| film.transitions[0].seconds = 0.03);
        assert!(
            short.ends_with("0.03 s at 30 frames per second make 1"),
            "{short}"
        );
        let squeezed = refused(&|film| film.film_seconds = Some(0.06));
        assert!(
            squeezed.ends_with("0.03 s at 30 frames per second make 1"),
            "{squeezed}"
        );
        assert_eq!(
            refused(&|film| film.film_seconds = Some(-1.0)),
            "seconds of the whole film must be above 0, got -1"
        );
        let held = refused(&|film| {
            film.holds = vec![1.0; 3];
            film.film_seconds = Some(3.0);
        });
        assert_eq!(
            held,
            "a film of 3 s has no time for its transitions: keyframes alone are held for 3 s"
        );
        assert!(refused(&|film| film.transitions.clear()).contains("at least 1 transition"));
        assert_eq!(
            refused(&|film| film.transitions.truncate(1)),
            "3 keyframes are joined by 2 transitions, or by 3 in a loop; got 1"
        );
        assert_eq!(
            refused(&|film| film.holds[0] = 86_400.0),
            "a film may have 1000000 frames at most: 86410 s at 30 frames per second are more"
        );
    }
}
