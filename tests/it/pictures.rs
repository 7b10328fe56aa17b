//! Reading pictures and telling them apart.

use std::path::Path;

/// R'G'B' bytes with their width and height.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) size: (usize, usize),
    pub(crate) pixels: Vec<u8>,
}

pub(crate) fn read(path: &Path) -> Picture {
    let picture = image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(picture.color(), image::ColorType::Rgb8);
    let size = (picture.width() as usize, picture.height() as usize);
    Picture {
        size,
        pixels: picture.into_bytes(),
    }
}

/// The pictures of a folder by name, of which there is nothing but `frame_0000.png` and on.
pub(crate) fn sequence(folder: &Path) -> Vec<Picture> {
    let count = std::fs::read_dir(folder).unwrap().count();
    (0..count)
        .map(|index| read(&folder.join(format!("frame_{index:04}.png"))))
        .collect()
}

/// Root mean square difference in grey levels, 0 to 255.
pub(crate) fn distance(left: &[u8], right: &[u8]) -> f64 {
    assert_eq!(left.len(), right.len());
    let square = |(&a, &b): (&u8, &u8)| (f64::from(a) - f64::from(b)).powi(2);
    (left.iter().zip(right).map(square).sum::<f64>() / left.len() as f64).sqrt()
}

/// Largest difference of any value, in grey levels.
pub(crate) fn largest_difference(left: &[u8], right: &[u8]) -> u8 {
    assert_eq!(left.len(), right.len());
    left.iter()
        .zip(right)
        .map(|(&a, &b)| a.abs_diff(b))
        .max()
        .unwrap_or(0)
}
