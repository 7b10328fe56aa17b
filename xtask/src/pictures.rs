//! Pictures in folders: reading them, comparing them, and strips of them for the documents.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use lb_video::{ReadOptions, evenly_spaced, picture, read_frames};

/// The most frames that a strip shows.
const STRIP_FRAMES: usize = 9;
/// White pixels between the frames of a strip.
const GAP: u32 = 4;
const JPEG_QUALITY: u8 = 88;

/// All PNG pictures of a folder, in the natural order of their names.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<RgbImage>> {
    let frames = read_frames(folder, &ReadOptions::default())?;
    let pictures = frames.map(|frame| Ok(Arc::unwrap_or_clone(frame?.picture)));
    pictures.collect()
}

/// The peak signal-to-noise ratio of each pair of pictures in dB; infinite if they are equal.
pub(crate) fn psnr(left: &[RgbImage], right: &[RgbImage]) -> Result<Vec<f64>> {
    let (left_frames, right_frames) = (left.len(), right.len());
    ensure!(
        left_frames == right_frames,
        "{left_frames} frames cannot be compared with {right_frames}"
    );
    let pairs = left.iter().zip(right);
    pairs
        .map(|(left, right)| Ok(picture::psnr(left, right)?))
        .collect()
}

/// Makes a strip of evenly spaced frames of a folder, at three quarters of their size.
pub(crate) fn write_strip(folder: &Path, strip: &Path) -> Result<()> {
    let frames = read_folder(folder)?;
    let shown = evenly_spaced(frames.len(), STRIP_FRAMES);
    let frames: Vec<_> = shown
        .into_iter()
        .map(|index| smaller(&frames[index]))
        .collect();
    write_jpeg(&side_by_side(&frames), strip)
}

/// Writes a picture as a JPEG file, and makes the folder for it.
pub(crate) fn write_jpeg(picture: &RgbImage, path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    JpegEncoder::new_with_quality(&mut file, JPEG_QUALITY)
        .encode_image(picture)
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn smaller(picture: &RgbImage) -> RgbImage {
    let (width, height) = (picture.width() * 3 / 4, picture.height() * 3 / 4);
    imageops::resize(picture, width.max(1), height.max(1), FilterType::Lanczos3)
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
    fn psnr_of_pictures_that_differ_by_one() {
        let picture = |value| RgbImage::from_pixel(2, 2, Rgb([value; 3]));
        let found = psnr(&[picture(7), picture(7)], &[picture(8), picture(7)]).unwrap();
        assert!((found[0] - 48.13).abs() < 0.01, "{found:?}");
        assert_eq!(found[1], f64::INFINITY);
        assert!(psnr(&[picture(7)], &[]).is_err());
        assert!(psnr(&[picture(7)], &[RgbImage::new(4, 1)]).is_err());
    }

    #[test]
    fn frames_are_put_side_by_side() {
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
