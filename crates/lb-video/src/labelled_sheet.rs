//! Labelled sheets: pictures in rows, each row with a title and each picture with a label.

use image::imageops::{FilterType, replace, resize};
use image::{Rgb, RgbImage};

use crate::contact_sheet::{GAP, LONGEST_SIDE, scaled};
use crate::error::VideoError;
use crate::label::TextSize;
use crate::limits::MAX_SIDE;
use crate::picture;

/// A row of a [`LabelledSheet`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabelledRow {
    /// What stands above the row. It is broken into lines if it is wider than the sheet.
    pub title: String,
    /// What stands below each of its pictures.
    pub labels: Vec<String>,
}

/// The most pictures side by side on a sheet of several rows. Longer rows are continued below.
const MOST_COLUMNS: usize = 16;

/// A sheet in the making, black on white: titles and labels are there, and pictures are drawn as they
/// come. Pictures are scaled down to 256 pixels at their longest side, and never up.
#[derive(Clone, Debug)]
pub struct LabelledSheet {
    sheet: RgbImage,
    /// Width and height of the pictures that are added.
    picture_size: (usize, usize),
    /// The upper left corners of the pictures that are still missing.
    corners: std::vec::IntoIter<(usize, usize)>,
}

impl LabelledSheet {
    /// Draws the titles and labels of a sheet for pictures of this width and height.
    ///
    /// A single row of more than eight pictures is continued below, in at least four columns. If there are
    /// several rows, pictures of the same number in their rows lie below each other, up to sixteen
    /// side by side.
    ///
    /// # Errors
    /// [`VideoError::EmptyContactSheet`] without pictures, and [`VideoError::SheetSize`] if the sheet
    /// would be too large.
    pub fn new(rows: &[LabelledRow], picture_size: (usize, usize)) -> Result<Self, VideoError> {
        let longest = rows.iter().map(|row| row.labels.len()).max().unwrap_or(0);
        if longest == 0 {
            return Err(VideoError::EmptyContactSheet { of: "frame" });
        }
        let columns = match rows {
            [_] => columns_for(longest),
            _ => longest.min(MOST_COLUMNS),
        };
        let (titles, labels) = (TextSize::LARGE, TextSize::SMALL);
        let (width, height) = size_on_sheet(picture_size);
        let widest = rows.iter().flat_map(|row| &row.labels);
        let widest = widest.map(|label| labels.width(label)).max().unwrap_or(0);
        let cell = width.max(widest);
        let sheet_width = GAP + columns * (cell + GAP);

        let mut texts = Vec::new();
        let mut corners = Vec::new();
        let mut top = GAP;
        for row in rows {
            for line in titles.wrapped(&row.title, sheet_width.saturating_sub(2 * GAP)) {
                texts.push((titles, line, GAP, top));
                top += titles.line_height();
            }
            top += GAP / 2;
            for side_by_side in row.labels.chunks(columns) {
                for (column, label) in side_by_side.iter().enumerate() {
                    let left = GAP + column * (cell + GAP);
                    corners.push((left + (cell - width) / 2, top));
                    let beside = (cell - labels.width(label)) / 2;
                    texts.push((labels, label.clone(), left + beside, top + height));
                }
                top += height + labels.line_height() + GAP;
            }
        }
        if sheet_width.max(top) > MAX_SIDE {
            return Err(VideoError::SheetSize {
                width: sheet_width,
                height: top,
                max: MAX_SIDE,
            });
        }
        let mut sheet = RgbImage::from_pixel(sheet_width as u32, top as u32, Rgb([255; 3]));
        for (size, line, left, top) in texts {
            size.draw(&line, &mut sheet, left, top);
        }
        Ok(Self {
            sheet,
            picture_size,
            corners: corners.into_iter(),
        })
    }

    /// Takes the next picture, row by row. Pictures for which there is no label are left out.
    ///
    /// # Errors
    /// [`VideoError::SizesDiffer`].
    pub fn add(&mut self, picture: &RgbImage) -> Result<(), VideoError> {
        picture::validate_same_size(picture, self.picture_size)?;
        if let Some((left, top)) = self.corners.next() {
            let (left, top) = (left as i64, top as i64);
            match size_on_sheet(self.picture_size) {
                size if size == self.picture_size => replace(&mut self.sheet, picture, left, top),
                (width, height) => {
                    let filter = FilterType::CatmullRom;
                    let scaled = resize(picture, width as u32, height as u32, filter);
                    replace(&mut self.sheet, &scaled, left, top);
                }
            }
        }
        Ok(())
    }

    /// The sheet, with all pictures that were added.
    #[must_use]
    pub fn picture(&self) -> &RgbImage {
        &self.sheet
    }
}

/// The width and height that pictures of this width and height have on a sheet.
fn size_on_sheet((width, height): (usize, usize)) -> (usize, usize) {
    let longest = width.max(height);
    match longest <= LONGEST_SIDE {
        true => (width, height),
        false => scaled((width, height), LONGEST_SIDE),
    }
}

/// The columns for a single row that is continued below: of four to eight, the number that leaves the
/// fewest cells empty, and the largest such number. Many pictures make a sheet that is about as wide as
/// it is high.
fn columns_for(pictures: usize) -> usize {
    if pictures <= 8 {
        return pictures;
    }
    let columns = (4..=8).rev();
    let fullest = columns.min_by_key(|columns| pictures.next_multiple_of(*columns));
    fullest.unwrap_or(8).max(pictures.isqrt())
}
