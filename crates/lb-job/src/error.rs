//! The errors of jobs and settings.

#![allow(missing_docs)] // Messages and names of fields say what most variants are.

use std::path::{Path, PathBuf};

use lb_blend::{InversionOptions, SamplerKind};
use lb_schedule::MAX_BRANCHES;

use crate::limits::{LONGEST_PROMPT, MOST_FEATHER, MOST_KEYFRAMES, MOST_SCALE};
use crate::{JobFileError, KeyframeLora, SettingsError};

/// A rule that a job breaks, or why a job cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    #[error("a film needs 2 to {MOST_KEYFRAMES} keyframes, prompts or pictures; {found} given")]
    PromptCount { found: usize },
    #[error("a prompt has {found} bytes; at most {LONGEST_PROMPT} are allowed")]
    PromptLength { found: usize },
    /// A prompt has marks that are not supported, or weights out of range.
    #[error(transparent)]
    Prompt(#[from] lb_prompt::PromptError),
    #[error("{found} seeds are given for {keyframes} prompts; each prompt takes one")]
    SeedCount { found: usize, keyframes: usize },
    #[error("the film's keyframes are joined by {expected} transitions; {found} are given")]
    TransitionCount { found: usize, expected: usize },
    #[error("a still cannot be upscaled: upscaling renders the transitions of a film again")]
    StillsUpscaled,
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
    #[error("pictures of a transition must be 2 to {MAX_BRANCHES}, got {found}")]
    Pictures { found: usize },
    /// A time for a render, in seconds.
    #[error("the time for a film must be above 0 seconds, got {found}")]
    Within { found: f64 },
    #[error(
        "--within chooses steps, computed frames and pictures of transitions, and a picture of its own \
         has none; give its --steps"
    )]
    StillsWithin,
    #[error(
        "the clip skip is 1 for the text encoder's last layer, and 2 for the one before it; got 0"
    )]
    ClipSkip,
    /// A quantity of the camera is given twice. The keyframe is counted from 0.
    #[error(
        "{quantity} is given for the whole film and at keyframe {}; give one of them",
        keyframe + 1
    )]
    CameraTwice {
        quantity: &'static str,
        keyframe: usize,
    },
    #[error("the scale must be 1 to {MOST_SCALE}, got {found}")]
    Scale { found: usize },
    /// The feather of an inpainted film is out of range, in pixels.
    #[error("a feather must be 0 to {MOST_FEATHER} pixels wide, got {found}")]
    Feather { found: f64 },
    #[error(
        "a picture's inversion takes 0 to {} iterations a step, got {found}",
        InversionOptions::MOST_ITERATIONS
    )]
    InversionIterations { found: usize },
    #[error(
        "a picture as a keyframe needs a sampler that can be inverted, such as ddim; the sampler is {sampler}"
    )]
    SamplerNotInvertible { sampler: SamplerKind },
    /// A keyframe, counted from 0, is a picture that crossfeed would change.
    #[error(
        "keyframe {} is a picture, and crossfeed of power {power} draws each keyframe towards the \
         one before it: it would no longer be the picture",
        keyframe + 1
    )]
    PictureCrossfed { keyframe: usize, power: f64 },
    #[error(
        "the strength of a LoRA must be -{} to {}, got {found}",
        KeyframeLora::MOST_STRENGTH,
        KeyframeLora::MOST_STRENGTH
    )]
    LoraStrength { found: f64 },
    /// A keyframe, counted from 0, names the same LoRA twice.
    #[error("keyframe {} names the LoRA {} twice", keyframe + 1, path.display())]
    LoraTwice { keyframe: usize, path: PathBuf },
    /// The name is empty, or would be taken for a part of the path.
    #[error("{}: an embedding cannot have the name {name:?}", path.display())]
    EmbeddingName { path: PathBuf, name: String },
    #[error("two embeddings have the name {name:?}; give one of them another, as in FILE=NAME")]
    EmbeddingTwice { name: String },
    #[error("the strength of a variation is from 0 to 1; got {found}")]
    VariationStrength { found: f64 },
    /// The settings contradict each other, or something is missing.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A job file cannot be read or written.
    #[error(transparent)]
    JobFile(#[from] JobFileError),
    /// A picture is not where the job names it, and it was not found by its content either.
    #[error(
        "{} {}, and no picture in {} has its content: copy it there",
        path.display(),
        if *is_other { "is another picture than the one that the film was made from" } else { "is missing" },
        listed(folders)
    )]
    PictureMissing {
        path: PathBuf,
        /// Whether there is another picture under this name.
        is_other: bool,
        /// The folders in which it was looked for.
        folders: Vec<PathBuf>,
    },
    /// A job names files that are not in its own folder, and the user has not confirmed that it may.
    #[error(
        "{} names {}, outside of its own folder; that is used only if you confirm it",
        origin.display(),
        joined(paths)
    )]
    PathsOutside {
        /// The job file, film or picture.
        origin: PathBuf,
        paths: Vec<PathBuf>,
    },
    #[error("{} carries no job", path.display())]
    NoJob { path: PathBuf },
    /// A folder that should be a film has no pictures that are read, but perhaps others.
    #[error(
        "the folder {} has no PNG, JPEG or WebP pictures{}",
        folder.display(),
        other_formats(unread)
    )]
    NoPictures {
        folder: PathBuf,
        unread: Vec<PathBuf>,
    },
    /// The tree, the spacing, the guidance, the crossfeed or the timing breaks a rule.
    #[error(transparent)]
    Schedule(#[from] lb_schedule::ScheduleError),
    /// The file that should carry a job cannot be read.
    #[error(transparent)]
    Video(#[from] lb_video::VideoError),
}

/// Paths in words.
fn joined(paths: &[PathBuf]) -> String {
    let names = paths.iter().map(|path| path.display().to_string());
    names.collect::<Vec<_>>().join(" and ")
}

/// Folders in words.
fn listed(folders: &[PathBuf]) -> String {
    let names = folders.iter().map(|folder| match folder.as_path() {
        here if here == Path::new(".") => "the current folder".into(),
        other => other
            .strip_prefix(".")
            .unwrap_or(other)
            .display()
            .to_string(),
    });
    names.collect::<Vec<_>>().join(" or ")
}

/// The end of a sentence about pictures in formats that are not read.
fn other_formats(unread: &[PathBuf]) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().display().to_string();
    match unread {
        [] => String::new(),
        [only] => format!(", and {} is of another format", name(only)),
        [first, rest @ ..] => format!(
            ", and {} and {} more are of other formats",
            name(first),
            rest.len()
        ),
    }
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
