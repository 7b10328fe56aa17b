//! Text in pictures, drawn with letters of Noto Sans Mono that a library brings as pixels.

use image::{Rgb, RgbImage};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// What stands for a letter that the font does not have: it has those of Latin scripts.
const MISSING: char = '\u{fffd}';

/// A size of text. All letters of a size are equally wide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextSize {
    height: RasterHeight,
}

impl TextSize {
    pub(crate) const SMALL: Self = Self {
        height: RasterHeight::Size16,
    };
    pub(crate) const LARGE: Self = Self {
        height: RasterHeight::Size20,
    };

    /// The height of a line, in pixels.
    pub(crate) fn line_height(self) -> usize {
        self.height.val()
    }

    /// The width of a letter, in pixels.
    fn letter_width(self) -> usize {
        get_raster_width(FontWeight::Regular, self.height)
    }

    /// The width of a line of text, in pixels.
    pub(crate) fn width(self, line: &str) -> usize {
        self.letter_width() * line.chars().count()
    }

    /// The lines of a text that has to fit into this width, in pixels. It is broken between words, and
    /// within a word only where the word alone is too long. White space becomes single spaces.
    pub(crate) fn wrapped(self, text: &str, width: usize) -> Vec<String> {
        let most = (width / self.letter_width()).max(1);
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let letters: Vec<char> = word.chars().collect();
            for part in letters.chunks(most) {
                match lines.last_mut() {
                    Some(line) if line.chars().count() + 1 + part.len() <= most => {
                        line.push(' ');
                        line.extend(part);
                    }
                    _ => lines.push(part.iter().collect()),
                }
            }
        }
        lines
    }

    /// Draws a line of text in black, with its upper left corner at these pixels. Whatever lies outside
    /// of the picture is left out.
    pub(crate) fn draw(self, line: &str, picture: &mut RgbImage, left: usize, top: usize) {
        for (index, letter) in line.chars().enumerate() {
            let raster = |letter| get_raster(letter, FontWeight::Regular, self.height);
            let Some(letter) = raster(letter).or_else(|| raster(MISSING)) else {
                continue;
            };
            let left = left + index * self.letter_width();
            for (y, row) in (top..).zip(letter.raster()) {
                for (x, &ink) in (left..).zip(*row) {
                    if let Some(Rgb(pixel)) = picture.get_pixel_mut_checked(x as u32, y as u32) {
                        *pixel = pixel.map(|value| darkened(value, ink));
                    }
                }
            }
        }
    }
}

/// A value under black ink, which covers it entirely at 255.
fn darkened(value: u8, ink: u8) -> u8 {
    let light = u32::from(value) * u32::from(255 - ink);
    ((light + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(line: &str) -> RgbImage {
        let size = TextSize::SMALL;
        let (width, height) = (size.width(line) as u32, size.line_height() as u32);
        let mut picture = RgbImage::from_pixel(width, height, Rgb([255; 3]));
        size.draw(line, &mut picture, 0, 0);
        picture
    }

    #[test]
    fn letters_are_black_and_differ() {
        let darkest = |picture: &RgbImage| picture.iter().copied().min();
        assert!(darkest(&drawn("seed")) < Some(40));
        assert_eq!(darkest(&drawn("  ")), Some(255));
        assert_ne!(drawn("1"), drawn("7"));
        assert_ne!(drawn("é"), drawn("e"));
        assert_ne!(drawn("ż"), drawn("z"));
        // Letters that are missing can be seen to be missing.
        assert_eq!(drawn("林"), drawn("\u{fffd}"));
        assert_ne!(drawn("林"), drawn(" "));
    }

    #[test]
    fn what_lies_outside_is_left_out() {
        let mut picture = RgbImage::from_pixel(4, 4, Rgb([255; 3]));
        TextSize::LARGE.draw("seed 12", &mut picture, 2, 2);
    }

    #[test]
    fn text_is_broken_between_words() {
        let size = TextSize::LARGE;
        let wrapped =
            |text: &str, letters: usize| size.wrapped(text, size.letter_width() * letters);
        assert_eq!(
            wrapped("an owl  on\na branch", 10),
            ["an owl on", "a branch"]
        );
        assert_eq!(wrapped("a strawberry", 5), ["a", "straw", "berry"]);
        assert_eq!(wrapped("ab", 0), ["a", "b"]);
        assert!(wrapped("", 10).is_empty());
    }
}
