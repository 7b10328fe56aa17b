//! Folders of computed frames, and how far pictures differ.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// RGB samples of a picture, 0 to 255.
pub(crate) struct Picture {
    samples: Vec<u8>,
}

/// All PNG files of a folder, in the order of their names.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<Picture>> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    paths.sort();
    ensure!(!paths.is_empty(), "{} holds no pictures", folder.display());
    paths
        .iter()
        .map(|path| {
            let picture =
                image::open(path).with_context(|| format!("{} is no picture", path.display()))?;
            Ok(Picture {
                samples: picture.into_rgb8().into_raw(),
            })
        })
        .collect()
}

/// Peak signal-to-noise ratio of each pair of pictures, in dB; infinite where they are equal.
pub(crate) fn psnr(left: &[Picture], right: &[Picture]) -> Result<Vec<f64>> {
    ensure!(
        left.len() == right.len(),
        "{} frames beside {}",
        left.len(),
        right.len()
    );
    left.iter()
        .zip(right)
        .map(|(left, right)| {
            ensure!(
                left.samples.len() == right.samples.len(),
                "frames of different sizes"
            );
            let mean_square = square_distance(left, right) / left.samples.len() as f64;
            Ok(10.0 * (255.0 * 255.0 / mean_square).log10())
        })
        .collect()
}

/// The mean of some numbers; not a number where there are none.
pub(crate) fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn square_distance(left: &Picture, right: &Picture) -> f64 {
    let differences = left.samples.iter().zip(&right.samples);
    differences
        .map(|(&l, &r)| (f64::from(l) - f64::from(r)).powi(2))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(value: u8) -> Picture {
        Picture {
            samples: vec![value; 12],
        }
    }

    #[test]
    fn psnr_of_pictures_that_are_off_by_one() {
        let found = psnr(&[picture(7), picture(7)], &[picture(8), picture(7)]).unwrap();
        assert!((found[0] - 48.13).abs() < 0.01, "{found:?}");
        assert_eq!(found[1], f64::INFINITY);
        assert!(psnr(&[picture(7)], &[]).is_err());
    }
}
