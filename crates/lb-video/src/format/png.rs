//! PNG: single pictures, and films as folders of pictures.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::png::{BitDepth, ColorType, Compression, EncodingError, Filter};
use image::{ImageDecoder as _, ImageReader, Limits, RgbImage};
use lb_files::{StagedFile, StagedFolder, UnfinishedOutput};

use crate::description;
use crate::error::VideoError;
use crate::film_frame::{FilmFrame, Frames, ReadOptions};
use crate::flaw::{Flaw, validate_declared_size};
use crate::limits::{MAX_DESCRIPTION, MOST_SIDE_DATA};
use crate::picture;
use crate::picture_name::file_name;
use crate::sink::{CompletedFilm, NewFilm, NextFrame, Sink};

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
        description.map_or(Ok(()), description::validate)?;
        let (width, height) = picture::size(frame);
        picture::validate_size(width, height)?;
        picture::validate_same_size(frame, (width, height))?;
        let unfinished = self.output.unfinished();
        encode(&mut self.output, frame, description, None, &unfinished)?;
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

/// Makes the bytes of every PNG that is written, with the film's text and the picture's own;
/// `unfinished` is for the error.
fn encode(
    output: impl Write,
    frame: &RgbImage,
    description: Option<&str>,
    own: Option<&str>,
    unfinished: &UnfinishedOutput,
) -> Result<(), VideoError> {
    let mut output = BufWriter::new(output);
    let mut encoded = || -> Result<(), EncodingError> {
        let mut encoder = ::png::Encoder::new(&mut output, frame.width(), frame.height());
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::Fast);
        // Pictures are as small with this filter alone as with the best of all for each line, and are written
        // several times as fast.
        encoder.set_filter(Filter::Paeth);
        for (keyword, text) in [(KEYWORD, description), (FRAME_KEYWORD, own)] {
            if let Some(text) = text {
                encoder.add_itxt_chunk(keyword.into(), text.into())?;
            }
        }
        let mut writer = encoder.write_header()?;
        writer.write_image_data(frame.as_raw())?;
        writer.finish()?;
        Ok(output.flush()?)
    };
    encoded().map_err(|error| {
        let source = match error {
            EncodingError::IoError(source) => source,
            other => std::io::Error::other(other),
        };
        unfinished.refused(source).into()
    })
}

/// A folder of `frame_0000.png`, `frame_0001.png`, …
pub(super) struct PngSink {
    output: StagedFolder,
    description: Option<String>,
    bytes: u64,
}

impl PngSink {
    pub(super) fn new(film: &NewFilm<'_>) -> Result<Self, VideoError> {
        Ok(Self {
            output: StagedFolder::create(film.path, film.options.overwrite)?,
            description: film.options.stored_description(),
            bytes: 0,
        })
    }
}

impl Sink for PngSink {
    fn name(&self) -> &'static str {
        "png"
    }

    fn write(&mut self, frame: &NextFrame<'_>) -> Result<(), VideoError> {
        let name = file_name(frame.index);
        let path = self.output.path().join(&name);
        let temporary = self.output.temporary_path().join(&name);
        let unfinished = UnfinishedOutput::new(path, temporary, self.bytes);
        let refused = |source| unfinished.refused(source);
        let file = File::create_new(unfinished.temporary_path()).map_err(refused)?;
        let description = self.description.as_deref();
        encode(&file, frame.picture, description, frame.text, &unfinished)?;
        // Some file systems report a full disk only now.
        file.sync_all().map_err(refused)?;
        self.bytes += file.metadata().map_err(refused)?.len();
        Ok(())
    }

    fn complete(self: Box<Self>, frames: usize, seconds: f64) -> Result<CompletedFilm, VideoError> {
        Ok(CompletedFilm::pictures(
            self.output,
            frames,
            seconds,
            self.bytes,
        ))
    }
}

pub(crate) fn read_folder(folder: &Path, options: &ReadOptions) -> Result<Frames, VideoError> {
    let pictures = pictures_in(folder)?;
    let frame_rate = options.frame_rate;
    Ok(Box::new(pictures.into_iter().enumerate().map(
        move |(index, path)| {
            let begins = frame_rate.time(index);
            Ok(FilmFrame {
                picture: Arc::new(read_picture(&path)?),
                begins,
                lasts: frame_rate.time(index + 1) - begins,
            })
        },
    )))
}

/// The PNG pictures of a folder, in the natural order of their names.
///
/// # Errors
/// [`VideoError::File`], and [`VideoError::NoPictures`] if there are none.
pub fn pictures_in(folder: &Path) -> Result<Vec<PathBuf>, VideoError> {
    let entries = std::fs::read_dir(folder)
        .and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>())
        .map_err(VideoError::io("read", folder))?;
    let mut pictures: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    pictures.retain(|path| {
        let ending = path.extension();
        ending.is_some_and(|ending| ending.eq_ignore_ascii_case("png"))
    });
    if pictures.is_empty() {
        return Err(VideoError::NoPictures {
            path: folder.into(),
        });
    }
    lb_files::sort_naturally(&mut pictures);
    Ok(pictures)
}

fn read_picture(path: &Path) -> Result<RgbImage, VideoError> {
    let file = lb_files::open(path)?;
    decode(BufReader::new(file)).map_err(|flaw| flaw.of(path))
}

fn decode(file: BufReader<File>) -> Result<RgbImage, Flaw> {
    let mut reader = ImageReader::with_format(file, image::ImageFormat::Png);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_SIDE_DATA);
    reader.limits(limits);
    let decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    validate_declared_size(width as usize, height as usize)?;
    let picture = image::DynamicImage::from_decoder(decoder)?;
    Ok(picture.into_rgb8())
}

pub(super) fn read_text(file: BufReader<File>) -> Result<Option<String>, Flaw> {
    find_text(file, KEYWORD)
}

/// The text of one picture alone, `None` for another format.
pub(crate) fn read_frame_text(file: File) -> Result<Option<String>, Flaw> {
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
