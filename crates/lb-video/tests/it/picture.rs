use std::sync::Arc;

use lb_video::picture::{cross_fade, distance, enlarged, from_rgb, psnr};
use lb_video::{RgbImage, VideoError};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_cross_fade_is_the_mean_rounded_up_or_down(left in any::<[u8; 12]>(), right in any::<[u8; 12]>(), weight in 0.0..=1.0) {
        let frame = |bytes: [u8; 12]| Arc::new(from_rgb(2, 2, bytes.to_vec()).unwrap());
        let mixed = cross_fade(&frame(left), &frame(right), weight).unwrap();
        for ((&left, &right), &shown) in left.iter().zip(&right).zip(mixed.as_raw()) {
            let exact = (1.0 - weight) * f64::from(left) + weight * f64::from(right);
            prop_assert!((f64::from(shown) - exact).abs() < 1.0 + 255.0 / 131_072.0);
        }
    }
}

#[test]
fn a_cross_fade_ends_exactly_at_its_frames() {
    let left = Arc::new(from_rgb(1, 1, vec![1, 2, 3]).unwrap());
    let right = Arc::new(from_rgb(1, 1, vec![255, 254, 253]).unwrap());
    for (weight, end) in [(0.0, &left), (1.0, &right)] {
        let shown = cross_fade(&left, &right, weight).unwrap();
        assert!(
            Arc::ptr_eq(&shown, end),
            "no copy is made at weight {weight}"
        );
    }
}

/// What differs by one grey level changes pixel by pixel, at an even rate and everywhere.
#[test]
fn a_slow_cross_fade_does_not_leap() {
    let grey = |level: u8| Arc::new(from_rgb(64, 64, vec![level; 64 * 64 * 3]).unwrap());
    let (left, right) = (grey(100), grey(101));
    let changed = |weight: f64| {
        let shown = cross_fade(&left, &right, weight).unwrap();
        let block = |x: usize, y: usize| {
            let pixels =
                (0..256).map(|at| shown.get_pixel((x + at % 16) as u32, (y + at / 16) as u32));
            pixels.filter(|pixel| pixel[0] == 101).count() as f64 / 256.0
        };
        [block(0, 0), block(16, 32), block(48, 48)]
    };
    for weight in (1..20).map(|step| f64::from(step) / 20.0) {
        for share in changed(weight) {
            assert!(
                (share - weight).abs() < 0.02,
                "{share} of the pixels changed at {weight}"
            );
        }
    }
}

#[test]
fn an_enlarged_picture_has_the_same_areas_and_soft_steps_between_them() {
    let (width, height) = (16, 8);
    let half = |x: u32, _| image::Rgb([if x < 8 { 40 } else { 200 }, 90, 7]);
    let picture = Arc::new(RgbImage::from_fn(width, height, half));
    assert!(Arc::ptr_eq(&enlarged(&picture, 1), &picture));
    let large = enlarged(&picture, 4);
    assert_eq!(large.dimensions(), (64, 32));
    let red = |x| large.get_pixel(x, 16)[0];
    assert_eq!((red(4), red(60)), (40, 200));
    // The step of 160 levels is spread over several pixels.
    let steepest = (1..64).map(|x| red(x).abs_diff(red(x - 1))).max();
    assert!(steepest < Some(70), "{steepest:?}");
    assert!(large.pixels().all(|pixel| (pixel[1], pixel[2]) == (90, 7)));
}

#[test]
fn equal_pictures_are_infinitely_alike() {
    let noise = |values: [u8; 3]| from_rgb(1, 1, values.to_vec()).unwrap();
    let psnr = |left, right| psnr(&noise(left), &noise(right)).unwrap();
    assert_eq!(psnr([1, 2, 3], [1, 2, 3]), f64::INFINITY);
    assert!(psnr([0; 3], [255; 3]).abs() < 1e-12);
    assert!((psnr([10, 10, 0], [0; 3]) - 29.89).abs() < 0.01);
}

#[test]
fn what_is_no_picture_is_refused() {
    for (width, height) in [(0, 1), (1, 0), (usize::MAX, 1), (1 << 40, 1 << 40)] {
        let refused = from_rgb(width, height, vec![0; 3]);
        assert!(matches!(refused, Err(VideoError::FrameSize { .. })));
    }
    for bytes in [11, 13] {
        let refused = from_rgb(2, 2, vec![0; bytes]);
        let Err(error) = refused else {
            panic!("{bytes} bytes were taken for 12")
        };
        let message = format!("{bytes} bytes for a frame of 2x2: it takes 12, 3 a pixel");
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn pictures_that_do_not_go_together_are_refused() {
    let frame = Arc::new(RgbImage::new(1, 1));
    let wide = Arc::new(RgbImage::new(2, 1));
    // The image crate would allow more bytes than pixels.
    let long = Arc::new(RgbImage::from_raw(1, 1, vec![0; 6]).unwrap());
    let refused = [
        cross_fade(&frame, &wide, 0.5),
        cross_fade(&frame, &long, 0.5),
    ];
    assert!(matches!(
        refused,
        [
            Err(VideoError::SizesDiffer { .. }),
            Err(VideoError::PixelCount { .. })
        ]
    ));
    assert!(matches!(
        psnr(&frame, &wide),
        Err(VideoError::SizesDiffer { .. })
    ));
    for weight in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(
            cross_fade(&frame, &frame, weight),
            Err(VideoError::Weight { .. })
        ));
    }
}

#[test]
fn distances_are_per_value() {
    let picture = |bytes: [u8; 6]| from_rgb(2, 1, bytes.to_vec()).unwrap();
    let (black, grey) = (picture([0; 6]), picture([3, 3, 3, 4, 4, 4]));
    assert_eq!(distance(&black, &grey).unwrap(), 12.5_f64.sqrt());
    assert_eq!(distance(&grey, &grey).unwrap(), 0.0);
    let wide = from_rgb(4, 1, vec![0; 12]).unwrap();
    let error = distance(&black, &wide).unwrap_err();
    assert!(matches!(error, VideoError::SizesDiffer { .. }), "{error}");
}
