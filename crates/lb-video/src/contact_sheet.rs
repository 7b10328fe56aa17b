//! Contact sheets: many frames of a film in one picture.

use std::cmp::Reverse;

use image::imageops::{FilterType, replace, resize};
use image::{Rgb, RgbImage};

use crate::error::VideoError;
use crate::picture;

/// The longest side of a frame on a [`ContactSheet`], in pixels. Larger frames are scaled down.
pub(crate) const LONGEST_SIDE: usize = 256;
/// The longest side to which frames are scaled down, in pixels, so that a sheet is not too large. A
/// sheet of still more frames is larger.
const SHORTEST_SIDE: usize = 32;
/// The longest side of a [`ContactSheet`], in pixels, for as long as its frames can be smaller.
const LONGEST_SHEET: usize = 4096;
/// White pixels between and around the frames.
pub(crate) const GAP: usize = 8;

/// A contact sheet of all frames of a film, in the making: it takes them as they come.
///
/// A frame has up to 256 pixels at its longest side on the sheet. With many frames they are as small as
/// they must be for a sheet of at most 4096 × 4096 pixels, but not below 32 pixels.
#[derive(Clone, Debug)]
pub struct ContactSheet {
    frame_size: (usize, usize),
    grid: Grid,
    taken: usize,
    sheet: RgbImage,
}

impl ContactSheet {
    /// A sheet for this many frames of `width * height` pixels.
    ///
    /// # Errors
    /// [`VideoError::EmptyContactSheet`] without frames, and [`VideoError::FrameSize`] for more
    /// than about 70,000, which would make the sheet larger than any picture may be.
    pub fn new(frames: usize, width: usize, height: usize) -> Result<Self, VideoError> {
        if frames == 0 {
            return Err(VideoError::EmptyContactSheet { of: "frame" });
        }
        picture::validate_size(width, height)?;
        let grid = Grid::of_frames(frames, (width, height));
        Ok(Self {
            frame_size: (width, height),
            sheet: grid.empty_sheet()?,
            grid,
            taken: 0,
        })
    }

    /// Takes the film's next frame. A frame beyond those that were announced is left out.
    ///
    /// # Errors
    /// [`VideoError::SizesDiffer`].
    pub fn add(&mut self, frame: &RgbImage) -> Result<(), VideoError> {
        picture::validate_same_size(frame, self.frame_size)?;
        let (width, height) = self.grid.cell;
        if self.grid.cell == self.frame_size {
            self.grid.put(&mut self.sheet, self.taken, frame);
        } else {
            let (width, height) = (width as u32, height as u32);
            let scaled = resize(frame, width, height, FilterType::CatmullRom);
            self.grid.put(&mut self.sheet, self.taken, &scaled);
        }
        self.taken += 1;
        Ok(())
    }

    /// The sheet with the frames that were taken so far: up to eight frames in one row, up to 64 in
    /// rows of four to eight, and more in as many columns as rows, or up to half as many again.
    #[must_use]
    pub fn picture(&self) -> &RgbImage {
        &self.sheet
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
    let grid = Grid::new(
        frames.len(),
        columns.min(frames.len()),
        picture::size(first),
    );
    let mut sheet = grid.empty_sheet()?;
    for (index, frame) in frames.iter().enumerate() {
        picture::validate_same_size(frame, grid.cell)?;
        grid.put(&mut sheet, index, frame);
    }
    Ok(sheet)
}

/// Where frames are on a sheet.
#[derive(Clone, Copy, Debug)]
struct Grid {
    columns: usize,
    rows: usize,
    /// Width and height of a frame on the sheet, in pixels.
    cell: (usize, usize),
}

impl Grid {
    fn new(frames: usize, columns: usize, cell: (usize, usize)) -> Self {
        let rows = frames.div_ceil(columns);
        Self {
            columns,
            rows,
            cell,
        }
    }

    /// The grid for frames of this size.
    ///
    /// Up to eight frames are one row. For more, the numbers of columns that leave the frames largest
    /// are compared: the one that leaves the fewest cells empty is chosen, and the largest such number.
    fn of_frames(frames: usize, size: (usize, usize)) -> Self {
        let columns = match frames {
            0..=8 => frames..=frames,
            9..=64 => 4..=8,
            _ => {
                let square = (frames as f64).sqrt();
                square.ceil() as usize..=(1.5 * square) as usize
            }
        };
        let grids = columns.rev().map(|columns| {
            let longest = size.0.max(size.1);
            let sides = (SHORTEST_SIDE.min(longest)..=LONGEST_SIDE.min(longest)).rev();
            let mut grids = sides.map(|side| Self::new(frames, columns, scaled(size, side)));
            let fitting = grids.find(|grid| {
                let (width, height) = grid.sheet_size();
                width.max(height) <= LONGEST_SHEET
            });
            let smallest = || scaled(size, SHORTEST_SIDE.min(longest));
            fitting.unwrap_or_else(|| Self::new(frames, columns, smallest()))
        });
        let empty = |grid: &Self| grid.columns * grid.rows - frames;
        grids
            .min_by_key(|grid| (Reverse(grid.cell), empty(grid)))
            .unwrap_or(Self::new(frames, frames, size))
    }

    fn sheet_size(&self) -> (usize, usize) {
        let (width, height) = self.cell;
        (
            GAP + self.columns * (width + GAP),
            GAP + self.rows * (height + GAP),
        )
    }

    fn empty_sheet(&self) -> Result<RgbImage, VideoError> {
        let (width, height) = self.sheet_size();
        picture::validate_size(width, height)?;
        Ok(RgbImage::from_pixel(
            width as u32,
            height as u32,
            Rgb([255; 3]),
        ))
    }

    /// Puts a frame, which has the size of a cell, into the cell of this index.
    fn put(&self, sheet: &mut RgbImage, index: usize, frame: &RgbImage) {
        let (width, height) = self.cell;
        let left = GAP + index % self.columns * (width + GAP);
        let top = GAP + index / self.columns * (height + GAP);
        replace(sheet, frame, left as i64, top as i64);
    }
}

/// Width and height in the same proportions, with this longest side.
pub(crate) fn scaled((width, height): (usize, usize), side: usize) -> (usize, usize) {
    let longest = width.max(height);
    let scaled = |length: usize| ((length * side + longest / 2) / longest).max(1);
    (scaled(width), scaled(height))
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
