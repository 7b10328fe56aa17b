//! Which rule a job breaks.

#![allow(missing_docs)]

use std::path::PathBuf;

use crate::{Inpaint, Job, JobFileError, PictureKeyframeError, SettingsError};

/// A broken rule of a job, or a job that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// A film has too few or too many keyframes.
    #[error(
        "a film needs 2 to {} keyframes, prompts or pictures; {found} given",
        Job::MOST_KEYFRAMES
    )]
    PromptCount { found: usize },
    /// A prompt is longer than [`Job::LONGEST_PROMPT`] bytes.
    #[error(
        "a prompt has {found} bytes; at most {} are allowed",
        Job::LONGEST_PROMPT
    )]
    PromptLength { found: usize },
    /// More seeds are given than there are prompts.
    #[error("{found} seeds are given for {keyframes} prompts; at most one seed a prompt")]
    SeedCount { found: usize, keyframes: usize },
    /// The number of transitions does not fit the number of keyframes.
    #[error("the film's keyframes are joined by {expected} transitions; {found} are given")]
    TransitionCount { found: usize, expected: usize },
    /// Two transitions, counted from 0, ask for different numbers of steps.
    #[error(
        "a film has one number of steps: transition {} has {steps}, transition {} has {other}",
        first + 1,
        second + 1
    )]
    StepsDiffer {
        first: usize,
        steps: usize,
        second: usize,
        other: usize,
    },
    /// The feather of an inpainted film is out of range, in pixels.
    #[error("a feather must be 0 to {} pixels, got {found}", Inpaint::MOST_FEATHER)]
    Feather { found: f64 },
    /// Settings contradict each other, or do not suffice to make a job.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A job file cannot be read or written.
    #[error(transparent)]
    JobFile(#[from] JobFileError),
    /// A film or a picture carries no text.
    #[error("{} carries no job", path.display())]
    NoJob { path: PathBuf },
    /// The film cannot have the pictures that it has as keyframes.
    #[error(transparent)]
    PictureKeyframe(#[from] PictureKeyframeError),
    /// The tree, the spacing, the guidance, the crossfeed or the timing breaks a rule.
    #[error(transparent)]
    Schedule(#[from] lb_schedule::ScheduleError),
    /// The file that should carry a job cannot be read.
    #[error(transparent)]
    Video(#[from] lb_video::VideoError),
}

impl JobError {
    /// Whether the request itself was wrong, so that repeating it cannot help.
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::Video(error) => error.is_request(),
            _ => true,
        }
    }
}
