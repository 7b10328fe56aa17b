//! A film that follows its sound: its keyframes land on the beats, and its pace follows the percussion.

use super::pace::Pace;
use super::timeline::{FilmTiming, TransitionTiming};
use crate::error::ScheduleError;

/// What a film follows in its sound.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Pulse {
    /// The moments on which keyframes land, such as beats, in seconds from the beginning; increasing.
    pub moments: Vec<f64>,
    /// What drives the motion: the strength of something, 0 or more, at moments that are `step` seconds apart,
    /// the first at the beginning. It counts as 0 after the last one.
    pub energy: Vec<f32>,
    /// Seconds from one strength to the next.
    pub step: f64,
}

/// The share of a transition's way that is covered at one speed, whatever the sound does: a film that stands still
/// between two beats looks as if it were broken.
const STEADY: f64 = 0.2;

/// The most values of a pace that is made from a sound.
const MOST_VALUES: usize = 100;

/// A keyframe may be moved by half of its transition, and by this many seconds at least.
const REACH: f64 = 2.0;

/// The fewest film frames of a transition.
const FEWEST_FRAMES: usize = 2;

impl FilmTiming {
    /// The same film with its keyframes on moments of a pulse.
    ///
    /// Each transition ends on the moment that is nearest to the end that it would have otherwise, and the others
    /// follow from there. If the film has a given length, the ends are those of a film without a pulse, so that the
    /// film keeps its length: after its last keyframe it rests for what is left, and a loop ends where it would.
    /// A keyframe stays where it is if no moment is within two seconds of it, or within half of its transition if that
    /// is longer, or if the film's length leaves it none of its own. No
    /// two keyframes share a moment. The film frame that first shows a keyframe begins within half a film frame of
    /// its moment.
    ///
    /// Between two keyframes, a fifth of the way is covered at one speed. The rest is divided over the time as the
    /// energy of the pulse is.
    ///
    /// # Errors
    /// Those of [`Timeline::new`](super::Timeline::new) for values out of range. Where keyframes are too many for the
    /// length of the film, that function finds their transitions too short.
    pub fn synchronized(&self, pulse: &Pulse) -> Result<Self, ScheduleError> {
        self.validate_ranges()?;
        let seconds = self.transition_seconds()?;
        let rate = self.frame_rate;
        // A film that is no loop shows at the time t what it has reached a film frame later.
        let early = usize::from(!self.is_loop());
        let lead = rate.time(early);
        let least = rate.time(FEWEST_FRAMES);
        let energy = Energy::new(pulse);
        let mut timing = self.clone();
        timing.film_seconds = None;
        // Both are times at which the film leaves a keyframe.
        let (mut here, mut without_pulse) = (self.holds[0], self.holds[0]);
        let usual = seconds;
        for (index, &seconds) in usual.iter().enumerate() {
            let hold = self.holds.get(index + 1).copied().unwrap_or(0.0);
            let end = match self.film_seconds {
                Some(_) => without_pulse + seconds,
                None => here + seconds,
            };
            let frames = |moment: f64| rate.time(rate.frames_in(moment) + early);
            let moments = pulse.moments.iter().map(|&moment| frames(moment));
            let last = match (self.film_seconds, usual.get(index + 1)) {
                (None, _) => f64::INFINITY,
                // The next keyframe must be able to stay where it is.
                (Some(_), Some(next)) => end + (0.5 * next).min(next - least),
                (Some(_), None) if self.is_loop() => f64::NEG_INFINITY,
                (Some(film), None) => film - hold,
            };
            let off = |moment: &f64| (moment - end).abs();
            let nearest = moments
                .filter(|&moment| moment - here >= least - 1e-9 && moment <= last + 1e-9)
                .min_by(|one, other| off(one).total_cmp(&off(other)))
                .filter(|moment| off(moment) <= REACH.max(0.5 * seconds));
            let arrival = nearest.unwrap_or(match self.film_seconds {
                Some(_) => end,
                None => end.max(here + least),
            });
            let ends = (here - lead, arrival - lead);
            timing.transitions[index] = TransitionTiming {
                seconds: arrival - here,
                pace: energy.pace(ends, rate.frames_in(arrival - here))?,
                ..self.transitions[index].clone()
            };
            (here, without_pulse) = (arrival + hold, without_pulse + seconds + hold);
        }
        if let Some(film) = self.film_seconds
            && !self.is_loop()
            && let Some(rest) = timing.holds.last_mut()
        {
            *rest += (film - here).max(0.0);
        }
        Ok(timing)
    }
}

/// The energy of a pulse, added up.
struct Energy {
    sums: Vec<f64>,
    step: f64,
}

impl Energy {
    fn new(pulse: &Pulse) -> Self {
        let mut sum = 0.0;
        let strengths = pulse.energy.iter().map(|&strength| f64::from(strength));
        let sums = strengths.map(|strength| {
            sum += strength.max(0.0);
            sum
        });
        Self {
            sums: sums.collect(),
            step: pulse.step,
        }
    }

    /// The energy up to a time in seconds. That at a moment is spread over the step around it.
    fn until(&self, seconds: f64) -> f64 {
        if self.step <= 0.0 || self.sums.is_empty() {
            return 0.0;
        }
        let place = (seconds / self.step + 0.5).max(0.0);
        let index = place as usize;
        let sum = |count: usize| match count.min(self.sums.len()) {
            0 => 0.0,
            count => self.sums[count - 1],
        };
        let (before, after) = (sum(index), sum(index + 1));
        before + (place - index as f64) * (after - before)
    }

    /// The pace of a transition from one time to another, which has this many film frames.
    fn pace(&self, (from, to): (f64, f64), frames: usize) -> Result<Pace, ScheduleError> {
        let (before, after) = (self.until(from), self.until(to));
        if after <= before {
            return Ok(Pace::EVEN);
        }
        let count = frames.clamp(1, MOST_VALUES);
        let ways = (1..=count).map(|value| {
            let time = value as f64 / count as f64;
            let energy = (self.until(from + time * (to - from)) - before) / (after - before);
            let way = STEADY * time + (1.0 - STEADY) * energy;
            // A thousandth of the way cannot be seen, and a film carries these numbers.
            ((way * 1000.0).round() / 1000.0).clamp(0.0, 1.0)
        });
        let mut ways: Vec<f64> = ways.collect();
        if let Some(last) = ways.last_mut() {
            *last = 1.0;
        }
        Pace::new(ways)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::film::{Easing, Timeline};
    use crate::frame_rate::FrameRate;

    fn film(fps: f64, seconds: &[f64], looped: bool) -> FilmTiming {
        let transitions = seconds
            .iter()
            .map(|&seconds| TransitionTiming::new(seconds, Easing::Linear));
        let keyframes = seconds.len() + usize::from(!looped);
        FilmTiming::new(
            FrameRate::new(fps).unwrap(),
            vec![0.0; keyframes],
            transitions.collect(),
        )
    }

    fn beats(period: f64, first: f64, seconds: f64) -> Pulse {
        let count = ((seconds - first) / period) as usize;
        Pulse {
            moments: (0..=count)
                .map(|beat| first + beat as f64 * period)
                .collect(),
            energy: Vec::new(),
            step: 0.01,
        }
    }

    /// The times at which the film first shows each keyframe but the first.
    fn arrivals(timing: &FilmTiming) -> Vec<f64> {
        let timeline = Timeline::new(timing).unwrap();
        let rate = timeline.frame_rate();
        let spans = timeline.transitions().iter();
        spans.map(|span| rate.time(span.arrival())).collect()
    }

    #[test]
    fn keyframes_land_on_the_nearest_beats() {
        let pulse = beats(0.5, 0.25, 20.0);
        let synchronized = film(50.0, &[2.0; 4], false).synchronized(&pulse).unwrap();
        // From 0 the second beat from 2 on is as near as the one before; from a beat, 2 s are four beats.
        let found = arrivals(&synchronized);
        let expected = [1.76, 3.76, 5.76, 7.76];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 0.03, "{found:?}");
        }
        // Shorter than a beat: every beat is a keyframe.
        let every = film(50.0, &[0.1; 4], false).synchronized(&pulse).unwrap();
        for (found, expected) in arrivals(&every).iter().zip([0.25, 0.75, 1.25, 1.75]) {
            assert!((found - expected).abs() < 0.011, "{found:?}");
        }
    }

    #[test]
    fn a_film_of_given_length_keeps_it() {
        let mut timing = film(30.0, &[1.0; 7], false);
        timing.film_seconds = Some(24.0);
        let synchronized = timing.synchronized(&beats(0.46, 0.3, 23.0)).unwrap();
        assert_eq!(Timeline::new(&synchronized).unwrap().frame_count(), 720);
        for (index, found) in arrivals(&synchronized).iter().enumerate() {
            let expected = 24.0 / 7.0 * (index + 1) as f64;
            assert!((found - expected).abs() < 0.3 + 2.0 / 30.0 || index == 6);
        }
        // The last keyframe is shown for a while, and fewer beats than keyframes are there.
        for (count, hold, period) in [
            (7, 2.0, 0.46),
            (40, 0.0, 0.6),
            (40, 1.0, 0.6),
            (59, 0.0, 2.0),
        ] {
            let mut timing = film(30.0, &vec![1.0; count], false);
            timing.film_seconds = Some(12.0);
            timing.holds[count] = hold;
            let synchronized = timing.synchronized(&beats(period, 0.3, 30.0)).unwrap();
            assert_eq!(Timeline::new(&synchronized).unwrap().frame_count(), 360);
            let usual = (12.0 - hold) / count as f64;
            for (index, found) in arrivals(&synchronized).iter().enumerate() {
                let expected = usual * (index + 1) as f64;
                assert!(
                    (found - expected).abs() <= 0.5 * usual + 2.0 / 30.0,
                    "{index}: {found} {expected}"
                );
            }
        }
        let mut crowded = film(30.0, &vec![1.0; 1000], false);
        crowded.film_seconds = Some(10.0);
        let synchronized = crowded.synchronized(&beats(0.46, 0.3, 30.0)).unwrap();
        let refused = Timeline::new(&synchronized).unwrap_err();
        assert!(
            matches!(refused, ScheduleError::TransitionTooShort { .. }),
            "{refused}"
        );
        let mut looped = film(30.0, &[1.0; 3], true);
        looped.film_seconds = Some(12.0);
        let synchronized = looped.synchronized(&beats(0.46, 0.3, 30.0)).unwrap();
        assert_eq!(Timeline::new(&synchronized).unwrap().frame_count(), 360);
    }

    #[test]
    fn where_there_is_no_beat_a_keyframe_stays() {
        let none = film(25.0, &[3.0; 3], false);
        let synchronized = none.synchronized(&Pulse::default()).unwrap();
        assert_eq!(arrivals(&synchronized), arrivals(&none));
        assert_eq!(synchronized.transitions[0].pace, Pace::EVEN);
    }

    #[test]
    fn the_pace_follows_the_energy() {
        let mut pulse = beats(1.0, 0.0, 4.0);
        // All energy of a second is in its first tenth.
        pulse.energy = (0..400)
            .map(|at| if at % 100 < 10 { 1.0 } else { 0.0 })
            .collect();
        let synchronized = film(100.0, &[1.0; 3], false).synchronized(&pulse).unwrap();
        let pace = &synchronized.transitions[1].pace;
        assert_eq!(pace.ways().len(), 100);
        // The strengths at the ends are shared with the neighbours, so 9.5 of 10 are in the first tenth.
        for (time, way) in [(0.1, 0.02 + 0.76), (0.5, 0.1 + 0.76), (0.9, 0.18 + 0.76)] {
            assert!((pace.at(time) - way).abs() < 0.002, "{}", pace.at(time));
        }
    }

    proptest! {
        #[test]
        fn every_keyframe_near_a_beat_is_within_half_a_film_frame_of_one(
            fps in 5.0_f64..120.0,
            period in 0.25_f64..1.5,
            first in 0.0_f64..1.0,
            seconds in prop::collection::vec(0.05_f64..4.0, 1..12),
            looped in any::<bool>(),
            hold in 0.0_f64..1.0,
        ) {
            // A beat must have room for the fewest film frames of a transition.
            prop_assume!(period * fps > 4.0 && (!looped || seconds.len() > 1));
            let mut timing = film(fps, &seconds, looped);
            timing.holds[0] = hold;
            let pulse = beats(period, first, 100.0);
            let synchronized = timing.synchronized(&pulse).unwrap();
            let found = arrivals(&synchronized);
            for (index, &at) in found.iter().enumerate() {
                let nearest = pulse.moments.iter().map(|beat| (beat - at).abs()).fold(f64::INFINITY, f64::min);
                prop_assert!(nearest <= 0.5 / fps + 1e-6, "{} {} {:?}", index, nearest, found);
            }
            prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
