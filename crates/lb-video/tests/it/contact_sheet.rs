use lb_video::{ContactSheet, RgbImage, VideoError, contact_sheet, evenly_spaced};
use proptest::prelude::*;

use crate::scene::plain;

#[test]
fn frames_stand_in_rows_with_even_gaps_on_white() {
    let grey = |level: u8| RgbImage::from_pixel(2, 1, [level; 3].into());
    let sheet = contact_sheet(&[grey(10), grey(20), grey(30)], 2).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (3 * 8 + 2 * 2, 3 * 8 + 2));
    let at = |x: u32, y: u32| sheet.get_pixel(x, y)[0];
    assert_eq!((at(8, 8), at(9, 8), at(18, 8), at(8, 17)), (10, 10, 20, 30));
    assert_eq!(
        (at(7, 8), at(10, 8), at(20, 8), at(18, 17), at(0, 0)),
        (255, 255, 255, 255, 255)
    );
}

#[test]
fn a_sheet_is_no_wider_than_its_frames() {
    let sheet = contact_sheet(&[plain([0; 3]), plain([9; 3])], 5).unwrap();
    assert_eq!(sheet.width(), 8 + 2 * (plain([0; 3]).width() + 8));
}

#[test]
fn chosen_frames_are_the_nearest() {
    // Thirds of the way from 0 to 4: 1.33 and 2.67.
    assert_eq!(evenly_spaced(5, 4), [0, 1, 3, 4]);
}

/// The width and height of a sheet, and how many frames it shows, by the pixels in their middles.
fn shown(frames: usize, width: u32, height: u32) -> ((u32, u32), usize) {
    let mut sheet = ContactSheet::new(frames, width as usize, height as usize).unwrap();
    let frame = RgbImage::new(width, height);
    (0..frames).for_each(|_| sheet.add(&frame).unwrap());
    let drawn = sheet.picture();
    let dark = drawn.pixels().filter(|pixel| pixel[0] == 0).count();
    let row = drawn.rows().nth(8).unwrap();
    let first = row.skip(8).take_while(|pixel| pixel[0] == 0).count();
    let column = (8..drawn.height()).take_while(|&y| drawn.get_pixel(8, y)[0] == 0);
    (drawn.dimensions(), dark / (first * column.count()))
}

#[test]
fn a_sheet_shows_every_frame_as_large_as_its_picture_allows() {
    // Up to 64 frames are in rows of at most eight.
    let sides = (8 + 8 * (256 + 8), 8 + 8 * (192 + 8));
    assert_eq!(shown(64, 320, 240), (sides, 64));
    // There are 117 = 13 × 9 frames, and at their largest they fit.
    let sides = (8 + 13 * (256 + 8), 8 + 9 * (256 + 8));
    assert_eq!(shown(117, 512, 512), (sides, 117));
    // These must be smaller.
    let (sides, frames) = shown(2000, 128, 128);
    assert_eq!(frames, 2000);
    assert!(sides.0.max(sides.1) <= 4096, "{sides:?}");
    // Frames of 32 pixels are not scaled down further.
    let (sides, frames) = shown(12_000, 128, 128);
    assert_eq!(frames, 12_000);
    assert!(sides.0 > 4096, "{sides:?}");
    assert!(matches!(
        ContactSheet::new(1_000_000, 128, 128),
        Err(VideoError::FrameSize { .. })
    ));
}

#[test]
fn a_sheet_takes_frames_of_one_size() {
    let mut sheet = ContactSheet::new(2, 4, 4).unwrap();
    let refused = sheet.add(&RgbImage::new(8, 8));
    assert!(matches!(refused, Err(VideoError::SizesDiffer { .. })));
}

#[test]
fn a_sheet_of_nothing_is_refused() {
    assert!(matches!(
        contact_sheet(&[], 3),
        Err(VideoError::EmptyContactSheet { .. })
    ));
    let frame = plain([0; 3]);
    let columns = contact_sheet(std::slice::from_ref(&frame), 0);
    assert!(matches!(
        columns,
        Err(VideoError::EmptyContactSheet { of: "column" })
    ));
    let odd = RgbImage::new(1, 1);
    assert!(matches!(
        contact_sheet(&[frame, odd], 2),
        Err(VideoError::SizesDiffer { .. })
    ));
    assert!(matches!(
        ContactSheet::new(0, 1, 1),
        Err(VideoError::EmptyContactSheet { .. })
    ));
}

proptest! {
    #[test]
    fn chosen_frames_are_even_and_have_both_ends(total in 1usize..500, count in 2usize..60) {
        let chosen = evenly_spaced(total, count);
        prop_assert_eq!(chosen.len(), count.min(total));
        prop_assert_eq!((chosen[0], chosen[chosen.len() - 1]), (0, total - 1));
        let gaps: Vec<usize> = chosen.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if let (Some(least), Some(most)) = (gaps.iter().min(), gaps.iter().max()) {
            prop_assert!(*least >= 1 && most - least <= 1);
        }
    }
}
