//! What can go wrong between a request and a film.

mod kind;

use std::path::PathBuf;

/// A broken rule of a job, or the part of the work that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The job breaks a rule, or cannot be read.
    #[error(transparent)]
    Job(#[from] lb_job::JobError),
    /// A picture of another size than the film's, and nothing said about how to fit it.
    #[error("the {what} has {}x{} pixels, the film has {}x{}", found.0, found.1, film.0, film.1)]
    NeedsFit {
        /// Which picture.
        what: &'static str,
        /// Its width and height.
        found: (usize, usize),
        /// The film's width and height.
        film: (usize, usize),
    },
    /// A mask that would be cropped or padded otherwise than its picture.
    #[error(
        "the mask ({}x{} pixels) has other proportions than its picture ({}x{}); cropped or padded, \
         it would not lie on it", mask.0, mask.1, picture.0, picture.1
    )]
    MaskProportions {
        /// The picture's width and height.
        picture: (usize, usize),
        /// The mask's width and height.
        mask: (usize, usize),
    },
    /// Frames that an upscaler does not take.
    #[error(
        "an upscaler takes frames whose width and height are multiples of {multiple}, {most} pixels \
         at most; these have {width}x{height}"
    )]
    LowResSize {
        /// Their width.
        width: usize,
        /// Their height.
        height: usize,
        /// What sides must be multiples of.
        multiple: usize,
        /// The longest side.
        most: usize,
    },
    /// Not the frames that a film has.
    #[error("the film has {expected} computed frames; {found} are there")]
    LowResCount {
        /// How many frames are there.
        found: usize,
        /// How many the film's transitions have.
        expected: usize,
    },
    /// A folder without the frames of a film.
    #[error(
        "{} holds no frames: frame_0000.png, frame_0001.png and so on, there or in a folder `frames`",
        folder.display()
    )]
    NoFrames {
        /// The folder.
        folder: PathBuf,
    },
    /// A frame of another size than the first one.
    #[error(
        "{} has {}x{} pixels, the frames before it have {}x{}",
        path.display(), found.0, found.1, expected.0, expected.1
    )]
    FrameSize {
        /// The frame.
        path: PathBuf,
        /// Its width and height.
        found: (usize, usize),
        /// The first one's.
        expected: (usize, usize),
    },
    /// Fractions that are not those of the film's frames.
    #[error(
        "the transitions have {expected:?} computed frames; fractions from 0 to 1 are given for \
         {found:?}"
    )]
    Fractions {
        /// Fractions of every transition.
        found: Vec<usize>,
        /// Computed frames of every transition.
        expected: Vec<usize>,
    },
    /// Frames that do not tell properly where in a film they stand.
    #[error(transparent)]
    FramePlace(#[from] crate::modes::upscale::FramePlaceError),
    /// A job with a second stage, and a renderer without its model.
    #[error("the job is upscaled with `{model}`, but the renderer was given no upscaling model")]
    NoUpscaler {
        /// The model's name in the job.
        model: String,
    },
    /// What needs a model each.
    #[error("a film is either inpainted or follows a depth map: each needs a model of its own")]
    TwoModes,
    /// Nothing was asked to be written.
    #[error("no output is named: a film, a folder for the frames, or a contact sheet")]
    NoOutput,
    /// Two outputs would overwrite each other.
    #[error("{} is named as two different outputs", path.display())]
    SameOutput {
        /// The path.
        path: PathBuf,
    },
    /// An output is already there.
    #[error("{} exists", path.display())]
    OutputExists {
        /// The path.
        path: PathBuf,
    },
    /// An output would take the place of a device or a pipe.
    #[error("{} is a device or a pipe: outputs are files and folders", path.display())]
    SpecialFile {
        /// The output.
        path: PathBuf,
    },
    /// A contact sheet with the ending of another format.
    #[error("{}: a contact sheet is a PNG picture", path.display())]
    ContactSheetFormat {
        /// The contact sheet.
        path: PathBuf,
    },
    /// A picture, mask or depth map cannot be read.
    #[error(transparent)]
    Input(#[from] lb_video::InputError),
    /// The tree, the spacing, the guidance or the film's timing breaks a rule.
    #[error(transparent)]
    Schedule(#[from] lb_schedule::ScheduleError),
    /// The engine stopped.
    #[error(transparent)]
    Blend(lb_blend::BlendError),
    /// The sampler cannot be made from the model's noise schedule.
    #[error(transparent)]
    Sampler(#[from] lb_blend::SamplerError),
    /// The model cannot be found, loaded or run.
    #[error(transparent)]
    Model(#[from] lb_models::ModelError),
    /// The film or a picture cannot be written.
    #[error(transparent)]
    Video(#[from] lb_video::VideoError),
    /// The folder for finished work cannot be used as it was asked for.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The observer asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<lb_blend::BlendError> for RenderError {
    fn from(error: lb_blend::BlendError) -> Self {
        match error {
            lb_blend::BlendError::Interrupted => Self::Interrupted,
            other => Self::Blend(other),
        }
    }
}
