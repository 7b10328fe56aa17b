//! PNG: single pictures, and films as folders of pictures.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::png::{BitDepth, ColorType, Compression, EncodingError, Filter};
use image::{ImageDecoder as _, ImageReader, Limits, RgbImage};
use lb_files::{StagedFile, StagedFolder, UnfinishedOutput};

use super::{FilmFormat, NewFilm};
use crate::error::VideoError;
use crate::flaw::{Flaw, validate_declared_size};
use crate::frame_rate::FrameRate;
use crate::metadata::{self, MAX_DESCRIPTION};
use crate::picture;
use crate::reader::{FilmFrame, Frames, ReadOptions};
use crate::sink::{CompletedFilm, Sink};

/// Keyword of the chunk with the film's text, one of those that the PNG specification (11.3.3.2)
/// registers.
const KEYWORD: &str = "Description";

/// Keyword of the chunk with the text of one picture alone, which no other program writes.
const FRAME_KEYWORD: &str = "lb-frame";

/// What the chunks before the pixels may take in memory: the text, its chunk, and others.
const CHUNK_LIMIT: usize = 8 * MAX_DESCRIPTION;

/// A picture that is going to be a PNG file, 8-bit R'G'B'. Dropped before
/// [`publish`](Self::publish), nothing is left of it.
#[derive(Debug)]
pub struct PngFile {
    output: StagedFile,
}

impl PngFile {
    /// Begins the file, so that an output that cannot be written is known before the picture is made.
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
    /// [`VideoError::File`], as for a full disk; [`VideoError::FrameSize`],
    /// [`VideoError::DescriptionTooLong`], [`VideoError::DescriptionNul`].
    pub fn write(&mut self, frame: &RgbImage, description: Option<&str>) -> Result<(), VideoError> {
        description.map_or(Ok(()), metadata::validate)?;
        let (width, height) = picture::size(frame);
        picture::validate_size(width, height)?;
        picture::validate_same_size(frame, (width, height))?;
        let unfinished = self.output.unfinished();
        encode(
            &mut self.output,
            frame,
            &texts(description, None),
            &unfinished,
        )?;
        self.output.complete()?;
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If something has come in the way since, or the system refuses.
    pub fn publish(self) -> Result<(), VideoError> {
        Ok(self.output.publish()?)
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
    let description = description.map(|text| (KEYWORD, text));
    let own = own.map(|text| (FRAME_KEYWORD, text));
    description.into_iter().chain(own).collect()
}

/// Makes the bytes of every PNG that is written; `unfinished` is for the error.
fn encode(
    output: impl Write,
    frame: &RgbImage,
    texts: &[(&str, &str)],
    unfinished: &UnfinishedOutput,
) -> Result<(), VideoError> {
    let mut output = BufWriter::new(output);
    write_picture(&mut output, frame, texts)
        .map_err(|error| match error {
            EncodingError::IoError(source) => source,
            other => std::io::Error::other(other),
        })
        .and_then(|()| output.flush())
        .map_err(|source| unfinished.refused(source).into())
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
struct PngSink {
    output: StagedFolder,
    frame_rate: FrameRate,
    description: Option<String>,
    frames: usize,
    bytes: u64,
}

pub(super) fn create(film: &NewFilm<'_>) -> Result<Box<dyn Sink>, VideoError> {
    Ok(Box::new(PngSink {
        output: StagedFolder::create(film.path, film.options.overwrite)?,
        frame_rate: film.frame_rate,
        description: film.options.stored_description(),
        frames: 0,
        bytes: 0,
    }))
}

impl PngSink {
    fn add(&mut self, frame: &RgbImage, text: Option<&str>) -> Result<(), VideoError> {
        let name = file_name(self.frames);
        let path = self.output.path().join(&name);
        let temporary = self.output.temporary_path().join(&name);
        let unfinished = UnfinishedOutput::new(path, temporary, self.bytes);
        let refused = |source| unfinished.refused(source);
        let file = File::create_new(unfinished.temporary_path()).map_err(refused)?;
        let texts = texts(self.description.as_deref(), text);
        encode(&file, frame, &texts, &unfinished)?;
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

/// Refuses a single picture, which is no film.
pub(super) fn read_single(path: &Path, _: File, _: &ReadOptions) -> Result<Frames, VideoError> {
    Err(VideoError::UnknownContent {
        path: path.to_path_buf(),
    })
}

/// Opens a folder of pictures as a film.
pub(crate) fn read_folder(folder: &Path, options: &ReadOptions) -> Result<Frames, VideoError> {
    Ok(Box::new(FolderReader::open(folder, options)?))
}

/// The PNG pictures of a folder, in the natural order of their names.
struct FolderReader {
    pictures: std::iter::Enumerate<std::vec::IntoIter<PathBuf>>,
    frame_rate: FrameRate,
}

impl FolderReader {
    fn open(folder: &Path, options: &ReadOptions) -> Result<Self, VideoError> {
        let failed = || VideoError::io("read", folder);
        let mut pictures = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed())? {
            let path = entry.map_err(failed())?.path();
            let ending = path.extension();
            if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
                pictures.push(path);
            }
        }
        if pictures.is_empty() {
            return Err(VideoError::NoPictures {
                path: folder.to_path_buf(),
            });
        }
        lb_files::sort_naturally(&mut pictures);
        Ok(Self {
            pictures: pictures.into_iter().enumerate(),
            frame_rate: FrameRate::new(options.frames_per_second)?,
        })
    }
}

impl Iterator for FolderReader {
    type Item = Result<FilmFrame, VideoError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (index, path) = self.pictures.next()?;
        let begins = self.frame_rate.time(index);
        Some(read_picture(&path).map(|picture| FilmFrame {
            picture,
            begins,
            lasts: self.frame_rate.time(index + 1) - begins,
        }))
    }
}

fn read_picture(path: &Path) -> Result<RgbImage, VideoError> {
    let file = lb_files::open(path)?;
    decode(BufReader::new(file)).map_err(|flaw| flaw.of(path))
}

fn decode(file: BufReader<File>) -> Result<RgbImage, Flaw> {
    let reader = ImageReader::with_format(file, image::ImageFormat::Png);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    validate_declared_size(width as usize, height as usize)?;
    decoder.set_limits(Limits::default())?;
    let picture = image::DynamicImage::from_decoder(decoder)?;
    Ok(picture.into_rgb8())
}

pub(super) fn read_text(file: BufReader<File>) -> Result<Option<String>, Flaw> {
    find_text(file, KEYWORD)
}

/// The text of one picture alone, `None` for another format.
pub(crate) fn read_frame_text(format: FilmFormat, file: File) -> Result<Option<String>, Flaw> {
    if format != FilmFormat::PngSequence {
        return Ok(None);
    }
    find_text(BufReader::new(file), FRAME_KEYWORD)
}

fn find_text(file: BufReader<File>, keyword: &str) -> Result<Option<String>, Flaw> {
    let mut options = ::png::DecodeOptions::default();
    options.set_ignore_iccp_chunk(true);
    // Otherwise a damaged text would pass for none.
    options.set_skip_ancillary_crc_failures(false);
    let mut decoder = ::png::Decoder::new_with_options(file, options);
    decoder.set_limits(::png::Limits { bytes: CHUNK_LIMIT });
    let reader = decoder.read_info().map_err(png_flaw)?;
    let mut texts = reader.info().utf8_text.iter();
    let Some(chunk) = texts.find(|chunk| chunk.keyword == keyword) else {
        return Ok(None);
    };
    let mut chunk = chunk.clone();
    chunk
        .decompress_text_with_limit(MAX_DESCRIPTION)
        .and_then(|()| chunk.get_text())
        .map_err(png_flaw)
        .map(Some)
}

fn png_flaw(error: ::png::DecodingError) -> Flaw {
    match error {
        ::png::DecodingError::IoError(error) => error.into(),
        other => Flaw::damaged(other.to_string()),
    }
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
