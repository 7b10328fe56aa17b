//! PNG: single pictures, and films as folders of pictures.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use ::png::{BitDepth, ColorType, Compression, EncodingError, Filter};
use image::RgbImage;

use crate::completed::CompletedFilm;
use crate::error::VideoError;
use crate::frame_rate::FrameRate;
use crate::metadata::{self, PNG_FRAME_KEYWORD, PNG_KEYWORD};
use crate::picture;
use crate::place::Place;
use crate::sink::Sink;
use crate::staging::{StagedFile, StagedFolder};

/// A picture that is going to be a PNG file, 8-bit R'G'B'. Dropped before
/// [`publish`](Self::publish), nothing is left of it.
#[derive(Debug)]
pub struct PngFile {
    output: StagedFile,
}

impl PngFile {
    /// Tries the place, so that one that cannot be written is known before the picture is made.
    ///
    /// # Errors
    /// If the file exists and may not be replaced, or cannot be written.
    pub fn create(path: impl AsRef<Path>, overwrite: bool) -> Result<Self, VideoError> {
        let output = StagedFile::create(path.as_ref(), overwrite)?;
        Ok(Self { output })
    }

    /// Writes the picture, not yet under its name, with a text for
    /// [`metadata::read`](crate::metadata::read).
    ///
    /// # Errors
    /// [`VideoError::Io`], as for a full disk; [`VideoError::FrameSize`],
    /// [`VideoError::DescriptionTooLong`], [`VideoError::DescriptionNul`].
    pub fn write(&mut self, frame: &RgbImage, description: Option<&str>) -> Result<(), VideoError> {
        description.map_or(Ok(()), metadata::check)?;
        let (width, height) = picture::size(frame);
        picture::validate_size(width, height)?;
        picture::validate_same_size(frame, (width, height))?;
        let place = self.output.place();
        encode(&mut self.output, frame, &texts(description, None), &place)?;
        self.output.complete().map(|_| ())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If something has come in the way since, or the system refuses.
    pub fn publish(self) -> Result<(), VideoError> {
        self.output.publish()
    }
}

/// Writes one picture, 8-bit R'G'B', without a description.
///
/// # Errors
/// If the file exists and may not be replaced, or cannot be written.
pub fn write_png(
    path: impl AsRef<Path>,
    frame: &RgbImage,
    overwrite: bool,
) -> Result<(), VideoError> {
    let mut file = PngFile::create(path, overwrite)?;
    file.write(frame, None)?;
    file.publish()
}

/// The texts of a picture by their keywords.
fn texts<'a>(description: Option<&'a str>, own: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
    let description = description.map(|text| (PNG_KEYWORD, text));
    let own = own.map(|text| (PNG_FRAME_KEYWORD, text));
    description.into_iter().chain(own).collect()
}

/// The one place where a PNG's bytes are made; `place` is for the error.
fn encode(
    output: impl Write,
    frame: &RgbImage,
    texts: &[(&str, &str)],
    place: &Place,
) -> Result<(), VideoError> {
    let mut output = BufWriter::new(output);
    write_picture(&mut output, frame, texts)
        .map_err(|error| match error {
            EncodingError::IoError(source) => source,
            other => std::io::Error::other(other),
        })
        .and_then(|()| output.flush())
        .map_err(|source| place.refused(source))
}

fn write_picture(
    output: impl Write,
    frame: &RgbImage,
    texts: &[(&str, &str)],
) -> Result<(), EncodingError> {
    let mut encoder = ::png::Encoder::new(output, frame.width(), frame.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Adaptive);
    for &(keyword, text) in texts {
        encoder.add_itxt_chunk(keyword.into(), text.into())?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(frame.as_raw())?;
    writer.finish()
}

/// A folder of `frame_0000.png`, `frame_0001.png`, …
pub(crate) struct PngSink {
    output: StagedFolder,
    frame_rate: FrameRate,
    description: Option<String>,
    frames: usize,
    bytes: u64,
}

impl PngSink {
    pub(crate) fn new(
        output: StagedFolder,
        frame_rate: FrameRate,
        description: Option<String>,
    ) -> Self {
        Self {
            output,
            frame_rate,
            description,
            frames: 0,
            bytes: 0,
        }
    }
}

impl PngSink {
    fn add(&mut self, frame: &RgbImage, text: Option<&str>) -> Result<(), VideoError> {
        let name = file_name(self.frames);
        let place = Place {
            path: self.output.path().join(&name),
            temporary: self.output.temporary_path().join(&name),
            elsewhere: self.bytes,
        };
        let refused = |source| place.refused(source);
        let file = std::fs::File::create_new(&place.temporary).map_err(refused)?;
        let texts = texts(self.description.as_deref(), text);
        encode(&file, frame, &texts, &place)?;
        self.bytes += file.metadata().map_err(refused)?.len();
        self.frames += 1;
        Ok(())
    }
}

impl Sink for PngSink {
    fn name(&self) -> &'static str {
        "png"
    }

    fn write(&mut self, frame: &Arc<RgbImage>) -> Result<(), VideoError> {
        self.add(frame, None)
    }

    fn write_with_text(&mut self, frame: &Arc<RgbImage>, text: &str) -> Result<(), VideoError> {
        self.add(frame, Some(text))
    }

    fn complete(self: Box<Self>) -> Result<CompletedFilm, VideoError> {
        let Self {
            output,
            frame_rate,
            frames,
            bytes,
            ..
        } = *self;
        if frames == 0 {
            return Err(VideoError::TooFewFrames { frames, min: 1 });
        }
        let seconds = frame_rate.time(frames);
        Ok(CompletedFilm::pictures(output, frames, seconds, bytes))
    }
}

pub(crate) fn file_name(number: usize) -> String {
    format!("frame_{number:04}.png")
}

/// The number in a name that [`file_name`] gives, so that nobody else's files are taken for ours.
pub(crate) fn number(name: &str) -> Option<usize> {
    let number = name
        .strip_prefix("frame_")?
        .strip_suffix(".png")?
        .parse()
        .ok()?;
    (file_name(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_given_here_are_ours() {
        assert_eq!(number("frame_0000.png"), Some(0));
        assert_eq!(number("frame_12345.png"), Some(12_345));
        for other in [
            "frame_1.png",
            "frame_00001.png",
            "frame_+001.png",
            "frame_0001.jpg",
            "a",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
