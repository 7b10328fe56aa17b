//! Writes a short film of generated frames in every format, and reads each of them back.
//!
//! `cargo run --example film -- FOLDER` leaves the films in a folder; without one they are written to
//! a temporary folder.

#![allow(clippy::print_stdout, reason = "an example shows what it made")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use lb_video::picture::{cross_fade, psnr};
use lb_video::{FilmOptions, FilmWriter, FrameRate, ReadOptions, RgbImage, metadata, read_frames};

const WIDTH: u32 = 96;
const HEIGHT: u32 = 64;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args_os().nth(1) {
        Some(folder) => write_films(Path::new(&folder)),
        None => write_films(tempfile::tempdir()?.path()),
    }
}

/// Writes one film a format into a folder that exists.
pub(crate) fn write_films(folder: &Path) -> Result<(), Box<dyn Error>> {
    let (left, right) = (Arc::new(gradient(false)), Arc::new(gradient(true)));
    let options = FilmOptions {
        frame_rate: FrameRate::new(24.0)?,
        description: Some("a gradient turns".into()),
        ..FilmOptions::default()
    };
    for name in ["film.mp4", "film.gif", "film.webp", "film"] {
        let path = folder.join(name);
        let mut film = FilmWriter::create(&path, WIDTH as usize, HEIGHT as usize, &options)?;
        for step in 0..=12 {
            film.write(cross_fade(&left, &right, f64::from(step) / 12.0)?)?;
        }
        let summary = film.finish()?;
        let mut frames = read_frames(&path, &ReadOptions::default())?;
        let first = frames.next().ok_or("the film is empty")??.picture;
        println!(
            "{name}: {} frames in {} bytes; the first one is {:.1} dB from the original",
            1 + frames.count(),
            summary.bytes,
            psnr(&first, &left)?
        );
        assert_eq!(metadata::read(&path)?, options.description);
    }
    Ok(())
}

/// A gradient from the left to the right, or from the top to the bottom.
fn gradient(is_vertical: bool) -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let level = if is_vertical {
            255 * y / HEIGHT
        } else {
            255 * x / WIDTH
        };
        [level as u8, 128, 255 - level as u8].into()
    })
}
