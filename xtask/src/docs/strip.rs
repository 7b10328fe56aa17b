//! Frames side by side, small.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// Most frames of a strip.
const FRAMES: usize = 9;
const GAP: u32 = 4;
const QUALITY: u8 = 88;

/// Evenly spaced frames of a folder of PNG pictures, at three quarters of their size.
pub(super) fn of_folder(folder: &Path, strip: &Path) -> Result<()> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    paths.sort();
    ensure!(!paths.is_empty(), "{} holds no pictures", folder.display());
    let frames = chosen(paths.len())
        .map(|index| smaller(&paths[index]))
        .collect::<Result<Vec<_>>>()?;
    as_jpeg(&side_by_side(&frames), strip)
}

/// Writes a picture, and the folder that it lies in.
pub(super) fn as_jpeg(picture: &RgbImage, path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    JpegEncoder::new_with_quality(&mut file, QUALITY)
        .encode_image(picture)
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// Which of `frames` are shown: first, last, and evenly between.
fn chosen(frames: usize) -> impl Iterator<Item = usize> {
    let shown = frames.min(FRAMES);
    (0..shown).map(move |index| (index * (frames - 1) + (shown - 1) / 2) / (shown - 1).max(1))
}

fn smaller(path: &Path) -> Result<RgbImage> {
    let picture = image::open(path).with_context(|| format!("{} is no picture", path.display()))?;
    let (width, height) = (picture.width() * 3 / 4, picture.height() * 3 / 4);
    Ok(imageops::resize(
        &picture.into_rgb8(),
        width.max(1),
        height.max(1),
        FilterType::Lanczos3,
    ))
}

fn side_by_side(frames: &[RgbImage]) -> RgbImage {
    let width: u32 = frames.iter().map(|frame| frame.width() + GAP).sum();
    let height = frames.iter().map(RgbImage::height).max().unwrap_or(1);
    let mut strip = RgbImage::from_pixel(width.saturating_sub(GAP).max(1), height, Rgb([255; 3]));
    let mut left = 0;
    for frame in frames {
        imageops::replace(&mut strip, frame, left, 0);
        left += i64::from(frame.width() + GAP);
    }
    strip
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_are_shown() {
        assert_eq!(chosen(90).next(), Some(0));
        assert_eq!(chosen(90).last(), Some(89));
        assert_eq!(chosen(90).count(), FRAMES);
        assert_eq!(chosen(3).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(chosen(1).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn frames_stand_beside_each_other() {
        let frames = [
            RgbImage::from_pixel(2, 3, Rgb([9; 3])),
            RgbImage::from_pixel(5, 4, Rgb([7; 3])),
        ];
        let strip = side_by_side(&frames);
        assert_eq!(strip.dimensions(), (2 + GAP + 5, 4));
        assert_eq!(strip.get_pixel(0, 0), &Rgb([9; 3]));
        assert_eq!(strip.get_pixel(2, 0), &Rgb([255; 3]));
        assert_eq!(strip.get_pixel(2 + GAP, 3), &Rgb([7; 3]));
    }
}
