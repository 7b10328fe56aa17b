//! Reading and comparing pictures.

use std::path::Path;

use image::RgbImage;

/// Reads a picture, which must have three channels of 8 bits.
pub(crate) fn read(path: &Path) -> RgbImage {
    let picture = image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(picture.color(), image::ColorType::Rgb8);
    picture.into_rgb8()
}

/// Reads a folder that contains only `frame_0000.png`, `frame_0001.png` and so on.
pub(crate) fn sequence(folder: &Path) -> Vec<RgbImage> {
    let count = std::fs::read_dir(folder).unwrap().count();
    (0..count)
        .map(|index| read(&folder.join(format!("frame_{index:04}.png"))))
        .collect()
}

/// The root mean square difference in grey levels, 0 to 255.
pub(crate) fn distance(left: &[u8], right: &[u8]) -> f64 {
    assert_eq!(left.len(), right.len());
    let square = |(&a, &b): (&u8, &u8)| (f64::from(a) - f64::from(b)).powi(2);
    (left.iter().zip(right).map(square).sum::<f64>() / left.len() as f64).sqrt()
}

/// The largest difference of any value, in grey levels.
pub(crate) fn largest_difference(left: &[u8], right: &[u8]) -> u8 {
    assert_eq!(left.len(), right.len());
    left.iter()
        .zip(right)
        .map(|(&a, &b)| a.abs_diff(b))
        .max()
        .unwrap_or(0)
}
