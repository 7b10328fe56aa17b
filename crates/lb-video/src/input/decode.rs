//! Decoding bytes to an upright image. Format, declared size and memory are checked before.

use std::io::{Cursor, ErrorKind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::{InputError, LARGEST_INPUT_SIDE, MOST_INPUT_PIXELS};

/// The memory that a decoder may take in addition to the pixels: for a row or two, and for side data that
/// is not needed.
const MOST_MEMORY: u64 = 64 << 20;

/// Decodes the image and turns it upright.
pub(super) fn decode(path: &Path, bytes: Vec<u8>) -> Result<DynamicImage, InputError> {
    let (decoder, orientation, format) = open(path, bytes)?;
    let image = DynamicImage::from_decoder(decoder);
    let mut image = image.map_err(|error| explain(path, format, error))?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// The width and height of the upright image, which is not decoded.
pub(super) fn size(path: &Path, bytes: Vec<u8>) -> Result<(usize, usize), InputError> {
    let (decoder, orientation, _) = open(path, bytes)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    Ok(match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        _ => (width, height),
    })
}

/// Does everything before decoding: returns the decoder, how the image is to be turned, and the name of
/// its format.
fn open(
    path: &Path,
    bytes: Vec<u8>,
) -> Result<(impl ImageDecoder, Orientation, &'static str), InputError> {
    let (format, name) = known_format(path, &bytes)?;
    let cut_short = match format {
        // The decoder would fill the rest with grey.
        ImageFormat::Jpeg => jpeg_end(&bytes).is_none(),
        // The decoder would say that the file is corrupt.
        ImageFormat::WebP => is_riff_cut_short(&bytes),
        _ => false,
    };
    if cut_short {
        return Err(InputError::CutShort {
            path: path.into(),
            format: name,
        });
    }
    let failed = |error| explain(path, name, error);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > LARGEST_INPUT_SIDE || pixels > MOST_INPUT_PIXELS {
        return Err(InputError::TooManyPixels {
            path: path.into(),
            width,
            height,
        });
    }
    // Broken side data is no reason to refuse a picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((decoder, orientation, name))
}

fn known_format(path: &Path, bytes: &[u8]) -> Result<(ImageFormat, &'static str), InputError> {
    let found = match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => return Ok((ImageFormat::Png, "PNG")),
        Ok(ImageFormat::Jpeg) => return Ok((ImageFormat::Jpeg, "JPEG")),
        Ok(ImageFormat::WebP) => return Ok((ImageFormat::WebP, "WebP")),
        Ok(other) => format!("a picture in the format {other:?}"),
        Err(_) if bytes.is_empty() => "an empty file".into(),
        Err(_) => "no picture".into(),
    };
    let path = path.into();
    Err(InputError::NotAPicture { path, found })
}

/// Whether there are fewer bytes than the header of a RIFF container declares.
fn is_riff_cut_short(bytes: &[u8]) -> bool {
    let length = bytes.get(4..8).and_then(<[u8]>::first_chunk);
    let is_longer = |length| bytes.len() as u64 - 8 < u64::from(u32::from_le_bytes(length));
    bytes.starts_with(b"RIFF") && length.copied().is_some_and(is_longer)
}

/// Finds the end marker of a JPEG (ITU T.81, annex B); `None` where the bytes end first. Segments are
/// skipped by their lengths, so that the end marker of a thumbnail in one of them does not count. What
/// follows the end marker does not matter.
fn jpeg_end(bytes: &[u8]) -> Option<usize> {
    const END: u8 = 0xd9;
    // The start marker has two bytes.
    let mut at = 2;
    loop {
        // Between segments, and in the coded data after a scan's header, this moves to the next marker.
        // A byte 0xff of coded data is followed by 0, restart markers belong to the data, and markers
        // may be padded with 0xff.
        while *bytes.get(at)? != 0xff
            || matches!(*bytes.get(at + 1)?, 0x00 | 0x01 | 0xd0..=0xd8 | 0xff)
        {
            at += 1;
        }
        if bytes[at + 1] == END {
            return Some(at);
        }
        let length = [*bytes.get(at + 2)?, *bytes.get(at + 3)?];
        at += 2 + usize::from(u16::from_be_bytes(length));
    }
}

fn explain(path: &Path, format: &'static str, error: ImageError) -> InputError {
    let path = path.into();
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            InputError::CutShort { path, format }
        }
        ImageError::Limits(_) => InputError::Memory {
            path,
            format,
            most: MOST_MEMORY,
        },
        other => InputError::Damaged {
            path,
            format,
            reason: other.to_string(),
        },
    }
}
