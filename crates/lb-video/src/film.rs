//! Films as their makers see them.

use std::path::{Path, PathBuf};

use crate::completed::{CompletedFilm, FilmSummary};
use crate::error::VideoError;
use crate::format::FilmFormat;
use crate::frame::{Frame, check_size};
use crate::frame_rate::FrameRate;
use crate::metadata;
use crate::pipeline::Pipeline;
use crate::sink::Sink;
use crate::sink::ffmpeg::{FfmpegSink, check_ffmpeg};
use crate::sink::mp4::{MAX_QUANTIZER, MIN_QUANTIZER, Mp4Sink};
use crate::sink::png::PngSink;
use crate::staging::{StagedFile, StagedFolder};

/// What encodes an MP4; other formats have one encoder each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Encoder {
    /// Built in: constrained-baseline H.264 at a fixed quantiser.
    OpenH264 {
        /// 12 (best) to 51 (smallest); 18 keeps about 47 dB of luma (pocket films).
        quantizer: u8,
    },
    /// The program `ffmpeg` with libx264: the same quality in one half to two thirds of the bytes.
    Ffmpeg {
        /// The program, by its path or its name on the search path.
        program: PathBuf,
        /// Constant rate factor, 0 (lossless) to 51 (smallest).
        crf: u8,
        /// One of libx264's presets, `ultrafast` to `placebo`.
        preset: String,
    },
}

impl Default for Encoder {
    fn default() -> Self {
        Self::OpenH264 { quantizer: 18 }
    }
}

/// How a film is written.
#[derive(Clone, PartialEq, Debug)]
pub struct FilmOptions {
    /// 0.1 to 1000; 23.976, 29.97 and their like mean NTSC's exact fractions.
    pub frames_per_second: f64,
    /// What encodes an MP4.
    pub encoder: Encoder,
    /// A text that the film carries for [`metadata::read`], as what it was made from: up to
    /// [`MAX_DESCRIPTION`](metadata::MAX_DESCRIPTION) bytes, without NUL; an empty one
    /// counts as none. A folder's pictures carry it each.
    pub description: Option<String>,
    /// Whether what exists may be replaced. In a folder of pictures only `frame_*.png` are.
    pub overwrite: bool,
}

impl Default for FilmOptions {
    fn default() -> Self {
        Self {
            frames_per_second: 30.0,
            encoder: Encoder::default(),
            description: None,
            overwrite: false,
        }
    }
}

impl FilmOptions {
    /// Checks what can be checked without the film.
    ///
    /// # Errors
    /// [`VideoError::FrameRate`], [`VideoError::DescriptionTooLong`],
    /// [`VideoError::DescriptionNul`], [`VideoError::Quantizer`],
    /// [`VideoError::ConstantRateFactor`] or [`VideoError::Preset`].
    pub fn validate(&self) -> Result<(), VideoError> {
        FrameRate::new(self.frames_per_second)?;
        self.description
            .as_deref()
            .map_or(Ok(()), metadata::check)?;
        match &self.encoder {
            Encoder::OpenH264 { quantizer } => {
                let (min, max, quantizer) = (MIN_QUANTIZER, MAX_QUANTIZER, *quantizer);
                if !(min..=max).contains(&quantizer) {
                    return Err(VideoError::Quantizer {
                        quantizer,
                        min,
                        max,
                    });
                }
                Ok(())
            }
            Encoder::Ffmpeg { crf, preset, .. } => check_ffmpeg(*crf, preset),
        }
    }
}

impl FilmOptions {
    /// An empty text is none: ffmpeg could not tell them apart.
    fn stored_description(&self) -> Option<String> {
        self.description.clone().filter(|text| !text.is_empty())
    }
}

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
    /// that is missing or closed to writing, an encoder that cannot be started.
    pub fn create(
        path: impl AsRef<Path>,
        width: usize,
        height: usize,
        options: &FilmOptions,
    ) -> Result<Self, VideoError> {
        let path = path.as_ref();
        match FilmFormat::from_path(path)? {
            FilmFormat::Mp4 => Self::mp4(path, width, height, options),
            FilmFormat::PngSequence => Self::png_sequence(path, width, height, options),
        }
    }

    /// A folder of `frame_0000.png`, `frame_0001.png`, …, whatever the folder is called. Missing,
    /// it is made; its parent must be there.
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
        check_size(width, height)?;
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
        check_size(width, height)?;
        let frame_rate = FrameRate::new(options.frames_per_second)?;
        let output = StagedFile::create(path, options.overwrite)?;
        let description = options.stored_description();
        let sink: Box<dyn Sink> = match &options.encoder {
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
    pub fn write(&mut self, frame: Frame) -> Result<(), VideoError> {
        frame.check_same_size(self.width, self.height)?;
        self.pipeline.write(frame)
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
