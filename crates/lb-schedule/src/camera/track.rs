//! The value of one quantity of the camera in every film frame.

use super::motion::CameraCourse;
use crate::film::{Easing, Timeline};

/// A value that is shown from one film frame to another one, both included. In a loop, the frames of the round
/// before and of the one after have numbers as well.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Key<Value> {
    arrival: i64,
    departure: i64,
    value: Value,
}

/// A quantity over the frames of a film.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Track<Value> {
    /// In film order; at least one.
    keys: Vec<Key<Value>>,
    easing: Easing,
}

/// The shares of what lies to the left and to the right: 0 to 1, and 1 in all. Both are kept, because 1 − share is
/// rounded, and would not be the share that is met on the way back.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Shares {
    left: f64,
    right: f64,
}

impl<Value: Copy + PartialEq> Track<Value> {
    /// The quantity over the film frames of a timeline. `resting` is its value where no keyframe has one.
    pub(super) fn new(
        timeline: &Timeline,
        course: &CameraCourse<Value>,
        easing: Easing,
        resting: Value,
    ) -> Self {
        let round = timeline.frame_count() as i64;
        let keys = match course {
            CameraCourse::Whole { from, to } => {
                let last = round - i64::from(!timeline.is_loop());
                [(0, *from), (last, *to)]
                    .map(|(frame, value)| Key {
                        arrival: frame,
                        departure: frame,
                        value,
                    })
                    .to_vec()
            }
            CameraCourse::Keyframes(values) => {
                let spans = timeline.transitions();
                let arrivals = spans.iter().map(|span| span.arrival() as i64);
                let departures = spans.iter().map(|span| span.departure() as i64);
                let departures = departures.chain((!timeline.is_loop()).then_some(round - 1));
                let frames = std::iter::once(0).chain(arrivals).zip(departures);
                let keys = frames.zip(values);
                let keys = keys.filter_map(|((arrival, departure), value)| {
                    value.map(|value| Key {
                        arrival,
                        departure,
                        value,
                    })
                });
                let mut keys: Vec<Key<Value>> = keys.collect();
                if timeline.is_loop()
                    && let (Some(&first), Some(&last)) = (keys.first(), keys.last())
                {
                    keys.insert(0, last.shifted(-round));
                    keys.push(first.shifted(round));
                }
                keys
            }
        };
        let still = Key {
            arrival: 0,
            departure: 0,
            value: resting,
        };
        Self {
            keys: if keys.is_empty() { vec![still] } else { keys },
            easing,
        }
    }

    /// The value in a film frame, where `between` mixes two values.
    pub(super) fn at(
        &self,
        film_frame: usize,
        between: impl Fn(Value, Value, Shares) -> Value,
    ) -> Value {
        let frame = film_frame as i64;
        let after = self.keys.partition_point(|key| key.arrival <= frame);
        let left = &self.keys[after.saturating_sub(1)];
        match self.keys.get(after) {
            Some(right) if frame > left.departure && left.value != right.value => {
                let passed = (frame - left.departure) as usize;
                let all = (right.arrival - left.departure) as usize;
                between(
                    left.value,
                    right.value,
                    Shares::eased(self.easing, passed, all),
                )
            }
            _ => left.value,
        }
    }

    /// Whether the value is this one throughout.
    pub(super) fn is_always(&self, value: Value) -> bool {
        self.keys.iter().all(|key| key.value == value)
    }

    /// The same with every value changed.
    pub(super) fn map(mut self, change: impl Fn(Value) -> Value) -> Self {
        for key in &mut self.keys {
            key.value = change(key.value);
        }
        self
    }
}

impl<Value: Copy> Key<Value> {
    fn shifted(self, frames: i64) -> Self {
        Self {
            arrival: self.arrival + frames,
            departure: self.departure + frames,
            ..self
        }
    }
}

/// A value on the line from one to another.
pub(super) fn along_line(left: f64, right: f64, shares: Shares) -> f64 {
    // Rounding must not lead beyond either.
    (left * shares.left + right * shares.right).clamp(left.min(right), left.max(right))
}

/// A value on the way from one factor to another, which grows by the same factor in equal shares.
pub(super) fn along_factors(left: f64, right: f64, shares: Shares) -> f64 {
    let exponent = libm::log(left) * shares.left + libm::log(right) * shares.right;
    libm::exp(exponent).clamp(left.min(right), left.max(right))
}

impl Shares {
    /// The shares after easing when `passed` of `all` film frames are over.
    fn eased(easing: Easing, passed: usize, all: usize) -> Self {
        let share = |frames: usize| frames as f64 / all as f64;
        let (time, rest) = (share(passed), share(all - passed));
        match easing {
            Easing::Linear => Self {
                left: rest,
                right: time,
            },
            mirrored if mirrored.is_symmetric() && time == 0.5 => Self {
                left: 0.5,
                right: 0.5,
            },
            // The second half is computed as the first half of the way back.
            mirrored if mirrored.is_symmetric() && time > 0.5 => {
                let way_back = mirrored.at(rest);
                Self {
                    left: way_back,
                    right: 1.0 - way_back,
                }
            }
            _ => {
                let way = easing.at(time);
                Self {
                    left: 1.0 - way,
                    right: way,
                }
            }
        }
    }
}
