//! Single pictures from disk, read with care because their files come from anywhere.
//!
//! PNG, JPEG and WebP pictures are read, with 8 or 16 bits a channel, grey or in colour. Of an animation
//! the first picture is read. Pictures are turned upright by their EXIF orientation. Colours are taken
//! as sRGB, and colour profiles are not applied. Transparent pixels of a colour picture are laid over
//! white. A mask or depth map must be opaque, because transparency has no meaning in it.
//!
//! Nothing is allocated for a picture whose declared size is beyond [`limits`](crate::limits), and a decoder
//! that panics is an error of the file. Only regular files are opened, because a pipe or a device may never
//! end.

mod convert;
mod decode;
mod error;
mod jpeg;

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use image::{ImageBuffer, Luma, RgbImage};
use lb_files::FileError;

use crate::limits::LARGEST_INPUT_FILE;

pub use error::InputError;

/// A grey picture with values from 0 (black) to 1 (white), row by row from the top.
pub type GreyImage = ImageBuffer<Luma<f32>, Vec<f32>>;

/// The endings of the formats that are read.
const ENDINGS: [&str; 5] = ["jfif", "jpeg", "jpg", "png", "webp"];

/// Whether a path has the ending of a picture that [`read_picture`] can read, in upper or lower case.
#[must_use]
pub fn has_picture_ending(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    ENDINGS
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known))
}

/// Reads a colour picture: upright, with 8 bits a channel and transparent pixels laid over white.
///
/// # Errors
/// The rule of [`InputError`] that the file breaks.
pub fn read_picture(path: &Path) -> Result<RgbImage, InputError> {
    Ok(convert::rgb(decode::decode(path, open(path)?, false)?))
}

/// The width and height of the picture that [`read_picture`] would read, without decoding it.
///
/// # Errors
/// The rule of [`InputError`] that the file breaks, as far as that shows without decoding.
pub fn picture_size(path: &Path) -> Result<(usize, usize), InputError> {
    decode::size(path, open(path)?)
}

/// Reads a mask or a depth map: upright, and with 16-bit values at their full precision. The value of a
/// colour is its luma, 0.2126·R + 0.7152·G + 0.0722·B (BT.709).
///
/// # Errors
/// The rule of [`InputError`] that the file breaks, and [`InputError::Transparent`] if a pixel is not
/// opaque.
pub fn read_grey_picture(path: &Path) -> Result<GreyImage, InputError> {
    let image = decode::decode(path, open(path)?, true)?;
    let (width, height) = (image.width(), image.height());
    let values = convert::grey(image).map_err(|index| InputError::Transparent {
        path: path.into(),
        column: index % width as usize,
        row: index / width as usize,
    })?;
    // There is one value for each pixel, so the buffer always fits.
    Ok(GreyImage::from_raw(width, height, values).unwrap_or_default())
}

/// Opens a regular file, or a link to one, within the limit.
fn open(path: &Path) -> Result<File, InputError> {
    let file = lb_files::open(path).map_err(|error| match error {
        FileError::NotRegular { path, found } => InputError::NotAFile { path, found },
        error => {
            let (path, source) = (path.to_path_buf(), error.into_io());
            match source.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => InputError::Missing { path },
                _ => InputError::Read { path, source },
            }
        }
    })?;
    match file.metadata() {
        Ok(found) if found.len() > LARGEST_INPUT_FILE => Err(InputError::FileTooLarge {
            path: path.into(),
            bytes: found.len(),
        }),
        _ => Ok(file),
    }
}
