//! Pictures from disk, for every mode that takes one: read with care, since their files come from
//! anywhere.
//!
//! PNG, JPEG and WebP are read, of 8 or 16 bits a channel, grey or in colour; of an animation, the
//! first picture. A picture stands upright, as its EXIF orientation says. Colours are taken as sRGB:
//! colour profiles are not applied. Transparent pixels of a colour picture are seen over white. In a
//! mask or depth map they have no meaning: such a picture is refused.
//!
//! Nothing is allocated for a picture whose declared size is beyond the limits, and only regular
//! files are opened: a pipe or a device may never end.

mod convert;
mod decode;
mod error;
mod file;
mod jpeg;

use std::path::Path;

use image::RgbImage;
use lb_models::GrayPicture;

pub use error::InputError;

/// Most bytes of a picture's file.
pub const LARGEST_INPUT_FILE: u64 = 256 << 20;
/// Most pixels of a picture's side.
pub const LARGEST_INPUT_SIDE: u32 = 16_384;
/// Most pixels of a picture.
pub const MOST_INPUT_PIXELS: u64 = 100_000_000;

/// A colour picture: upright, 8 bits a channel, transparent pixels over white.
///
/// # Errors
/// The rule of [`InputError`] that the file breaks.
pub fn read_picture(path: &Path) -> Result<RgbImage, InputError> {
    Ok(convert::rgb(decode::decode(path, file::read(path)?)?))
}

/// Width and height of the picture that [`read_picture`] would read, without decoding it.
///
/// # Errors
/// The rule of [`InputError`] that the file breaks, as far as it is seen.
pub fn picture_size(path: &Path) -> Result<(usize, usize), InputError> {
    decode::size(path, file::read(path)?)
}

/// A mask or a depth map: upright, from 0 (black) to 1 (white), 16-bit values at their full
/// precision. Of a picture in colours, the luma: 0.2126·R + 0.7152·G + 0.0722·B (BT.709).
///
/// # Errors
/// The rule of [`InputError`] that the file breaks; [`InputError::Transparent`] if a pixel is not
/// opaque.
pub fn read_gray_picture(path: &Path) -> Result<GrayPicture, InputError> {
    let image = decode::decode(path, file::read(path)?)?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    let values = convert::gray(image).map_err(|index| InputError::Transparent {
        path: path.into(),
        column: index % width,
        row: index / width,
    })?;
    Ok(GrayPicture {
        width,
        height,
        values,
    })
}
