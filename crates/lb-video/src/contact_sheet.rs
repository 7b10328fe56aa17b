//! Contact sheets: many frames of a film in one picture.

use image::imageops::{FilterType, replace, resize};
use image::{Rgb, RgbImage};

use crate::error::VideoError;
use crate::picture;

/// How a [`ContactSheet`] looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContactSheetOptions {
    /// The most frames that are shown. Of a longer film, evenly spaced frames are chosen.
    pub pictures: usize,
    /// The longest side of a frame on the sheet, in pixels. Larger frames are scaled down.
    pub longest_side: usize,
    /// White pixels between and around the frames.
    pub gap: usize,
}

impl Default for ContactSheetOptions {
    fn default() -> Self {
        Self {
            pictures: 64,
            longest_side: 256,
            gap: 8,
        }
    }
}

/// A contact sheet in the making: it chooses evenly spaced frames of a film as they come, and keeps
/// only those, scaled down.
#[derive(Clone, Debug)]
pub struct ContactSheet {
    options: ContactSheetOptions,
    chosen: std::iter::Peekable<std::vec::IntoIter<usize>>,
    seen: usize,
    shown: Vec<RgbImage>,
}

impl ContactSheet {
    /// A sheet for a film of `frames` frames, with the default options.
    pub fn new(frames: usize) -> Self {
        Self::with_options(frames, ContactSheetOptions::default())
    }

    /// A sheet for a film of `frames` frames.
    pub fn with_options(frames: usize, options: ContactSheetOptions) -> Self {
        let chosen = evenly_spaced(frames, options.pictures)
            .into_iter()
            .peekable();
        Self {
            options,
            chosen,
            seen: 0,
            shown: Vec::new(),
        }
    }

    /// Takes the film's next frame.
    pub fn add(&mut self, frame: &RgbImage) {
        if self.chosen.next_if_eq(&self.seen).is_some() {
            self.shown
                .push(scaled_down(frame, self.options.longest_side));
        }
        self.seen += 1;
    }

    /// Draws the sheet: up to eight frames in one row, and more frames in rows of four to eight.
    ///
    /// # Errors
    /// As [`contact_sheet`].
    pub fn draw(&self) -> Result<RgbImage, VideoError> {
        draw(&self.shown, columns_for(self.shown.len()), self.options.gap)
    }
}

/// Draws frames of one size row by row in `columns` columns, on white and with gaps of 8 pixels. With
/// as many columns as frames, the sheet is a strip.
///
/// # Errors
/// [`VideoError::EmptyContactSheet`] without frames or columns, [`VideoError::SizesDiffer`],
/// [`VideoError::FrameSize`] if the sheet would be too large.
pub fn contact_sheet(frames: &[RgbImage], columns: usize) -> Result<RgbImage, VideoError> {
    draw(frames, columns, ContactSheetOptions::default().gap)
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

fn draw(frames: &[RgbImage], columns: usize, gap: usize) -> Result<RgbImage, VideoError> {
    let first = frames
        .first()
        .ok_or(VideoError::EmptyContactSheet { of: "frame" })?;
    if columns == 0 {
        return Err(VideoError::EmptyContactSheet { of: "column" });
    }
    let (width, height) = picture::size(first);
    let columns = columns.min(frames.len());
    let rows = frames.len().div_ceil(columns);
    let sheet_width = gap + columns * (width + gap);
    let sheet_height = gap + rows * (height + gap);
    picture::validate_size(sheet_width, sheet_height)?;
    let mut sheet = RgbImage::from_pixel(sheet_width as u32, sheet_height as u32, Rgb([255; 3]));
    for (index, frame) in frames.iter().enumerate() {
        picture::validate_same_size(frame, (width, height))?;
        let left = gap + index % columns * (width + gap);
        let top = gap + index / columns * (height + gap);
        replace(&mut sheet, frame, left as i64, top as i64);
    }
    Ok(sheet)
}

fn scaled_down(frame: &RgbImage, longest_side: usize) -> RgbImage {
    let (width, height) = picture::size(frame);
    let longest = width.max(height);
    if longest <= longest_side {
        return frame.clone();
    }
    let scaled = |side: usize| ((side * longest_side + longest / 2) / longest).max(1) as u32;
    resize(frame, scaled(width), scaled(height), FilterType::CatmullRom)
}
