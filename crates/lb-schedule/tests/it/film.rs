//! Laws of film timing.

use lb_schedule::{FilmTiming, film_frames};
use proptest::prelude::*;

fn any_film() -> impl Strategy<Value = (FilmTiming, Vec<usize>)> {
    let timing =
        (2.0..60.0, 1.0..8.0).prop_map(|(frames_per_second, seconds_per_transition)| FilmTiming {
            frames_per_second,
            seconds_per_transition,
        });
    (timing, prop::collection::vec(2..40_usize, 1..5))
}

proptest! {
    #[test]
    fn exact_length_from_the_first_keyframe_to_the_last((timing, computed) in any_film()) {
        let film = film_frames(&timing, &computed).unwrap();
        let total: usize = computed.iter().sum::<usize>() - (computed.len() - 1);
        prop_assert_eq!(film.len(), timing.frame_count(computed.len()).unwrap());
        for (frame, keyframe) in [(film[0], 0), (film[film.len() - 1], total - 1)] {
            prop_assert_eq!((frame.left, frame.right, frame.weight), (keyframe, keyframe, 0.0));
        }
        for frame in &film {
            prop_assert!(frame.left < total && frame.right < total);
            prop_assert!((0.0..1.0).contains(&frame.weight));
            prop_assert_eq!(frame.right, frame.left + usize::from(frame.weight > 0.0));
        }
    }

    #[test]
    fn time_moves_forward((timing, computed) in any_film()) {
        let film = film_frames(&timing, &computed).unwrap();
        let place = |at: usize| film[at].left as f64 + film[at].weight;
        for frame in 1..film.len() {
            prop_assert!(place(frame - 1) < place(frame));
        }
    }

    #[test]
    fn every_computed_frame_is_shown_unmixed((timing, computed) in any_film()) {
        let room = timing.frames_per_transition().unwrap();
        prop_assume!(computed.iter().all(|&frames| frames <= room));
        let film = film_frames(&timing, &computed).unwrap();
        let unmixed = film.iter().filter(|frame| frame.weight == 0.0).map(|frame| frame.left);
        let total = computed.iter().sum::<usize>() - (computed.len() - 1);
        prop_assert_eq!(unmixed.collect::<Vec<_>>(), (0..total).collect::<Vec<_>>());
    }

    #[test]
    fn computed_frames_keep_their_time((timing, computed) in any_film()) {
        // No film frame is further than half a computed or half a film interval from even motion.
        let film = film_frames(&timing, &computed[..1]).unwrap();
        let intervals = (film.len() - 1) as f64;
        let computed_intervals = (computed[0] - 1) as f64;
        for (index, frame) in film.iter().enumerate() {
            let even = index as f64 / intervals;
            let shown = (frame.left as f64 + frame.weight) / computed_intervals;
            prop_assert!((shown - even).abs() <= 0.5 / intervals + 1e-12);
        }
    }

    #[test]
    fn later_transitions_change_nothing((timing, computed) in any_film()) {
        let film = film_frames(&timing, &computed).unwrap();
        let first = film_frames(&timing, &computed[..1]).unwrap();
        prop_assert_eq!(&film[..first.len()], &first[..]);
        prop_assert_eq!(film_frames(&timing, &computed).unwrap(), film);
    }
}
