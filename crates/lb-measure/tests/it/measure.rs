//! What is measured of films whose every pixel is known.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use image::RgbImage;
use lb_measure::{
    Background, FilmLayout, FrameSource, MeasureError, Measurement, Quantity, Requirement,
    Sections, measure,
};
use lb_video::{FrameRate, picture};
use proptest::prelude::*;

const SIDE: u32 = 48;

/// A disc with a fine pattern on it, before a plain background.
fn disc(centre: (f64, f64), radius: f64) -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |column, row| {
        let (x, y) = (f64::from(column) - centre.0, f64::from(row) - centre.1);
        let inside = x.hypot(y) < radius;
        let dark = (row / 2 + column / 2) % 2 == 0;
        let pixel = match (inside, dark) {
            (false, _) => [230, 230, 220],
            (true, false) => [220, 60, 40],
            (true, true) => [90, 20, 60],
        };
        pixel.into()
    })
}

fn left() -> RgbImage {
    disc((14.0, 24.0), 10.0)
}

fn right() -> RgbImage {
    disc((34.0, 24.0), 12.0)
}

/// The disc moves and grows, and is sharp in every frame.
fn morph(frames: usize) -> Vec<RgbImage> {
    let at = |frame| {
        let way = frame as f64 / (frames - 1) as f64;
        disc((14.0 + 20.0 * way, 24.0), 10.0 + 2.0 * way)
    };
    (0..frames).map(at).collect()
}

/// One disc vanishes while the other appears.
fn cross_fade(weights: impl IntoIterator<Item = f64>) -> Vec<RgbImage> {
    let (left, right) = (Arc::new(left()), Arc::new(right()));
    let mix = |weight| Arc::unwrap_or_clone(picture::cross_fade(&left, &right, weight).unwrap());
    weights.into_iter().map(mix).collect()
}

fn even(frames: usize) -> impl Iterator<Item = f64> {
    (0..frames).map(move |frame| frame as f64 / (frames - 1) as f64)
}

fn measured(frames: &[RgbImage], sections: Option<&Sections>) -> Result<Measurement, MeasureError> {
    measure(
        || Ok(frames.iter().cloned().map(Arc::new).map(Ok)),
        sections,
        Some(25.0),
    )
}

#[test]
fn one_picture_does_not_move() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one.png", "one.jpg"] {
        let path = folder.path().join(name);
        RgbImage::new(32, 32).save(&path).unwrap();
        let error = lb_measure::FrameSource::find(std::slice::from_ref(&path)).unwrap_err();
        assert!(error.is_request());
        assert_eq!(
            error.to_string(),
            format!(
                "{} is one picture: measuring takes a film, a folder of frames, or several pictures",
                path.display()
            )
        );
    }
}

#[test]
fn a_cross_fade_is_found_out() {
    let found = measured(&cross_fade(even(21)), None).unwrap().overall;
    assert!(found.coefficient_of_variation < 0.03, "{found:?}");
    assert!((0.99..=1.0 + 1e-9).contains(&found.directness), "{found:?}");
    let (retention, residual) = (found.retention.unwrap(), found.residual.unwrap());
    assert!(residual.most < 0.01, "{found:?}");
    assert!(retention.least < 0.6 && retention.mean < 0.8, "{found:?}");
}

#[test]
fn a_morph_is_none() {
    let found = measured(&morph(21), None).unwrap().overall;
    let (retention, residual) = (found.retention.unwrap(), found.residual.unwrap());
    assert!(residual.most > 0.4 && residual.mean > 0.3, "{found:?}");
    assert!(retention.least > 0.9, "{found:?}");
    assert!(found.directness < 0.6, "a way around: {found:?}");
}

#[test]
fn an_uneven_cross_fade_is_still_one() {
    let squares = even(21).map(|weight| weight * weight);
    let found = measured(&cross_fade(squares), None).unwrap().overall;
    // The steps grow from 1 to 39. Their deviation is √133 and their mean 20, and the last one is 39/20 of
    // the mean.
    assert!(
        (found.coefficient_of_variation - 0.5766).abs() < 0.01,
        "{found:?}"
    );
    assert!((found.peak_ratio - 1.95).abs() < 0.03, "{found:?}");
    assert!(found.residual.unwrap().most < 0.01, "{found:?}");
    assert!(found.directness > 0.99, "{found:?}");
}

#[test]
fn transitions_are_measured_apart_and_holds_are_left_out() {
    let mut frames = morph(11);
    frames.extend(vec![right(); 5]);
    frames.extend(cross_fade(even(9)).into_iter().rev().skip(1));
    let sections = Sections {
        transitions: vec![(0, 10), (15, 23)],
        frame_count: 24,
        closes: false,
    };
    let found = measured(&frames, Some(&sections)).unwrap();
    assert_eq!(
        (found.frames, found.width, found.height),
        (24, SIDE as usize, SIDE as usize)
    );
    let [first, second] = &found.transitions[..] else {
        panic!("{found:?}");
    };
    let alone = measured(&morph(11), None).unwrap();
    assert_eq!(first, &alone.transitions[0]);
    assert_eq!(
        (second.first, second.last, second.distances.len()),
        (15, 23, 8)
    );
    assert!(second.statistics.residual.unwrap().most < 0.01);
    let least = second.statistics.retention.unwrap().least;
    assert_eq!(found.overall.retention.unwrap().least, least);
    assert_eq!(
        found.overall.residual.unwrap().most,
        first.statistics.residual.unwrap().most
    );
    // Both transitions have the same ends, so all together lies between the two.
    let directness = [first, second].map(|at| at.statistics.directness);
    assert!(directness[0] < found.overall.directness && found.overall.directness < directness[1]);

    let whole = measured(&frames, None).unwrap().overall;
    assert!(whole.coefficient_of_variation > found.overall.coefficient_of_variation);
}

#[test]
fn a_loop_is_measured_to_its_beginning() {
    let mut frames = morph(11);
    frames.extend(cross_fade(even(9)).into_iter().rev().skip(1));
    let open = Sections {
        transitions: vec![(0, 10), (10, 18)],
        frame_count: 19,
        closes: false,
    };
    let expected = measured(&frames, Some(&open)).unwrap();
    frames.pop();
    let closed = Sections {
        closes: true,
        ..open
    };
    let found = measured(&frames, Some(&closed)).unwrap();
    assert_eq!((found.frames, expected.frames), (18, 19));
    assert_eq!(found.transitions, expected.transitions);
}

#[test]
fn a_still_film_has_nothing_to_measure_but_is_no_error() {
    let found = measured(&vec![left(); 4], None).unwrap().overall;
    let numbers = [found.mean_distance, found.coefficient_of_variation];
    assert_eq!(numbers, [0.0, 0.0]);
    assert_eq!([found.peak_ratio, found.directness], [1.0, 1.0]);
    assert_eq!(found.residual, None);
    assert!((found.retention.unwrap().least - 1.0).abs() < 1e-12);
}

/// A wall with a soft pattern on it.
fn wall() -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        [(120 + (x * 3 + y * 5) % 17) as u8; 3].into()
    })
}

/// A disc in the middle whose red value is given.
fn with_disc(mut picture: RgbImage, radius: f64, red: u8) -> RgbImage {
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if (f64::from(x) - 24.0).hypot(f64::from(y) - 24.0) < radius {
            *pixel = [red, 30, 30].into();
        }
    }
    picture
}

fn background(frames: &[RgbImage]) -> Option<Background> {
    measured(frames, None).unwrap().overall.background
}

#[test]
fn an_object_that_changes_before_a_wall_is_no_background() {
    // The shape is for a moment wider than in both keyframes.
    let radii = [12.0, 12.5, 13.0, 13.5, 13.5, 13.0, 11.0, 10.5, 10.0];
    let reds = (0..).map(|frame| 200 - 20 * frame);
    let frames = radii.iter().zip(reds);
    let frames: Vec<RgbImage> = frames
        .map(|(&radius, red)| with_disc(wall(), radius, red))
        .collect();
    let found = background(&frames).unwrap();
    assert!(found.drift < 1e-9, "{found:?}");
    assert!((found.spread - 1.0).abs() < 1e-9, "{found:?}");

    let flat = background(&morph(21)).unwrap();
    assert!(flat.drift < 1e-9 && flat.spread < 1e-9, "{flat:?}");
}

#[test]
fn flecks_behind_an_object_are_found() {
    let clean = [(10.0, 200), (11.0, 150), (12.0, 100)];
    let clean = clean.map(|(radius, red)| with_disc(wall(), radius, red));
    let mut flecked = clean.clone();
    for at in [(3, 3), (5, 40), (42, 6), (44, 44)] {
        flecked[1].put_pixel(at.0, at.1, [255, 240, 200].into());
    }
    let [clean, flecked] = [clean, flecked].map(|frames| background(&frames).unwrap());
    assert!(
        clean.spread <= 1.0 && flecked.spread > 1.5,
        "{clean:?} {flecked:?}"
    );
    assert_eq!(flecked.spread_frame, 1);
}

/// A grey wall whose pixels are this much lighter and darker in turn.
fn noisy(grey: u8, deviation: u8) -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let lighter = (x + y) % 2 == 0;
        let value = if lighter {
            grey + deviation
        } else {
            grey - deviation
        };
        [value; 3].into()
    })
}

#[test]
fn the_spread_is_over_the_larger_one_of_the_keyframes() {
    for ends in [[2, 4], [4, 2]] {
        let frames = [ends[0], 6, ends[1]].map(|deviation| noisy(128, deviation));
        let found = background(&frames).unwrap();
        assert!((found.spread - 1.5).abs() < 1e-9, "{found:?}");
    }
}

#[test]
fn single_pixels_that_differ_are_noise() {
    let mut speckled = wall();
    for (x, y) in (2..SIDE)
        .step_by(5)
        .flat_map(|x| (2..SIDE).step_by(5).map(move |y| (x, y)))
    {
        speckled.put_pixel(x, y, [255; 3].into());
    }
    let frames = [wall(), wall(), speckled];
    let found = measured(&frames, None).unwrap();
    let curves = found.transitions[0].background.as_ref();
    assert_eq!(curves.map(|of| of.share), Some(1.0));
}

#[test]
fn different_walls_have_no_background() {
    let dark = RgbImage::from_pixel(SIDE, SIDE, [20, 60, 20].into());
    assert_eq!(background(&[wall(), dark.clone(), dark]), None);
}

#[test]
fn what_two_objects_have_in_common_is_no_background() {
    // Both discs have the same light eye, before walls that differ.
    let eye = |wall: [u8; 3]| {
        let mut picture = RgbImage::from_pixel(SIDE, SIDE, wall.into());
        for (x, y) in (10..38).flat_map(|x| (10..38).map(move |y| (x, y))) {
            picture.put_pixel(x, y, [240; 3].into());
        }
        picture
    };
    let frames = [eye([200, 0, 0]), eye([100, 0, 100]), eye([0, 0, 200])];
    assert_eq!(background(&frames), None);
}

#[test]
fn requirements_are_checked_in_every_transition() {
    let mut frames = morph(11);
    frames.extend(cross_fade(even(9)).into_iter().rev().skip(1));
    let sections = Sections {
        transitions: vec![(0, 10), (10, 18)],
        frame_count: 19,
        closes: false,
    };
    let found = measured(&frames, Some(&sections)).unwrap();
    let requirement = |quantity, limit, at_most| Requirement {
        quantity,
        limit,
        at_most,
    };
    let morphs = requirement(Quantity::MeanResidual, 0.1, false);
    let [breach] = morphs.breaches(&found)[..] else {
        panic!("{found:?}");
    };
    assert_eq!((breach.transition, breach.frame), (1, None));
    assert!(breach.value < 0.1);
    let sharp = requirement(Quantity::LeastRetention, 0.9, false);
    let [breach] = sharp.breaches(&found)[..] else {
        panic!("{found:?}");
    };
    assert!((12..17).contains(&breach.frame.unwrap()), "{breach:?}");
    let limit = found.transitions[0].statistics.peak_ratio;
    let exact = requirement(Quantity::Peak, limit, true);
    assert!(exact.breaches(&found).iter().all(|at| at.transition == 1));
    // A limit for what cannot be measured is kept.
    let still = measured(&vec![left(); 4], None).unwrap();
    assert_eq!(morphs.breaches(&still), []);
}

#[test]
fn less_fault_is_better() {
    let better = |quantity: Quantity, good, bad| {
        let [good, bad] = [good, bad].map(|value| quantity.fault(value).unwrap());
        assert!(good < bad, "{quantity:?}: {good} {bad}");
    };
    better(Quantity::Variation, 0.01, 0.02);
    better(Quantity::Drift, 1.0, 2.0);
    better(Quantity::MostRetention, 1.1, 1.2);
    better(Quantity::LeastRetention, 0.9, 0.8);
    better(Quantity::MeanRetention, 1.2, 0.8);
    better(Quantity::MeanResidual, 0.4, 0.3);
    assert_eq!(Quantity::Directness.fault(1.0), None);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let refused = |frames: &[RgbImage], sections: Option<&Sections>| {
        let error = measured(frames, sections).unwrap_err();
        assert!(error.is_request());
        error.to_string()
    };
    let few = "measuring takes at least 3 frames, found";
    assert_eq!(refused(&[], None), format!("{few} 0"));
    assert_eq!(refused(&[left(), right()], None), format!("{few} 2"));
    let mut sizes = morph(3);
    sizes.push(RgbImage::new(2, 1));
    assert_eq!(
        refused(&sizes, None),
        "frames must have one size: frame 3 has 2x1 pixels, those before have 48x48"
    );
    for (transitions, frame_count) in [(vec![(0, 4)], 5), (vec![(0, 2)], 5), (vec![(0, 9)], 4)] {
        let sections = Sections {
            transitions,
            frame_count,
            closes: false,
        };
        let expected = format!("the transitions are those of {frame_count} frames, found 4");
        assert_eq!(refused(&morph(4), Some(&sections)), expected);
    }
}

/// Films of a few bytes whose last frame is shown for hours.
#[test]
fn a_frame_that_is_shown_for_long_is_little_work() {
    let hostile = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let source = |name: &str| FrameSource::find(&[hostile.join(name)]).unwrap();
    let began = Instant::now();
    // The job of this film says how many frames a second it has.
    let sections = Sections {
        transitions: vec![(0, 5)],
        frame_count: 6,
        closes: false,
    };
    let layout = FilmLayout {
        film: sections.clone(),
        computed: sections,
        frame_rate: FrameRate::new(30.0).unwrap(),
        camera: None,
    };
    let film = source("long_frame.mp4").with_layout(layout);
    let error = film.measure().unwrap_err();
    assert!(error.is_request());
    let expected = "would have to be repeated to measure it";
    assert!(error.to_string().ends_with(expected), "{error}");
    let gif = source("long_frame.gif").measure().unwrap();
    assert!(gif.frames > 30_000, "{}", gif.frames);
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
}

/// Frames that are known to be equal are not looked at again, and have the same numbers.
#[test]
fn a_frame_that_is_shown_again_is_measured_once() {
    let frames: Vec<Arc<RgbImage>> = morph(5).into_iter().map(Arc::new).collect();
    let held: Vec<_> = frames.iter().flat_map(|frame| [frame; 3]).collect();
    let shared = || Ok::<_, MeasureError>(held.iter().map(|&frame| Ok(Arc::clone(frame))));
    let copied = || {
        let copies = held
            .iter()
            .map(|&frame| Ok(Arc::new(RgbImage::clone(frame))));
        Ok::<_, MeasureError>(copies)
    };
    let sections = Sections {
        transitions: vec![(0, 6), (7, 11), (11, 14)],
        frame_count: 15,
        closes: false,
    };
    for sections in [None, Some(&sections)] {
        let expected = measure(copied, sections, None).unwrap();
        assert_eq!(measure(shared, sections, None).unwrap(), expected);
    }
}

#[test]
fn frames_that_are_too_large_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.png");
    image::GrayImage::new(4096, 2161).save(&path).unwrap();
    let frames = FrameSource::find(&[path.clone(), path.clone(), path.clone()]).unwrap();
    let error = frames.measure().unwrap_err();
    assert!(error.is_request());
    let expected =
        "large.png has 4096x2161 pixels: frames that are measured may have as many as 4096x2160";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[test]
fn reading_stops_at_the_first_error() {
    let broken = || {
        let frames = morph(3).into_iter().map(Arc::new).map(Ok);
        Ok(frames.chain([Err(MeasureError::TooFewFrames { found: 7 })]))
    };
    let error = measure(broken, None, None).unwrap_err();
    assert!(matches!(error, MeasureError::TooFewFrames { found: 7 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn numbers_stay_in_their_ranges(weights in prop::collection::vec(0.0..=1.0_f64, 3..12)) {
        let frames = cross_fade(weights);
        let found = measure(|| Ok::<_, MeasureError>(frames.iter().cloned().map(Arc::new).map(Ok)), None, None).unwrap();
        prop_assert!((0.0..=1.0 + 1e-9).contains(&found.overall.directness));
        prop_assert!(found.overall.peak_ratio >= 1.0);
        let at = &found.transitions[0];
        prop_assert!(at.positions.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert_eq!((at.positions[0], at.positions[frames.len() - 1]), (0.0, 1.0));
    }

    #[test]
    fn a_shift_of_the_wall_is_its_drift(shift in -100..=100_i32, radius in 3.0..14.0_f64) {
        let shifted = |shift: i32, red| {
            let mut picture = wall();
            let brighter = |value: &mut u8| *value = (i32::from(*value) + shift) as u8;
            picture.iter_mut().for_each(brighter);
            with_disc(picture, radius, red)
        };
        let frames = [shifted(0, 200), shifted(shift, 150), shifted(0, 100)];
        let found = measured(&frames, None).unwrap().overall.background.unwrap();
        prop_assert!((found.drift - f64::from(shift.abs())).abs() < 1e-9, "{:?}", found);
        prop_assert!((found.spread - 1.0).abs() < 1e-9, "{:?}", found);
        prop_assert_eq!(found.drift_frame, 1);
    }

    #[test]
    fn noise_on_a_flat_wall_is_its_spread(deviation in 1..=100_u8, grey in 100..=155_u8) {
        let found = background(&[noisy(grey, 0), noisy(grey, deviation), noisy(grey, 0)]).unwrap();
        prop_assert!((found.spread - f64::from(deviation)).abs() < 1e-9, "{:?}", found);
        prop_assert!(found.drift < 1e-9, "{:?}", found);
    }
}
