//! Frames of an animated GIF or WebP, by the image crate.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ImageDecoder, Pixel, RgbImage};

use super::{FilmFrame, checked_size, image_flaw};
use crate::error::VideoError;
use crate::metadata::Flaw;

pub(super) struct AnimationReader {
    path: PathBuf,
    frames: image::Frames<'static>,
    /// Milliseconds until the next frame.
    at: u64,
}

impl AnimationReader {
    pub(super) fn gif(path: &Path, file: File) -> Result<Self, VideoError> {
        let decoder = GifDecoder::new(BufReader::new(file)).map_err(image_flaw);
        let decoder = decoder.and_then(sized);
        let decoder = decoder.map_err(|flaw| flaw.of(path))?;
        Ok(Self::new(path, decoder.into_frames()))
    }

    pub(super) fn webp(path: &Path, file: File) -> Result<Self, VideoError> {
        let decoder = WebPDecoder::new(BufReader::new(file)).map_err(image_flaw);
        let decoder = decoder.and_then(sized).and_then(|decoder| {
            if decoder.has_animation() {
                Ok(decoder)
            } else {
                Err(Flaw::damaged("it is a single picture, no animation"))
            }
        });
        let decoder = decoder.map_err(|flaw| flaw.of(path))?;
        Ok(Self::new(path, decoder.into_frames()))
    }

    fn new(path: &Path, frames: image::Frames<'static>) -> Self {
        Self {
            path: path.to_path_buf(),
            frames,
            at: 0,
        }
    }

    fn frame(&mut self, frame: &image::Frame) -> FilmFrame {
        let (milliseconds, denominator) = frame.delay().numer_denom_ms();
        let lasts = u64::from(milliseconds / denominator.max(1));
        let begins = self.at;
        self.at += lasts;
        let shown = frame.buffer();
        let picture = RgbImage::from_fn(shown.width(), shown.height(), |x, y| {
            shown.get_pixel(x, y).to_rgb()
        });
        FilmFrame {
            picture,
            begins: begins as f64 / 1000.0,
            lasts: lasts as f64 / 1000.0,
        }
    }
}

fn sized<D: ImageDecoder>(decoder: D) -> Result<D, Flaw> {
    let (width, height) = decoder.dimensions();
    checked_size(width as usize, height as usize)?;
    Ok(decoder)
}

impl Iterator for AnimationReader {
    type Item = Result<FilmFrame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.frames.next()?.map_err(image_flaw);
        let frame = frame.map(|frame| self.frame(&frame));
        Some(frame.map_err(|flaw| flaw.of(&self.path)))
    }
}
