use lb_video::{Frame, VideoError};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_blend_is_the_rounded_mean(left in any::<[u8; 12]>(), right in any::<[u8; 12]>(), weight in 0.0..=1.0) {
        let frame = |bytes: [u8; 12]| Frame::from_rgb(2, 2, bytes.to_vec()).unwrap();
        let blend = Frame::blend(&frame(left), &frame(right), weight).unwrap();
        for ((&left, &right), &shown) in left.iter().zip(&right).zip(blend.pixels()) {
            let exact = (1.0 - weight) * f64::from(left) + weight * f64::from(right);
            prop_assert!((f64::from(shown) - exact).abs() <= 0.5 + 255.0 / 131_072.0);
        }
    }
}

#[test]
fn a_blend_ends_exactly_at_its_frames() {
    let left = Frame::from_rgb(1, 1, vec![1, 2, 3]).unwrap();
    let right = Frame::from_rgb(1, 1, vec![255, 254, 253]).unwrap();
    assert_eq!(Frame::blend(&left, &right, 0.0).unwrap(), left);
    assert_eq!(Frame::blend(&left, &right, 1.0).unwrap(), right);
}

#[test]
fn what_is_no_frame_is_refused() {
    for (width, height) in [(0, 1), (1, 0), (usize::MAX, 1), (1 << 40, 1 << 40)] {
        let refused = Frame::from_rgb(width, height, vec![0; 3]);
        assert!(matches!(refused, Err(VideoError::FrameSize { .. })));
    }
    let short = Frame::from_rgb(2, 2, vec![0; 11]);
    assert!(matches!(
        short,
        Err(VideoError::PixelCount {
            bytes: 11,
            expected: 12,
            ..
        })
    ));
    let frame = Frame::from_rgb(1, 1, vec![0; 3]).unwrap();
    let wide = Frame::from_rgb(2, 1, vec![0; 6]).unwrap();
    assert!(matches!(
        Frame::blend(&frame, &wide, 0.5),
        Err(VideoError::SizesDiffer { .. })
    ));
    for weight in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(
            Frame::blend(&frame, &frame, weight),
            Err(VideoError::Weight { .. })
        ));
    }
}
