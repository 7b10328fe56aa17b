//! Laws of film timing.

use lb_schedule::{
    Choice, Easing, FilmFrame, FilmTiming, FrameRate, ScheduleError, Timeline, TransitionMotion,
    TransitionSpan, TransitionTiming, film_frames,
};
use proptest::prelude::*;

fn frame_rate(frames_per_second: f64) -> FrameRate {
    FrameRate::new(frames_per_second).unwrap()
}

/// A film at one speed without holds, and how many frames are computed for each transition.
fn plain_film() -> impl Strategy<Value = (FilmTiming, Vec<usize>)> {
    let computed = prop::collection::vec(2..40_usize, 1..5);
    (2.0..60.0, 1.0..8.0, computed).prop_map(|(frames_per_second, seconds, computed)| {
        let timing =
            FilmTiming::uniform(frame_rate(frames_per_second), seconds, computed.len() + 1);
        (timing, computed)
    })
}

fn any_easing() -> impl Strategy<Value = Easing> {
    prop::sample::select(Easing::ALL)
}

/// The computed frames of a transition: how many, or points of a plane that differ as the frames do.
#[derive(Clone, Debug)]
enum Computed {
    Even(usize),
    Perceptual(Vec<[f64; 2]>),
}

impl Computed {
    fn frame_count(&self) -> usize {
        match self {
            Self::Even(frames) => *frames,
            Self::Perceptual(points) => points.len(),
        }
    }

    fn motion(&self, span: &TransitionSpan) -> TransitionMotion {
        match self {
            Self::Even(frames) => TransitionMotion::even(span, *frames),
            Self::Perceptual(points) => {
                let distance = |left: usize, right: usize| {
                    Ok::<_, ScheduleError>(distance(points[left], points[right]))
                };
                TransitionMotion::perceptual(span, points.len(), distance)
            }
        }
        .expect("a motion")
    }
}

fn distance(from: [f64; 2], to: [f64; 2]) -> f64 {
    (from[0] - to[0]).hypot(from[1] - to[1])
}

fn any_computed() -> impl Strategy<Value = Computed> {
    let coordinate = prop_oneof![1 => Just(0.0), 4 => -100.0..100.0];
    let point = [coordinate.clone(), coordinate];
    prop_oneof![
        (2..40_usize).prop_map(Computed::Even),
        prop::collection::vec(point, 2..40).prop_map(Computed::Perceptual),
    ]
}

/// A film with holds, easings and durations, which is sometimes a loop or has a length of its own.
fn any_film() -> impl Strategy<Value = (FilmTiming, Vec<Computed>)> {
    let transition = (0.5..4.0, any_easing(), 0.0..2.0_f64, any_computed());
    let transitions = prop::collection::vec(transition, 1..5);
    (
        5.0..60.0,
        0.0..2.0,
        transitions,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(frames_per_second, first_hold, drawn, looped, fitted)| {
            let looped = looped && drawn.len() > 1;
            let mut holds = vec![first_hold];
            holds.extend(drawn.iter().map(|(_, _, hold, _)| *hold));
            holds.truncate(drawn.len() + usize::from(!looped));
            let held = holds.iter().sum::<f64>();
            let transitions = drawn
                .iter()
                .map(|&(seconds, easing, ..)| TransitionTiming::new(seconds, easing));
            let mut timing =
                FilmTiming::new(frame_rate(frames_per_second), holds, transitions.collect());
            timing.film_seconds = fitted.then_some(held + 9.0);
            let computed = drawn.into_iter().map(|(.., computed)| computed);
            (timing, computed.collect())
        })
}

fn even(computed: &[usize]) -> Vec<Computed> {
    computed.iter().copied().map(Computed::Even).collect()
}

fn film(timing: &FilmTiming, computed: &[Computed]) -> Vec<FilmFrame> {
    let timeline = Timeline::new(timing).expect("a film");
    let spans = timeline.transitions().iter().zip(computed);
    let motions: Vec<TransitionMotion> = spans
        .map(|(span, computed)| computed.motion(span))
        .collect();
    film_frames(&timeline, &motions).expect("its frames")
}

fn position(frame: &FilmFrame) -> f64 {
    frame.left as f64 + frame.weight
}

proptest! {
    #[test]
    fn a_film_is_as_long_as_its_parts((timing, computed) in any_film()) {
        let timeline = Timeline::new(&timing);
        prop_assume!(timeline.is_ok());
        let timeline = timeline.unwrap();
        let parts: f64 = timing.transitions.iter().map(|part| part.seconds).sum();
        let held: f64 = timing.holds.iter().sum();
        let seconds = timing.film_seconds.unwrap_or(parts + held);
        let off = timeline.frame_count() as f64 - seconds * timing.frame_rate.as_f64();
        prop_assert!(off.abs() <= 0.5 + 1e-9, "{} frames too many", off);
        prop_assert_eq!(film(&timing, &computed).len(), timeline.frame_count());
    }

    #[test]
    fn nothing_drifts((mut timing, _) in any_film()) {
        timing.film_seconds = None;
        let timeline = Timeline::new(&timing);
        prop_assume!(timeline.is_ok());
        let mut elapsed = timing.holds[0];
        for (index, span) in timeline.unwrap().transitions().iter().enumerate() {
            let off = span.departure() as f64 - elapsed * timing.frame_rate.as_f64();
            prop_assert!(off.abs() <= 1.5 + 1e-9, "transition {} is {} frames off", index, off);
            elapsed += timing.transitions[index].seconds;
            elapsed += timing.holds.get(index + 1).unwrap_or(&0.0);
        }
    }

    #[test]
    fn from_the_first_keyframe_through_all_to_the_last((timing, computed) in any_film()) {
        let timeline = Timeline::new(&timing);
        prop_assume!(timeline.is_ok());
        let timeline = timeline.unwrap();
        let shown = film(&timing, &computed);
        let mut keyframe = 0;
        prop_assert_eq!(shown[0], FilmFrame::unmixed(0));
        for (span, computed) in timeline.transitions().iter().zip(&computed) {
            let held = shown[..=span.departure()].iter().rev().take_while(|frame| **frame == FilmFrame::unmixed(keyframe));
            prop_assert!(held.count() >= 1, "keyframe {} is not shown where it is left", keyframe);
            keyframe += computed.frame_count() - 1;
        }
        let closing = timeline.transitions().last().unwrap();
        let arrives = shown.get(closing.arrival());
        if timeline.is_loop() {
            prop_assert_eq!(arrives, None);
        } else {
            prop_assert_eq!(arrives.copied(), Some(FilmFrame::unmixed(keyframe)));
        }
    }

    #[test]
    fn holds_are_still((timing, computed) in any_film()) {
        let timeline = Timeline::new(&timing);
        prop_assume!(timeline.is_ok());
        let shown = film(&timing, &computed);
        for (index, span) in timeline.unwrap().transitions().iter().enumerate() {
            let Some(hold) = timing.holds.get(index + 1) else { continue };
            let off = span.held_frames() as f64 - hold * timing.frame_rate.as_f64();
            prop_assert!(off.abs() <= 1.0 + 1e-9, "hold {} is {} frames off", index + 1, off);
            let arrival = span.arrival();
            let still = &shown[arrival..=arrival + span.held_frames()];
            prop_assert!(still.iter().all(|frame| *frame == still[0] && frame.weight == 0.0));
        }
    }

    #[test]
    fn time_never_turns_back((timing, computed) in any_film()) {
        let timeline = Timeline::new(&timing);
        prop_assume!(timeline.is_ok());
        for (span, computed) in timeline.unwrap().transitions().iter().zip(&computed) {
            let frames: Vec<FilmFrame> = computed.motion(span).film_frames().collect();
            prop_assert_eq!(frames.len(), span.frame_count());
            for frame in &frames {
                prop_assert!(frame.right < computed.frame_count());
                prop_assert!((0.0..1.0).contains(&frame.weight));
                prop_assert_eq!(frame.right, frame.left + usize::from(frame.weight > 0.0));
            }
            prop_assert!(frames.windows(2).all(|pair| position(&pair[0]) <= position(&pair[1])));
        }
    }

    #[test]
    fn computed_frames_are_shown_at_their_times((timing, computed) in any_film()) {
        let timeline = Timeline::new(&timing);
        prop_assume!(timeline.is_ok());
        for (span, computed) in timeline.unwrap().transitions().iter().zip(&computed) {
            let motion = computed.motion(span);
            let times = motion.computed_frame_times();
            let frames: Vec<FilmFrame> = motion.film_frames().collect();
            prop_assert_eq!(times[0], span.departure() as f64);
            prop_assert_eq!(times[times.len() - 1], (span.arrival()) as f64);
            prop_assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
            for (index, frame) in frames[..span.moving_frames()].iter().enumerate() {
                let time = (span.departure() + 1 + index) as f64;
                prop_assert!(times[frame.left] <= time + 1e-6 && time <= times[frame.right] + 1.0);
                if frame.weight > 0.0 {
                    prop_assert!(time <= times[frame.right] + 1e-6);
                }
            }
        }
    }

    #[test]
    fn film_frames_are_at_equal_apparent_distances(
        steps in prop::collection::vec((0.1..10.0_f64, -1.0..1.0_f64), 1..60),
        intervals in 2..400_usize,
        easing in any_easing(),
    ) {
        // No corner of this path is sharper than 90 degrees.
        let mut points = vec![[0.0, 0.0]];
        for (across, slope) in steps {
            let [x, y] = points[points.len() - 1];
            points.push([x + across, y + slope * across]);
        }
        let timing = FilmTiming::new(frame_rate(1.0), vec![0.0; 2], vec![TransitionTiming::new(intervals as f64 + 1.0, easing)]);
        let span = Timeline::new(&timing).unwrap().transitions()[0].clone();
        let motion = Computed::Perceptual(points.clone()).motion(&span);
        let shown: Vec<[f64; 2]> = motion.positions().iter().map(|position| {
            let left = (*position as usize).min(points.len() - 2);
            let share = position - left as f64;
            [0, 1].map(|axis| (1.0 - share) * points[left][axis] + share * points[left + 1][axis])
        }).collect();
        let distances: Vec<f64> = shown.windows(2).map(|pair| distance(pair[0], pair[1])).collect();
        let rises = (0..intervals).map(|interval| {
            span.position_after(interval + 1) - span.position_after(interval)
        });
        let rises: Vec<f64> = rises.collect();
        let largest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        let speed = largest(&distances) / largest(&rises);
        for (found, rise) in distances.iter().zip(&rises) {
            prop_assert!((found - speed * rise).abs() < 1e-5 * largest(&distances));
        }
    }

    #[test]
    fn every_curve_rises_from_0_to_1(easing in any_easing(), mut times in prop::array::uniform2(0.0..=1.0_f64)) {
        times.sort_by(f64::total_cmp);
        let [early, late] = times.map(|time| easing.at(time));
        prop_assert!((0.0..=1.0).contains(&early) && (0.0..=1.0).contains(&late));
        prop_assert!(early <= late + 1e-15);
        prop_assert_eq!([0.0, 1.0, -1.0, 2.0].map(|time| easing.at(time)), [0.0, 1.0, 0.0, 1.0]);
        prop_assert!((easing.at(easing.time_of(early)) - early).abs() < 1e-12);
    }

    #[test]
    fn an_even_film_moves_evenly((timing, computed) in plain_film()) {
        let timing = FilmTiming::uniform(timing.frame_rate, timing.transitions[0].seconds, 2);
        let film = film(&timing, &even(&computed[..1]));
        let intervals = (film.len() - 1) as f64;
        let computed_intervals = (computed[0] - 1) as f64;
        for (index, frame) in film.iter().enumerate() {
            let even = index as f64 / intervals;
            let shown = position(frame) / computed_intervals;
            prop_assert!((shown - even).abs() <= 1e-12);
        }
    }

    #[test]
    fn later_transitions_change_nothing((timing, computed) in plain_film()) {
        let whole = film(&timing, &even(&computed));
        let alone = FilmTiming::uniform(timing.frame_rate, timing.transitions[0].seconds, 2);
        let first = film(&alone, &even(&computed[..1]));
        prop_assert_eq!(&whole[..first.len()], &first[..]);
    }
}

/// The frames of an evenly timed film, counted by hand. Films of this kind must never change.
#[test]
fn even_films_keep_their_frames() {
    let timing = FilmTiming::uniform(frame_rate(10.0), 1.0, 3);
    let shown: Vec<f64> = film(&timing, &even(&[4, 3])).iter().map(position).collect();
    let third = 1.0 / 3.0;
    let first = [
        0.0,
        third,
        2.0 * third,
        1.0,
        1.0 + third,
        1.0 + 2.0 * third,
        2.0,
    ];
    let first = first
        .into_iter()
        .chain([2.0 + third, 2.0 + 2.0 * third, 3.0]);
    let second = [3.2, 3.4, 3.6, 3.8, 4.0, 4.2, 4.4, 4.6, 4.8, 5.0];
    let expected: Vec<f64> = first.chain(second).collect();
    assert_eq!(shown.len(), expected.len());
    for (shown, expected) in shown.iter().zip(&expected) {
        assert!(
            (shown - expected).abs() < 1e-15,
            "{shown} is not {expected}"
        );
    }
}

#[test]
fn a_loop_never_shows_its_first_keyframe_again() {
    let mut timing = FilmTiming::uniform(frame_rate(4.0), 1.0, 2);
    timing.transitions.push(timing.transitions[0].clone());
    let shown = film(&timing, &even(&[3, 3]));
    let positions: Vec<f64> = shown.iter().map(position).collect();
    assert_eq!(positions, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]);
    assert_eq!((shown[7].left, shown[7].right), (3, 0));
}
