//! Sections of pictures, as a camera shows them.

use lb_schedule::{CameraView, Section};
use lb_video::picture::{Mix, distance};
use lb_video::{RgbImage, VideoError};
use proptest::prelude::*;

fn picture(width: u32, height: u32, value: impl Fn(f64, f64) -> f64) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let grey = value(f64::from(x) + 0.5, f64::from(y) + 0.5).round() as u8;
        image::Rgb([grey, 255 - grey, 128])
    })
}

/// A soft pattern that changes in every direction, around grey.
fn waves(x: f64, y: f64) -> f64 {
    127.0 + 60.0 * (x / 4.0).sin() * (y / 5.0).cos() + 50.0 * ((x + 2.0 * y) / 11.0).sin()
}

fn shown(picture: &RgbImage, view: CameraView, size: (usize, usize)) -> RgbImage {
    let dimensions = (picture.width() as usize, picture.height() as usize);
    let section = view.section(dimensions);
    let mix = Mix::new(picture, picture, 0.0).unwrap();
    mix.sections(&[(section, 1.0)], size).unwrap()
}

fn view(zoom: f64, pan: [f64; 2], rotation: f64) -> CameraView {
    CameraView {
        zoom,
        pan,
        rotation,
    }
}

/// The largest difference of two pictures, in grey levels.
fn largest_difference(one: &RgbImage, other: &RgbImage) -> u8 {
    assert_eq!(one.dimensions(), other.dimensions());
    let pairs = one.as_raw().iter().zip(other.as_raw());
    pairs
        .map(|(one, other)| one.abs_diff(*other))
        .max()
        .unwrap_or(0)
}

proptest! {
    #[test]
    fn the_whole_picture_is_shown_as_it_is(
        (width, height) in (1_u32..40, 1_u32..40), seed in any::<u32>(),
    ) {
        let noise = |x: u32, y: u32| {
            let hash = (x * 7919 + y * 104_729).wrapping_add(seed).wrapping_mul(2_654_435_761);
            image::Rgb(hash.to_le_bytes()[..3].try_into().unwrap())
        };
        let picture = RgbImage::from_fn(width, height, noise);
        let size = (width as usize, height as usize);
        prop_assert_eq!(&shown(&picture, CameraView::WHOLE, size), &picture);
        let half_turn = shown(&picture, view(1.0, [0.0; 2], 180.0), size);
        prop_assert_eq!(half_turn, image::imageops::rotate180(&picture));
    }

    #[test]
    fn what_lies_between_pixels_is_shown_where_it_is(
        zoom in 1.0..4.0, pan_x in -1.0..1.0, pan_y in -1.0..1.0, rotation in -180.0..180.0,
        scale in 1_usize..3,
    ) {
        let picture = picture(64, 48, waves);
        let view = view(zoom, [pan_x, pan_y], rotation);
        prop_assume!(zoom >= view.least_zoom((64, 48)));
        let (width, height) = (64 * scale, 48 * scale);
        let shown = shown(&picture, view, (width, height));
        let section = view.section((64, 48));
        for (x, y, pixel) in shown.enumerate_pixels() {
            let [x, y] = section.point([
                (f64::from(x) + 0.5) / width as f64,
                (f64::from(y) + 0.5) / height as f64,
            ]);
            let far = |at: f64, side: f64| at > 4.0 && at < side - 4.0;
            if far(x, 64.0) && far(y, 48.0) {
                prop_assert!((f64::from(pixel[0]) - waves(x, y)).abs() < 2.0);
            }
        }
    }
}

#[test]
fn a_quarter_turn_is_exact_and_goes_clockwise() {
    let square = picture(24, 24, waves);
    let turned = shown(&square, view(1.0, [0.0; 2], 90.0), (24, 24));
    assert_eq!(turned, image::imageops::rotate90(&square));
}

#[test]
fn a_view_that_is_hardly_turned_is_that_of_an_upright_one() {
    let picture = picture(40, 30, waves);
    for pan in [[0.0, 0.0], [1.0, -1.0], [-0.3, 0.9]] {
        let upright = shown(&picture, view(1.37, pan, 0.0), (80, 60));
        let turned = shown(&picture, view(1.37, pan, 1e-9), (80, 60));
        assert!(largest_difference(&upright, &turned) <= 1);
        assert!(distance(&upright, &turned).unwrap() < 0.05);
    }
}

#[test]
fn pictures_are_mixed_as_if_each_was_moved() {
    let left = picture(32, 32, waves);
    let right = picture(32, 32, |x, y| waves(y + 3.0, x));
    let view = view(1.7, [0.4, -0.2], 10.0);
    let section = [(view.section((32, 32)), 1.0)];
    let mixed = Mix::new(&left, &right, 0.25).unwrap();
    let mixed = mixed.sections(&section, (32, 32)).unwrap();
    let moved = [&left, &right].map(|picture| shown(picture, view, (32, 32)));
    for ((left, right), mixed) in moved[0].iter().zip(moved[1].iter()).zip(mixed.iter()) {
        let expected = 0.75 * f64::from(*left) + 0.25 * f64::from(*right);
        assert!((f64::from(*mixed) - expected).abs() < 2.0);
    }
}

#[test]
fn sections_are_laid_over_each_other_with_their_shares() {
    let picture = picture(16, 16, |x, _| if x < 8.0 { 40.0 } else { 200.0 });
    let half = |centre: f64| Section {
        centre: [centre, 8.0],
        across: [2.0, 0.0],
        down: [0.0, 2.0],
    };
    let mix = Mix::new(&picture, &picture, 0.0).unwrap();
    let shown = mix.sections(&[(half(2.5), 0.75), (half(13.5), 0.25)], (4, 4));
    assert!(shown.unwrap().pixels().all(|pixel| pixel[0] == 80));
}

#[test]
fn beyond_the_edges_the_outermost_pixels_are_repeated() {
    let picture = picture(3, 2, |x, _| 50.0 * x);
    for (centre, expected) in [([-40.0, 1.0], 25), ([1.5, 90.0], 75), ([70.0, -9.0], 125)] {
        for lean in [0.0, 0.01] {
            let section = Section {
                centre,
                across: [1.0, lean],
                down: [-lean, 1.0],
            };
            let mix = Mix::new(&picture, &picture, 0.0).unwrap();
            let shown = mix.sections(&[(section, 1.0)], (1, 1)).unwrap();
            assert_eq!(shown.get_pixel(0, 0)[0], expected, "{centre:?}");
        }
    }
}

#[test]
fn what_cannot_be_mixed_is_refused() {
    let picture = picture(4, 4, waves);
    let wide = RgbImage::new(5, 4);
    assert!(matches!(
        Mix::new(&picture, &wide, 0.5),
        Err(VideoError::SizesDiffer { .. })
    ));
    assert!(matches!(
        Mix::new(&picture, &picture, f64::NAN),
        Err(VideoError::Weight { .. })
    ));
    let mix = Mix::new(&picture, &picture, 0.0).unwrap();
    let section = CameraView::WHOLE.section((4, 4));
    assert!(matches!(
        mix.sections(&[(section, 1.0)], (0, 4)),
        Err(VideoError::FrameSize { .. })
    ));
}
