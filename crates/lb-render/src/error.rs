//! The errors of rendering.
#![allow(missing_docs)] // Messages and names of fields say what most variants are.

use std::path::PathBuf;

use lb_models::ModelError;

/// A rule that a request breaks, or the part of the work that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The job breaks a rule, or cannot be read.
    #[error(transparent)]
    Job(#[from] lb_job::JobError),
    #[error("no picture was computed for the still")]
    NoStill,
    /// A picture has another size than the film, and the job does not say how to fit it. Sizes are
    /// width and height.
    #[error("the {what} has {}x{} pixels, but the film has {}x{}", found.0, found.1, film.0, film.1)]
    NeedsFit {
        what: &'static str,
        found: (usize, usize),
        film: (usize, usize),
    },
    #[error(
        "the mask ({}x{} pixels) has other proportions than its picture ({}x{}), so that, \
         cropped or padded, it would not match the picture", mask.0, mask.1, picture.0, picture.1
    )]
    MaskProportions {
        picture: (usize, usize),
        mask: (usize, usize),
    },
    #[error(
        "an upscaler takes frames whose width and height are at most {most} pixels; these have \
         {width}x{height}"
    )]
    LowResSize {
        width: usize,
        height: usize,
        most: usize,
    },
    #[error("the film has {expected} computed frames, but {found} were found")]
    LowResCount { found: usize, expected: usize },
    /// A folder does not hold the frames of a film.
    #[error(
        "{} contains no frames (frame_0000.png, frame_0001.png and so on), neither itself nor in a \
         folder `frames`",
        folder.display()
    )]
    NoFrames { folder: PathBuf },
    #[error(
        "{} has {}x{} pixels, but the frames before it have {}x{}",
        path.display(), found.0, found.1, expected.0, expected.1
    )]
    FrameSize {
        path: PathBuf,
        found: (usize, usize),
        expected: (usize, usize),
    },
    /// The given fractions are not those of the film's frames. The numbers are frames of each
    /// transition.
    #[error(
        "the transitions have {expected:?} computed frames; the given fractions, which must rise from \
         0 to 1, are for {found:?}"
    )]
    Fractions {
        found: Vec<usize>,
        expected: Vec<usize>,
    },
    /// The frames to be upscaled carry positions that cannot be right.
    #[error(transparent)]
    FramePosition(#[from] crate::earlier_frames::FramePositionError),
    #[error("the job is upscaled with `{model}`, but the renderer has no upscaling model")]
    NoUpscaler { model: String },
    #[error(
        "a film is either inpainted or follows a depth map, because each needs a different model"
    )]
    TwoModes,
    #[error("{} is named as two different outputs", path.display())]
    SameOutput { path: PathBuf },
    #[error("{} exists", path.display())]
    OutputExists { path: PathBuf },
    /// A device, a pipe, or a link that must not be replaced.
    #[error("{} is {found}; an output must be a file or a folder", path.display())]
    SpecialFile { path: PathBuf, found: &'static str },
    #[error("{} does not end in .png, but a contact sheet is a PNG picture", path.display())]
    ContactSheetFormat { path: PathBuf },
    #[error("{} does not end in .png, but pictures are PNG files", path.display())]
    PictureFormat { path: PathBuf },
    /// The job makes something else than an output is meant for. `stills` is the number of its stills,
    /// `None` for a film.
    #[error(
        "{} would be {output}, but the job makes {}", path.display(),
        match stills {
            None => "a film".to_owned(),
            Some(1) => "a single picture".to_owned(),
            Some(more) => format!("{more} single pictures"),
        }
    )]
    OutputOfOtherJob {
        path: PathBuf,
        output: &'static str,
        stills: Option<usize>,
    },
    /// A picture, mask or depth map cannot be read.
    #[error(transparent)]
    Input(#[from] lb_video::InputError),
    /// A tree, the spacing, the guidance or the film's timing breaks a rule.
    #[error(transparent)]
    Schedule(#[from] lb_schedule::ScheduleError),
    /// The engine stopped.
    #[error(transparent)]
    Blend(lb_blend::BlendError),
    /// The sampler cannot be made from the model's noise schedule.
    #[error(transparent)]
    Sampler(#[from] lb_blend::SamplerError),
    /// The sampler cannot be made from the noise schedule of the upscaler.
    #[error("in the second stage: {0}")]
    UpscaleSampler(#[source] lb_blend::SamplerError),
    /// The model cannot be found, loaded or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The film or a picture cannot be written.
    #[error(transparent)]
    Video(#[from] lb_video::VideoError),
    /// The cache cannot be used, or a computation returned the wrong number of results.
    #[error(transparent)]
    Cache(#[from] lb_cache::CacheError),
    /// Some outputs have their names, but the next one could not get its own.
    #[error("{source}; written before that: {}", list(written))]
    PartlyPublished {
        written: Vec<PathBuf>,
        source: Box<RenderError>,
    },
    #[error("interrupted")]
    Interrupted,
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

impl From<lb_blend::BlendError> for RenderError {
    fn from(error: lb_blend::BlendError) -> Self {
        match error {
            lb_blend::BlendError::Interrupted => Self::Interrupted,
            // The error of making a keyframe of the second stage.
            lb_blend::BlendError::Keyframe(error) => match error.into_inner().downcast() {
                Ok(error) => *error,
                Err(error) => Self::Blend(lb_blend::KeyframeError::new(error).into()),
            },
            other => Self::Blend(other),
        }
    }
}

impl RenderError {
    /// Whether the request itself was wrong, so that repeating it cannot help.
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::Job(error) => error.is_request(),
            Self::Input(error) => error.is_request(),
            Self::Model(ModelError::Checkpoint(error)) => error.is_request(),
            Self::Model(error) => matches!(
                error,
                ModelError::UnknownDevice(_)
                    | ModelError::ModelMissing { .. }
                    | ModelError::PictureSize { .. }
                    | ModelError::UnsupportedScheduler { .. }
                    | ModelError::UnsuitableDecoder { .. }
                    | ModelError::LoraOfOnnx { .. }
                    | ModelError::LorasTooLarge { .. }
                    | ModelError::ClipSkip { .. }
                    | ModelError::ClipSkipOfOnnx { .. }
                    | ModelError::EmbeddingWidth { .. }
                    | ModelError::EmbeddingLength { .. }
                    | ModelError::EmbeddingName { .. }
                    | ModelError::EmbeddingOfOnnx { .. }
                    | ModelError::WrongKind { .. }
                    | ModelError::Setting { .. }
                    | ModelError::Prompt(_)
                    | ModelError::MaskRepaintsNothing { .. }
                    | ModelError::MaskRepaintsEverything { .. }
                    | ModelError::MaskTooFine { .. }
                    | ModelError::NoiseLevel { .. }
                    | ModelError::EmptyPicture { .. }
            ),
            Self::Video(error) => error.is_request(),
            Self::Cache(error) => error.is_request(),
            Self::PartlyPublished { source, .. } => source.is_request(),
            Self::Blend(_) | Self::Interrupted => false,
            _ => true,
        }
    }

    /// Whether the memory of the device or of the machine did not suffice, so that smaller batches or
    /// pictures may succeed.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self.model_error(), Some(ModelError::OutOfMemory { .. }))
    }

    /// The error of a model, if that is the cause: while it was opened or while the engine used it.
    #[must_use]
    pub fn model_error(&self) -> Option<&ModelError> {
        match self {
            Self::Model(error) => Some(error),
            Self::Blend(lb_blend::BlendError::Backend(error)) => error.get_ref().downcast_ref(),
            _ => None,
        }
    }
}
