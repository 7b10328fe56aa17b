//! Sinks, which take computed frames: the film, a folder, a contact sheet, and the next stage.

use std::path::PathBuf;
use std::sync::Arc;

use image::RgbImage;
use lb_job::{Job, Keyframe};
use lb_video::{
    ContactSheet, FilmWriter, FrameSpool, LabelledRow, LabelledSheet, PngFile, picture,
};

use crate::error::RenderError;
use crate::film::FilmAssembler;
use crate::moving_camera::MovingCamera;
use crate::position::FramePosition;

/// A computed frame or an in-between, as the film shows it.
pub(crate) struct ComputedFrame {
    pub(crate) position: FramePosition,
    pub(crate) picture: Arc<RgbImage>,
    /// Where an in-between lies among the computed frames: how far it is from the one before it, from
    /// 0 to 1. It is `None` for a computed frame.
    pub(crate) in_between: Option<f64>,
}

/// Takes the computed frames of a stage and the in-betweens.
pub(crate) trait FrameSink {
    /// Takes the next frame. Frames are passed in film order and a shared keyframe once; the first
    /// keyframe of a loop is not passed again at the end.
    fn take(&mut self, frame: &ComputedFrame) -> Result<(), RenderError>;

    /// Called after the last frame.
    fn end(&mut self) -> Result<(), RenderError> {
        Ok(())
    }
}

/// The film: computed frames are cross-faded into film frames, which are written if a film was asked
/// for. The motion of the frames is measured in any case.
pub(crate) struct FilmSink {
    pub(crate) assembler: FilmAssembler,
    pub(crate) writer: Option<FilmWriter>,
    /// The camera, unless whole pictures are shown.
    pub(crate) camera: Option<MovingCamera>,
    /// The first keyframe of a loop, which is shown again at its end.
    pub(crate) first: Option<Arc<RgbImage>>,
    pub(crate) is_looped: bool,
}

impl FilmSink {
    fn show(&mut self, picture: Arc<RgbImage>, in_between: Option<f64>) -> Result<(), RenderError> {
        let (writer, camera) = (&mut self.writer, &mut self.camera);
        self.assembler
            .push(picture, in_between, |left, right, weight| {
                let Some(writer) = writer else { return Ok(()) };
                let film_frame = match camera {
                    Some(camera) => camera.next(left, right, weight)?,
                    None => picture::cross_fade(left, right, weight)?,
                };
                Ok(writer.write(film_frame)?)
            })
    }
}

impl FrameSink for FilmSink {
    fn take(&mut self, frame: &ComputedFrame) -> Result<(), RenderError> {
        if self.is_looped && self.first.is_none() {
            self.first = Some(Arc::clone(&frame.picture));
        }
        self.show(Arc::clone(&frame.picture), frame.in_between)
    }

    fn end(&mut self) -> Result<(), RenderError> {
        match self.first.take() {
            Some(first) => self.show(first, None),
            None => Ok(()),
        }
    }
}

/// A folder of PNG files of the computed frames, each with its position and the job.
pub(crate) struct FolderSink(pub(crate) FilmWriter);

impl FrameSink for FolderSink {
    fn take(&mut self, frame: &ComputedFrame) -> Result<(), RenderError> {
        if frame.in_between.is_some() {
            return Ok(());
        }
        let picture = Arc::clone(&frame.picture);
        Ok(self.0.write_with_text(picture, frame.position.to_text())?)
    }
}

/// A picture file that is written when the work ends, with a text that it carries.
struct PendingPicture {
    file: PngFile,
    path: PathBuf,
    description: Option<String>,
}

impl PendingPicture {
    fn create(
        path: &PathBuf,
        overwrite: bool,
        description: Option<String>,
    ) -> Result<Self, RenderError> {
        Ok(Self {
            file: PngFile::create(path, overwrite)?,
            path: path.clone(),
            description,
        })
    }

    /// Writes the picture under a temporary name. The returned file gets its final name when it is
    /// published.
    fn write(mut self, picture: &RgbImage) -> Result<(PngFile, PathBuf), RenderError> {
        self.file.write(picture, self.description.as_deref())?;
        Ok((self.file, self.path))
    }
}

/// A contact sheet of the computed frames.
pub(crate) struct SheetSink {
    sheet: ContactSheet,
    output: PendingPicture,
}

impl SheetSink {
    /// A sheet of this many frames of this width and height, which carries a text.
    pub(crate) fn create(
        path: &PathBuf,
        overwrite: bool,
        (frames, (width, height)): (usize, (usize, usize)),
        description: Option<String>,
    ) -> Result<Self, RenderError> {
        Ok(Self {
            sheet: ContactSheet::new(frames, width, height)?,
            output: PendingPicture::create(path, overwrite, description)?,
        })
    }

    /// Writes the sheet, still under a temporary name.
    pub(crate) fn complete(self) -> Result<(PngFile, PathBuf), RenderError> {
        self.output.write(self.sheet.picture())
    }
}

impl FrameSink for SheetSink {
    fn take(&mut self, frame: &ComputedFrame) -> Result<(), RenderError> {
        if frame.in_between.is_none() {
            self.sheet.add(&frame.picture)?;
        }
        Ok(())
    }
}

/// The picture of a single still.
pub(crate) struct StillSink {
    picture: Option<Arc<RgbImage>>,
    output: PendingPicture,
}

impl StillSink {
    /// A file for the picture, which carries a text.
    pub(crate) fn create(
        path: &PathBuf,
        overwrite: bool,
        description: Option<String>,
    ) -> Result<Self, RenderError> {
        Ok(Self {
            picture: None,
            output: PendingPicture::create(path, overwrite, description)?,
        })
    }

    /// Writes the picture, still under a temporary name.
    pub(crate) fn complete(self) -> Result<(PngFile, PathBuf), RenderError> {
        let picture = self.picture.ok_or(RenderError::NoStill)?;
        self.output.write(&picture)
    }
}

impl FrameSink for StillSink {
    fn take(&mut self, frame: &ComputedFrame) -> Result<(), RenderError> {
        self.picture = Some(Arc::clone(&frame.picture));
        Ok(())
    }
}

/// A labelled sheet of stills.
pub(crate) struct SeedSheetSink {
    sheet: LabelledSheet,
    output: PendingPicture,
}

impl SeedSheetSink {
    /// A sheet of a job's stills, which have this width and height. It carries a text.
    pub(crate) fn create(
        path: &PathBuf,
        overwrite: bool,
        job: &Job,
        size: (usize, usize),
        description: Option<String>,
    ) -> Result<Self, RenderError> {
        Ok(Self {
            sheet: LabelledSheet::new(&rows_of(job), size)?,
            output: PendingPicture::create(path, overwrite, description)?,
        })
    }

    /// Writes the sheet, still under a temporary name.
    pub(crate) fn complete(self) -> Result<(PngFile, PathBuf), RenderError> {
        self.output.write(self.sheet.picture())
    }
}

impl FrameSink for SeedSheetSink {
    fn take(&mut self, frame: &ComputedFrame) -> Result<(), RenderError> {
        Ok(self.sheet.add(&frame.picture)?)
    }
}

/// The rows of a sheet: stills that follow each other and differ only in their seeds are one row.
fn rows_of(job: &Job) -> Vec<LabelledRow> {
    let rows = job.keyframes.chunk_by(|left, right| {
        left.prompt == right.prompt
            && left.negative_prompt == right.negative_prompt
            && left.guidance_scale == right.guidance_scale
    });
    let label = |still: &Keyframe| match still.image {
        Some(_) => "picture".to_owned(),
        None => format!("seed {}", still.seed),
    };
    rows.map(|row| LabelledRow {
        title: row[0].prompt.clone(),
        labels: row.iter().map(label).collect(),
    })
    .collect()
}

/// Frames of a first stage, kept on the disk for the second one.
impl FrameSink for FrameSpool {
    fn take(&mut self, frame: &ComputedFrame) -> Result<(), RenderError> {
        Ok(self.push(&frame.picture)?)
    }
}
