//! Decoding files to upright images. Format, declared size and memory are checked before.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read as _, Seek as _};
use std::path::Path;

use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use lb_files::contained;

use super::InputError;
use super::jpeg::JpegOutline;
use crate::flaw::Flaw;
use crate::format::webp;
use crate::limits::{LARGEST_INPUT_SIDE, MOST_INPUT_MEMORY, MOST_INPUT_PIXELS, MOST_SIDE_DATA};

/// Bytes at the beginning of a file that tell all formats apart.
const SIGNATURE: u64 = 64;

/// A picture's file whose format is known.
struct PictureFile<'a> {
    path: &'a Path,
    file: BufReader<File>,
    format: ImageFormat,
    name: &'static str,
}

/// A decoder that has read the header, and how the image is to be turned.
type Opened = (Box<dyn ImageDecoder>, Orientation);

/// Decodes the image and turns it upright. `is_grey` says whether its grey values will be needed.
pub(super) fn decode(path: &Path, file: File, is_grey: bool) -> Result<DynamicImage, InputError> {
    let picture = PictureFile::new(path, file)?;
    let name = picture.name;
    within(path, name, || {
        let (decoder, orientation) = picture.open(is_grey)?;
        let image = DynamicImage::from_decoder(decoder);
        let mut image = image.map_err(|error| explain(path, name, error))?;
        image.apply_orientation(orientation);
        Ok(image)
    })
}

/// The width and height of the upright image, which is not decoded.
pub(super) fn size(path: &Path, file: File) -> Result<(usize, usize), InputError> {
    let picture = PictureFile::new(path, file)?;
    within(path, picture.name, || {
        let (decoder, orientation) = picture.open(false)?;
        let (width, height) = decoder.dimensions();
        let (width, height) = (width as usize, height as usize);
        Ok(match is_turned(orientation) {
            true => (height, width),
            false => (width, height),
        })
    })
}

/// Runs a decoder, whose panics are errors of the file.
fn within<T>(
    path: &Path,
    format: &'static str,
    decode: impl FnOnce() -> Result<T, InputError>,
) -> Result<T, InputError> {
    contained(decode).unwrap_or_else(|reason| {
        Err(InputError::Damaged {
            path: path.into(),
            format,
            reason,
        })
    })
}

impl<'a> PictureFile<'a> {
    fn new(path: &'a Path, file: File) -> Result<Self, InputError> {
        let mut file = BufReader::new(file);
        let mut start = Vec::new();
        let read = file.by_ref().take(SIGNATURE).read_to_end(&mut start);
        read.and_then(|_| file.rewind())
            .map_err(|source| InputError::Read {
                path: path.into(),
                source,
            })?;
        let (format, name) = known_format(path, &start)?;
        Ok(Self {
            path,
            file,
            format,
            name,
        })
    }

    /// Does everything before decoding.
    fn open(mut self, is_grey: bool) -> Result<Opened, InputError> {
        let (path, name) = (self.path, self.name);
        let failed = |error| explain(path, name, error);
        let flawed = |flaw| flawed(path, name, flaw);
        // What the decoder keeps beside the pixels, in bytes for each of them.
        let mut kept = 0;
        // What it keeps of the file, in bytes.
        let mut kept_file = 0;
        match self.format {
            ImageFormat::Jpeg => {
                let mut bytes = Vec::new();
                let read = self.file.read_to_end(&mut bytes);
                read.and_then(|_| self.file.rewind())
                    .map_err(|error| flawed(error.into()))?;
                let outline = JpegOutline::of(&bytes);
                // Without its end, the decoder would fill the rest with grey.
                let outline = outline.ok_or_else(|| InputError::CutShort {
                    path: path.into(),
                    format: name,
                })?;
                kept = outline.bytes_kept();
                kept_file = bytes.len() as u64;
            }
            ImageFormat::WebP => {
                let decoder = WebPDecoder::new(&mut self.file).map_err(failed)?;
                validate_pixels(path, decoder.dimensions())?;
                kept = match (decoder.has_animation(), decoder.color_type().has_alpha()) {
                    // The canvas, the frame, and what both kinds of pictures take.
                    (true, _) => 4 + 4 + 7,
                    // The planes, the transparency, and from what it was unpacked.
                    (false, true) => 2 + 1 + 4,
                    // The pixels with transparency, and data of the transforms.
                    (false, false) => 4 + 1,
                };
                webp::validate_picture(&mut self.file).map_err(flawed)?;
            }
            _ => {}
        }
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MOST_SIDE_DATA);
        let mut reader = ImageReader::with_format(self.file, self.format);
        reader.limits(limits);
        let mut decoder: Box<dyn ImageDecoder> = Box::new(reader.into_decoder().map_err(failed)?);
        let (width, height) = decoder.dimensions();
        let pixels = validate_pixels(path, (width, height))?;
        // Broken side data is no reason to refuse a picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let colour = decoder.color_type();
        let decoded = u64::from(colour.bytes_per_pixel());
        let turned = if is_turned(orientation) { decoded } else { 0 };
        let converted = match is_grey {
            true => 4,
            // Bytes of red, green and blue stay as they are.
            false if colour == ColorType::Rgb8 => 0,
            false => 3,
        };
        let bytes = kept_file + pixels * (decoded + kept.max(turned).max(converted));
        if bytes > MOST_INPUT_MEMORY {
            return Err(InputError::Memory {
                path: path.into(),
                format: name,
                width,
                height,
                bytes,
            });
        }
        Ok((decoder, orientation))
    }
}

/// Checks the declared size of a picture, and returns its number of pixels.
fn validate_pixels(path: &Path, (width, height): (u32, u32)) -> Result<u64, InputError> {
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > LARGEST_INPUT_SIDE || pixels > MOST_INPUT_PIXELS {
        return Err(InputError::TooManyPixels {
            path: path.into(),
            width,
            height,
        });
    }
    Ok(pixels)
}

/// Whether the sides of an image change places.
fn is_turned(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

fn known_format(path: &Path, start: &[u8]) -> Result<(ImageFormat, &'static str), InputError> {
    let found = match image::guess_format(start) {
        Ok(ImageFormat::Png) => return Ok((ImageFormat::Png, "PNG")),
        Ok(ImageFormat::Jpeg) => return Ok((ImageFormat::Jpeg, "JPEG")),
        Ok(ImageFormat::WebP) => return Ok((ImageFormat::WebP, "WebP")),
        Ok(other) => format!("a picture in the format {other:?}"),
        Err(_) if start.is_empty() => "an empty file".into(),
        Err(_) => "no picture".into(),
    };
    let path = path.into();
    Err(InputError::NotAPicture { path, found })
}

fn flawed(path: &Path, format: &'static str, flaw: Flaw) -> InputError {
    let path = path.into();
    match flaw {
        Flaw::Io(source) => InputError::Read { path, source },
        Flaw::EndsEarly => InputError::CutShort { path, format },
        Flaw::Damaged(reason) => InputError::Damaged {
            path,
            format,
            reason,
        },
    }
}

fn explain(path: &Path, format: &'static str, error: ImageError) -> InputError {
    let path = path.into();
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            InputError::CutShort { path, format }
        }
        ImageError::Limits(_) => InputError::SideData {
            path,
            format,
            most: MOST_SIDE_DATA,
        },
        other => InputError::Damaged {
            path,
            format,
            reason: other.to_string(),
        },
    }
}
