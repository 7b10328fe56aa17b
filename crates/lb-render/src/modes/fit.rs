//! Fitting pictures of any size to the size of the film.

use std::path::Path;

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma, Pixel, RgbImage};
use lb_job::Fit;
use lb_models::GreyPicture;
use lb_video::picture;

use crate::error::RenderError;

/// How a picture is fitted: which part of it is scaled to which rectangle of the film's picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Fitting {
    /// Left, top, width and height in the picture.
    from: (u32, u32, u32, u32),
    /// Left, top, width and height in the film's picture.
    to: (u32, u32, u32, u32),
}

impl Fitting {
    fn new(fit: Fit, (width, height): (u32, u32), film: (u32, u32)) -> Self {
        let whole = (0, 0, width, height);
        let (from, to) = match fit {
            Fit::Stretch => (whole, (0, 0, film.0, film.1)),
            Fit::Crop => (largest(film, (width, height)), (0, 0, film.0, film.1)),
            Fit::Pad => (whole, largest((width, height), film)),
        };
        Self { from, to }
    }
}

/// The largest rectangle with the proportions of `shape` in the middle of `within`: left, top, width
/// and height.
fn largest(shape: (u32, u32), within: (u32, u32)) -> (u32, u32, u32, u32) {
    let [wide, high, width, height] = [shape.0, shape.1, within.0, within.1].map(u64::from);
    // Lengths are rounded to the nearest pixel, and are at least one pixel.
    let share = |length: u64, of: u64, to: u64| ((length * of + to / 2) / to).max(1);
    let (inner_width, inner_height) = if wide * height >= high * width {
        (width, share(width, high, wide).min(height))
    } else {
        (share(height, wide, high).min(width), height)
    };
    let (left, top) = ((width - inner_width) / 2, (height - inner_height) / 2);
    let [left, top, width, height] = [left, top, inner_width, inner_height].map(|n| n as u32);
    (left, top, width, height)
}

/// A picture, called `what`, at the film's size. One of another size is fitted.
///
/// It is resized with the cubic filter of Catmull and Rom, whose width is that of a source pixel or of a
/// target pixel, whichever is larger. Padding has the colour of the nearest edge.
///
/// # Errors
/// [`RenderError::NeedsFit`] for a picture of another size if `fit` is not given, and
/// [`RenderError::Model`] for an empty picture.
pub(crate) fn fit_picture(
    what: &'static str,
    picture: RgbImage,
    film: (usize, usize),
    fit: Option<Fit>,
) -> Result<RgbImage, RenderError> {
    let size = picture::size(&picture);
    if size == film {
        return Ok(picture);
    }
    let fitting = fitting(what, size, film, fit)?;
    Ok(resize(&picture, fitting, film, FilterType::CatmullRom))
}

/// A mask at the film's size, fitted as its picture was. It is resized linearly, so that its edge
/// is where its grey levels reach the middle. Padding is white, so that it is repainted.
pub(crate) fn fit_mask(
    mask: GreyPicture,
    film: (usize, usize),
    fit: Option<Fit>,
) -> Result<GreyPicture, RenderError> {
    let (what, size) = ("mask", (mask.width, mask.height));
    if size == film {
        return Ok(mask);
    }
    let fitting = fitting(what, size, film, fit)?;
    let Some(pixels) =
        ImageBuffer::<Luma<f32>, _>::from_raw(size.0 as u32, size.1 as u32, mask.values)
    else {
        return Err(empty(what));
    };
    let mut fitted = resize(&pixels, fitting, film, FilterType::Triangle);
    let (left, top, width, height) = fitting.to;
    for (x, y, pixel) in fitted.enumerate_pixels_mut() {
        if !(left..left + width).contains(&x) || !(top..top + height).contains(&y) {
            *pixel = Luma([1.0]);
        }
    }
    Ok(GreyPicture {
        width: film.0,
        height: film.1,
        values: fitted.into_raw(),
    })
}

fn fitting(
    what: &'static str,
    size: (usize, usize),
    film: (usize, usize),
    fit: Option<Fit>,
) -> Result<Fitting, RenderError> {
    if size.0 == 0 || size.1 == 0 {
        return Err(empty(what));
    }
    let Some(fit) = fit else {
        return Err(RenderError::NeedsFit {
            what,
            found: size,
            film,
        });
    };
    let sides = |(width, height): (usize, usize)| (width as u32, height as u32);
    Ok(Fitting::new(fit, sides(size), sides(film)))
}

fn empty(what: &'static str) -> RenderError {
    lb_models::ModelError::EmptyPicture { what }.into()
}

/// Scales the part of the picture to its rectangle, and repeats the rectangle's edge around it.
fn resize<P>(
    picture: &ImageBuffer<P, Vec<P::Subpixel>>,
    fitting: Fitting,
    film: (usize, usize),
    filter: FilterType,
) -> ImageBuffer<P, Vec<P::Subpixel>>
where
    P: Pixel + 'static,
    P::Subpixel: 'static,
{
    let (left, top, width, height) = fitting.from;
    let part = imageops::crop_imm(picture, left, top, width, height);
    let (left, top, width, height) = fitting.to;
    let scaled = imageops::resize(&*part, width, height, filter);
    if (width as usize, height as usize) == film {
        return scaled;
    }
    ImageBuffer::from_fn(film.0 as u32, film.1 as u32, |x, y| {
        let inside = |at: u32, from: u32, length: u32| at.clamp(from, from + length - 1) - from;
        *scaled.get_pixel(inside(x, left, width), inside(y, top, height))
    })
}

/// Reads a mask or a depth map for the pipeline.
pub(super) fn read_grey_picture(path: &Path) -> Result<GreyPicture, RenderError> {
    let picture = lb_video::read_grey_picture(path)?;
    Ok(GreyPicture {
        width: picture.width() as usize,
        height: picture.height() as usize,
        values: picture.into_raw(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dark on the left, bright on the right.
    fn halves(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, _| {
            image::Rgb([if x < width / 2 { 10 } else { 240 }; 3])
        })
    }

    fn fitted(picture: &RgbImage, film: (usize, usize), fit: Fit) -> Vec<u8> {
        let fitted = fit_picture("picture", picture.clone(), film, Some(fit)).unwrap();
        assert_eq!(picture::size(&fitted), film);
        fitted.pixels().map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn a_picture_of_the_films_size_is_left_alone_and_another_is_refused() {
        let picture = halves(6, 4);
        for fit in [None, Some(Fit::Crop)] {
            let same = fit_picture("picture", picture.clone(), (6, 4), fit).unwrap();
            assert_eq!(same, picture);
        }
        let error = fit_picture("source picture", picture, (4, 6), None).unwrap_err();
        assert!(error.is_request());
        assert_eq!(
            error.to_string(),
            "the source picture has 6x4 pixels, but the film has 4x6"
        );
    }

    #[test]
    fn stretching_shows_all_cropping_the_middle_and_padding_repeats_the_edges() {
        let picture = halves(16, 4);
        let stretched = fitted(&picture, (4, 1), Fit::Stretch);
        assert!(stretched[0] < 20 && stretched[3] > 230);
        // The middle square: the last dark columns and the first bright ones.
        let cropped = fitted(&picture, (4, 4), Fit::Crop);
        assert_eq!(cropped[..4], [10, 10, 240, 240]);
        let padded = fitted(&picture, (16, 6), Fit::Pad);
        assert_eq!(padded[..16], padded[16..32]);
        assert_eq!((padded[0], padded[15]), (10, 240));
    }

    #[test]
    fn rectangles_keep_their_proportions_and_stay_inside() {
        assert_eq!(largest((2, 1), (8, 8)), (0, 2, 8, 4));
        assert_eq!(largest((1, 2), (8, 8)), (2, 0, 4, 8));
        assert_eq!(largest((16_384, 1), (64, 64)), (0, 31, 64, 1));
        assert_eq!(largest((1, 1), (1, 16_384)), (0, 8191, 1, 1));
    }

    #[test]
    fn the_padding_of_a_mask_is_repainted() {
        let mask = GreyPicture {
            width: 4,
            height: 2,
            values: vec![0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0],
        };
        let fitted = fit_mask(mask, (8, 8), Some(Fit::Pad)).unwrap();
        let white = |x: usize, y: usize| fitted.values[8 * y + x] >= 0.5;
        for y in 0..8 {
            let inside = (2..6).contains(&y);
            let row: Vec<bool> = (0..8).map(|x| white(x, y)).collect();
            let expected: Vec<bool> = (0..8).map(|x| !inside || x >= 4).collect();
            assert_eq!(row, expected, "row {y}");
        }
    }

    #[test]
    fn extreme_proportions_stay_small() {
        for (size, fit) in [((5000, 1), Fit::Crop), ((1, 5000), Fit::Pad)] {
            assert_eq!(
                fitted(&halves(size.0, size.1), (64, 64), fit).len(),
                64 * 64
            );
        }
    }
}
