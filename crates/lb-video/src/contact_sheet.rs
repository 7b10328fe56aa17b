//! Contact sheets: many frames of a film in one picture.

use image::imageops::{FilterType, replace, resize};
use image::{Rgb, RgbImage};

use crate::error::VideoError;
use crate::picture;

/// The most frames that a [`ContactSheet`] shows. Of a longer film, evenly spaced frames are chosen.
const MOST_FRAMES: usize = 64;
/// The longest side of a frame on a [`ContactSheet`], in pixels. Larger frames are scaled down.
const LONGEST_SIDE: usize = 256;
/// White pixels between and around the frames.
const GAP: usize = 8;

/// A contact sheet in the making: it chooses up to 64 evenly spaced frames of a film as they come, and
/// keeps only those, scaled down to 256 pixels at their longest side.
#[derive(Clone, Debug)]
pub struct ContactSheet {
    chosen: std::iter::Peekable<std::vec::IntoIter<usize>>,
    seen: usize,
    shown: Vec<RgbImage>,
}

impl ContactSheet {
    /// A sheet for a film of `frames` frames.
    pub fn new(frames: usize) -> Self {
        Self {
            chosen: evenly_spaced(frames, MOST_FRAMES).into_iter().peekable(),
            seen: 0,
            shown: Vec::new(),
        }
    }

    /// Takes the film's next frame.
    pub fn add(&mut self, frame: &RgbImage) {
        if self.chosen.next_if_eq(&self.seen).is_some() {
            self.shown.push(scaled_down(frame));
        }
        self.seen += 1;
    }

    /// Draws the sheet: up to eight frames in one row, and more frames in rows of four to eight.
    ///
    /// # Errors
    /// As [`contact_sheet`].
    pub fn draw(&self) -> Result<RgbImage, VideoError> {
        contact_sheet(&self.shown, columns_for(self.shown.len()))
    }
}

/// Draws frames of one size row by row in `columns` columns, on white and with gaps of 8 pixels. With
/// as many columns as frames, the sheet is a strip.
///
/// # Errors
/// [`VideoError::EmptyContactSheet`] without frames or columns, [`VideoError::SizesDiffer`],
/// [`VideoError::FrameSize`] if the sheet would be too large.
pub fn contact_sheet(frames: &[RgbImage], columns: usize) -> Result<RgbImage, VideoError> {
    let first = frames
        .first()
        .ok_or(VideoError::EmptyContactSheet { of: "frame" })?;
    if columns == 0 {
        return Err(VideoError::EmptyContactSheet { of: "column" });
    }
    let (width, height) = picture::size(first);
    let columns = columns.min(frames.len());
    let rows = frames.len().div_ceil(columns);
    let sheet_width = GAP + columns * (width + GAP);
    let sheet_height = GAP + rows * (height + GAP);
    picture::validate_size(sheet_width, sheet_height)?;
    let mut sheet = RgbImage::from_pixel(sheet_width as u32, sheet_height as u32, Rgb([255; 3]));
    for (index, frame) in frames.iter().enumerate() {
        picture::validate_same_size(frame, (width, height))?;
        let left = GAP + index % columns * (width + GAP);
        let top = GAP + index / columns * (height + GAP);
        replace(&mut sheet, frame, left as i64, top as i64);
    }
    Ok(sheet)
}

/// `count` evenly spaced indices below `total`, with the first and the last among them. If `count` is
/// not less than `total`, all of them.
pub fn evenly_spaced(total: usize, count: usize) -> Vec<usize> {
    if count >= total {
        return (0..total).collect();
    }
    let intervals = count.saturating_sub(1).max(1);
    (0..count)
        .map(|index| (index * (total - 1) + intervals / 2) / intervals)
        .collect()
}

/// One row for up to eight frames. For more, the number of columns that leaves the fewest cells empty,
/// and the largest such number.
fn columns_for(count: usize) -> usize {
    if count <= 8 {
        return count;
    }
    (4..=8)
        .rev()
        .min_by_key(|columns| count.next_multiple_of(*columns))
        .unwrap_or(8)
}

fn scaled_down(frame: &RgbImage) -> RgbImage {
    let (width, height) = picture::size(frame);
    let longest = width.max(height);
    if longest <= LONGEST_SIDE {
        return frame.clone();
    }
    let scaled = |side: usize| ((side * LONGEST_SIDE + longest / 2) / longest).max(1) as u32;
    resize(frame, scaled(width), scaled(height), FilterType::CatmullRom)
}
