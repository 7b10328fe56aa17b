//! Where frames go: one implementation for each format and encoder.

pub(crate) mod audio;
pub(crate) mod ffmpeg;
pub(crate) mod gif;
pub(crate) mod h264;
pub(crate) mod mp4;
pub(crate) mod png;
mod timeline;
pub(crate) mod webp;

use std::sync::Arc;

use image::RgbImage;

use crate::completed::CompletedFilm;
use crate::error::VideoError;

/// Takes a film's frames in order. Dropped before `finish`, it leaves nothing behind.
pub(crate) trait Sink: Send {
    /// What the stage is called: its thread's name, and in errors.
    fn name(&self) -> &'static str;

    /// The next frame; its size has been checked.
    fn write(&mut self, frame: &Arc<RgbImage>) -> Result<(), VideoError>;

    /// The next frame, with a text of its own where the format has a place for one.
    fn write_with_text(&mut self, frame: &Arc<RgbImage>, _text: &str) -> Result<(), VideoError> {
        self.write(frame)
    }

    /// Completes the output, all but its name.
    fn complete(self: Box<Self>) -> Result<CompletedFilm, VideoError>;
}

/// What H.264 in 4:2:0 takes: even sides, none below 16 pixels (a macroblock).
pub(crate) fn check_film_sides(width: usize, height: usize) -> Result<(), VideoError> {
    const MIN: usize = 16;
    if [width, height]
        .iter()
        .all(|side| *side >= MIN && side.is_multiple_of(2))
    {
        Ok(())
    } else {
        Err(VideoError::FilmSides {
            width,
            height,
            min: MIN,
        })
    }
}
