//! Films of grey frames, so that one value describes a whole picture.

use lb_schedule::{FilmTiming, FrameRate, film_frames};
use lb_video::picture::cross_fade;
use proptest::prelude::*;

use super::*;

fn grey(level: u8) -> Arc<RgbImage> {
    Arc::new(RgbImage::from_pixel(2, 2, image::Rgb([level; 3])))
}

/// What the film shows, the motions, and the most computed frames that were held.
fn assembled(
    timing: &FilmTiming,
    computed: &[usize],
    how: Timing,
    levels: &[u8],
) -> (Vec<u8>, Vec<Motion>, usize) {
    let timeline = Timeline::new(timing).unwrap();
    let pictures = computed.iter().map(|&computed| TransitionPictures {
        computed,
        in_betweens: 0,
    });
    let mut assembler = FilmAssembler::new(timeline, pictures.collect(), how);
    let (mut shown, mut most_held) = (Vec::new(), 0);
    for &level in levels {
        let show = |left: &Arc<RgbImage>, right: &Arc<RgbImage>, weight: f64| {
            shown.push(cross_fade(left, right, weight)?.as_raw()[0]);
            Ok(())
        };
        assembler.push(grey(level), None, show).unwrap();
        most_held = most_held.max(assembler.held.len());
    }
    (shown, assembler.motions, most_held)
}

#[test]
fn every_film_frame_is_shown_once_in_order_with_its_weight() {
    let timing = FilmTiming::uniform(FrameRate::new(5.0).unwrap(), 1.0, 2);
    let (shown, motions, held) = assembled(&timing, &[3], Timing::Even, &[0, 100, 200]);
    assert_eq!(shown, [0, 50, 100, 150, 200]);
    assert_eq!(held, 1, "apart from the new frame");
    assert_eq!(motions[0].seconds, [0.0, 0.4, 0.8]);
    assert_eq!(motions[0].distances, [100.0, 100.0]);
}

#[test]
fn a_film_of_fewer_frames_than_were_computed_skips_some() {
    let timing = FilmTiming::uniform(FrameRate::new(2.0).unwrap(), 1.0, 2);
    let (shown, ..) = assembled(&timing, &[4], Timing::Even, &[0, 90, 91, 120]);
    assert_eq!(shown, [0, 120]);
}

#[test]
fn perceptual_timing_moves_at_one_speed() {
    let timing = FilmTiming::uniform(FrameRate::new(11.0).unwrap(), 1.0, 2);
    let levels = [0, 10, 90, 100];
    let (shown, motions, held) = assembled(&timing, &[4], Timing::Perceptual, &levels);
    assert_eq!(shown, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    assert_eq!(held, 3);
    let frames = [0.0, 1.0, 9.0, 10.0].map(|frame| frame / 11.0);
    for (found, expected) in motions[0].seconds.iter().zip(frames) {
        assert!((found - expected).abs() < 1e-12);
    }
    let (even, ..) = assembled(&timing, &[4], Timing::Even, &levels);
    assert_ne!(shown, even);
}

#[test]
fn in_betweens_are_shown_between_their_computed_frames() {
    let pictures = vec![TransitionPictures {
        computed: 3,
        in_betweens: 2,
    }];
    let levels = [
        (0, None),
        (10, Some(0.5)),
        (40, None),
        (70, Some(0.25)),
        (200, None),
    ];
    let film = |how| {
        let timeline =
            Timeline::new(&FilmTiming::uniform(FrameRate::new(9.0).unwrap(), 1.0, 2)).unwrap();
        let mut assembler = FilmAssembler::new(timeline, pictures.clone(), how);
        let mut shown = Vec::new();
        for (level, in_between) in levels {
            let show = |left: &Arc<RgbImage>, right: &Arc<RgbImage>, weight: f64| {
                shown.push(cross_fade(left, right, weight)?.as_raw()[0]);
                Ok(())
            };
            assembler.push(grey(level), in_between, show).unwrap();
        }
        (shown, std::mem::take(&mut assembler.motions).remove(0))
    };
    let (shown, motion) = film(Timing::Even);
    assert_eq!(shown, [0, 5, 10, 25, 40, 70, 113, 157, 200]);
    assert_eq!(motion.seconds, [0.0, 4.0 / 9.0, 8.0 / 9.0]);
    assert_eq!(motion.distances, [40.0, 160.0]);
    let (shown, motion) = film(Timing::Perceptual);
    assert_eq!(shown, [0, 25, 50, 75, 100, 125, 150, 175, 200]);
    assert!((motion.seconds[1] - 1.6 / 9.0).abs() < 1e-12);
    assert_eq!(motion.distances, [40.0, 160.0]);
}

#[test]
fn the_film_rests_on_holds_and_a_loop_returns() {
    let mut timing = FilmTiming::uniform(FrameRate::new(2.0).unwrap(), 1.0, 2);
    timing.holds = vec![0.5, 1.0];
    timing.transitions.push(timing.transitions[0].clone());
    for how in <Timing as lb_job::Choice>::ALL.iter().copied() {
        let (shown, motions, _) = assembled(&timing, &[3, 2], how, &[0, 50, 100, 0]);
        // Two frames of the first keyframe, two to the second one, two still, one on the way back.
        assert_eq!(shown, [0, 0, 50, 100, 100, 100, 50]);
        assert_eq!(motions[1].seconds, [2.5, 3.5]);
    }
}

proptest! {
    #[test]
    fn the_film_is_the_planned_one(
        counts in prop::collection::vec(2..9_usize, 1..4),
        seconds in 0.3..3.0_f64,
        hold in 0.0..1.0_f64,
    ) {
        let mut timing = FilmTiming::uniform(FrameRate::new(12.0).unwrap(), seconds, counts.len() + 1);
        timing.holds.fill(hold);
        let total = counts.iter().sum::<usize>() - (counts.len() - 1);
        let levels: Vec<u8> = (0..total).map(|frame| (frame * 97 % 251) as u8).collect();
        let timeline = Timeline::new(&timing).unwrap();
        let spans = timeline.transitions().iter().zip(&counts);
        let even: Vec<_> = spans.map(|(span, &frames)| TransitionMotion::even(span, frames).unwrap()).collect();
        let planned = film_frames(&timeline, &even).unwrap();
        let expected = planned.iter().map(|frame| {
            let [left, right] = [frame.left, frame.right].map(|at| grey(levels[at]));
            cross_fade(&left, &right, frame.weight).unwrap().as_raw()[0]
        });
        let (shown, ..) = assembled(&timing, &counts, Timing::Even, &levels);
        prop_assert_eq!(shown, expected.collect::<Vec<_>>());
        let (shown, ..) = assembled(&timing, &counts, Timing::Perceptual, &levels);
        prop_assert_eq!(shown.len(), planned.len());
    }
}
