//! Frames of a folder of PNG pictures, in the order of their names.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use image::RgbImage;
use image::{ImageDecoder, ImageReader, Limits};

use super::{FilmFrame, ReadOptions, checked_size, image_flaw};
use crate::error::VideoError;
use crate::frame_rate::FrameRate;
use crate::metadata::Flaw;
use crate::sink::png;

pub(super) struct PictureReader {
    pictures: std::iter::Enumerate<std::vec::IntoIter<PathBuf>>,
    frame_rate: FrameRate,
}

impl PictureReader {
    pub(super) fn open(folder: &Path, options: &ReadOptions) -> Result<Self, VideoError> {
        let failed = || VideoError::io("read", folder);
        let mut pictures = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed())? {
            let path = entry.map_err(failed())?.path();
            let ending = path.extension();
            if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
                pictures.push(path);
            }
        }
        if pictures.is_empty() {
            return Err(VideoError::NoPictures {
                path: folder.to_path_buf(),
            });
        }
        // Our own names go on with five digits after 9999.
        pictures.sort_by_cached_key(|path| {
            let name = path.file_name().unwrap_or_default().to_owned();
            (name.to_str().and_then(png::number), name)
        });
        Ok(Self {
            pictures: pictures.into_iter().enumerate(),
            frame_rate: FrameRate::new(options.frames_per_second)?,
        })
    }
}

impl Iterator for PictureReader {
    type Item = Result<FilmFrame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (index, path) = self.pictures.next()?;
        let begins = self.frame_rate.time(index);
        Some(picture(&path).map(|picture| FilmFrame {
            picture,
            begins,
            lasts: self.frame_rate.time(index + 1) - begins,
        }))
    }
}

fn picture(path: &Path) -> Result<RgbImage, VideoError> {
    let file = File::open(path).map_err(VideoError::io("read", path))?;
    decode(BufReader::new(file)).map_err(|flaw| flaw.of(path))
}

fn decode(file: BufReader<File>) -> Result<RgbImage, Flaw> {
    let reader = ImageReader::with_format(file, image::ImageFormat::Png);
    let mut decoder = reader.into_decoder().map_err(image_flaw)?;
    let (width, height) = decoder.dimensions();
    checked_size(width as usize, height as usize)?;
    decoder.set_limits(Limits::default()).map_err(image_flaw)?;
    let picture = image::DynamicImage::from_decoder(decoder).map_err(image_flaw)?;
    Ok(picture.into_rgb8())
}
