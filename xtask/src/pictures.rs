//! Folders of computed frames, and how far pictures differ.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use lb_video::{RgbImage, picture};

/// All PNG files of a folder, in the order of their names.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<RgbImage>> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    paths.sort();
    ensure!(!paths.is_empty(), "{} holds no pictures", folder.display());
    paths
        .iter()
        .map(|path| {
            let read =
                image::open(path).with_context(|| format!("{} is no picture", path.display()))?;
            Ok(read.into_rgb8())
        })
        .collect()
}

/// Peak signal-to-noise ratio of each pair of pictures, in dB; infinite where they are equal.
pub(crate) fn psnr(left: &[RgbImage], right: &[RgbImage]) -> Result<Vec<f64>> {
    ensure!(
        left.len() == right.len(),
        "{} frames beside {}",
        left.len(),
        right.len()
    );
    left.iter()
        .zip(right)
        .map(|(left, right)| Ok(picture::psnr(left, right)?))
        .collect()
}

/// The mean of some numbers; not a number where there are none.
pub(crate) fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(value: u8) -> RgbImage {
        RgbImage::from_pixel(2, 2, [value; 3].into())
    }

    #[test]
    fn psnr_of_pictures_that_are_off_by_one() {
        let found = psnr(&[picture(7), picture(7)], &[picture(8), picture(7)]).unwrap();
        assert!((found[0] - 48.13).abs() < 0.01, "{found:?}");
        assert_eq!(found[1], f64::INFINITY);
        assert!(psnr(&[picture(7)], &[]).is_err());
    }
}
