//! Films as their makers see them.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;

use crate::completed::{CompletedFilm, FilmSummary};
use crate::error::VideoError;
use crate::format::FilmFormat;
use crate::frame_rate::FrameRate;
use crate::metadata;
use crate::options::{Encoder, FilmOptions};
use crate::picture::{validate_same_size, validate_size};
use crate::pipeline::Pipeline;
use crate::sink::Sink;
use crate::sink::audio::{self, AudioSink};
use crate::sink::ffmpeg::FfmpegSink;
use crate::sink::gif::GifSink;
use crate::sink::mp4::Mp4Sink;
use crate::sink::png::PngSink;
use crate::sink::webp::WebpSink;
use crate::staging::{StagedFile, StagedFolder};

/// Writes a film on a thread of its own while the frames are being made. Dropped without
/// [`finish`](Self::finish), nothing is left of it.
#[derive(Debug)]
pub struct FilmWriter {
    pipeline: Pipeline,
    width: usize,
    height: usize,
}

impl FilmWriter {
    /// A film of frames of `width * height` pixels in the format that the path's ending names. The
    /// output's folder is tried and an outside encoder started at once, so that what cannot work
    /// fails before the frames are made.
    ///
    /// # Errors
    /// For options or sizes out of range, an output that exists and may not be replaced, a folder
    /// that is missing or closed to writing, an encoder that cannot be started, a sound track that
    /// is none or where there can be none.
    pub fn create(
        path: impl AsRef<Path>,
        width: usize,
        height: usize,
        options: &FilmOptions,
    ) -> Result<Self, VideoError> {
        let path = path.as_ref();
        let format = FilmFormat::from_path(path)?;
        if options.audio.is_some() && format != FilmFormat::Mp4 {
            return Err(VideoError::Silent {
                path: path.to_path_buf(),
            });
        }
        match format {
            FilmFormat::Mp4 => Self::mp4(path, width, height, options),
            FilmFormat::PngSequence => Self::png_sequence(path, width, height, options),
            format @ (FilmFormat::Gif | FilmFormat::Webp) => {
                Self::animation(path, format, (width, height), options)
            }
        }
    }

    /// A folder of `frame_0000.png`, `frame_0001.png`, …, whatever the folder is called. Missing,
    /// it is made; its parent must be there. An encoder, sound and the like do not matter here.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn png_sequence(
        folder: impl AsRef<Path>,
        width: usize,
        height: usize,
        options: &FilmOptions,
    ) -> Result<Self, VideoError> {
        options.validate()?;
        validate_size(width, height)?;
        let output = StagedFolder::create(folder.as_ref(), options.overwrite)?;
        let frame_rate = FrameRate::new(options.frames_per_second)?;
        let sink = PngSink::new(output, frame_rate, options.stored_description());
        Self::start(Box::new(sink), width, height)
    }

    fn mp4(
        path: &Path,
        width: usize,
        height: usize,
        options: &FilmOptions,
    ) -> Result<Self, VideoError> {
        options.validate()?;
        validate_size(width, height)?;
        let frame_rate = FrameRate::new(options.frames_per_second)?;
        let output = StagedFile::create(path, options.overwrite)?;
        let sound = match &options.audio {
            Some(track) => {
                audio::check(track)?;
                Some((track, StagedFile::create(path, options.overwrite)?))
            }
            None => None,
        };
        let description = options.stored_description();
        let mut sink: Box<dyn Sink> = match &options.encoder {
            Encoder::OpenH264 { quantizer } => Box::new(Mp4Sink::new(
                output,
                (width, height),
                frame_rate,
                *quantizer,
                description,
            )?),
            Encoder::Ffmpeg {
                program,
                crf,
                preset,
            } => Box::new(FfmpegSink::new(
                output,
                (width, height),
                frame_rate,
                (program, *crf, preset),
                description.as_deref(),
            )?),
        };
        if let Some((track, output)) = sound {
            sink = Box::new(AudioSink::new(sink, track.clone(), output));
        }
        Self::start(sink, width, height)
    }

    fn animation(
        path: &Path,
        format: FilmFormat,
        (width, height): (usize, usize),
        options: &FilmOptions,
    ) -> Result<Self, VideoError> {
        options.validate()?;
        validate_size(width, height)?;
        let frame_rate = FrameRate::new(options.frames_per_second)?;
        let output = StagedFile::create(path, options.overwrite)?;
        let (size, repeats) = ((width, height), options.animation.repeats);
        let description = options.stored_description();
        let sink: Box<dyn Sink> = if format == FilmFormat::Gif {
            let description = description.as_deref();
            Box::new(GifSink::new(
                output,
                size,
                frame_rate,
                repeats,
                description,
            )?)
        } else {
            let how = (options.animation.webp, repeats);
            Box::new(WebpSink::new(output, size, frame_rate, how, description)?)
        };
        Self::start(sink, width, height)
    }

    fn start(sink: Box<dyn Sink>, width: usize, height: usize) -> Result<Self, VideoError> {
        Ok(Self {
            pipeline: Pipeline::start(sink)?,
            width,
            height,
        })
    }

    /// Hands over the next frame; waits while the queue is full.
    ///
    /// # Errors
    /// [`VideoError::SizesDiffer`] for a frame of another size (the film goes on without it); else
    /// the first error of the encoding, which may be that of an earlier frame, and after it
    /// [`VideoError::FailedBefore`].
    pub fn write(&mut self, frame: impl Into<Arc<RgbImage>>) -> Result<(), VideoError> {
        let frame = frame.into();
        validate_same_size(&frame, (self.width, self.height))?;
        self.pipeline.write(frame, None)
    }

    /// As [`write`](Self::write), with a text of this frame alone for
    /// [`metadata::read_frame_text`]. Only the pictures of a folder carry it.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`VideoError::DescriptionTooLong`],
    /// [`VideoError::DescriptionNul`].
    pub fn write_with_text(
        &mut self,
        frame: impl Into<Arc<RgbImage>>,
        text: String,
    ) -> Result<(), VideoError> {
        metadata::check(&text)?;
        let frame = frame.into();
        validate_same_size(&frame, (self.width, self.height))?;
        self.pipeline.write(frame, Some(text))
    }

    /// Waits for the encoder and gives the film its name.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`VideoError::TooFewFrames`] for an empty film (an MP4 takes
    /// two frames). Nothing is left of a film that fails.
    pub fn finish(self) -> Result<FilmSummary, VideoError> {
        self.complete()?.publish()
    }

    /// Waits for the encoder; the film does not get its name yet.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn complete(self) -> Result<CompletedFilm, VideoError> {
        self.pipeline.complete()
    }
}
