//! The errors of jobs and settings.

#![allow(missing_docs)] // Messages and names of fields say what most variants are.

use std::path::{Path, PathBuf};

use lb_blend::{InversionOptions, SamplerKind};

use crate::{Inpaint, Job, JobFileError};

/// A rule that a job breaks, or why a job cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    #[error(
        "a film needs 2 to {} keyframes, prompts or pictures; {found} given",
        Job::MOST_KEYFRAMES
    )]
    PromptCount { found: usize },
    #[error(
        "a prompt has {found} bytes; at most {} are allowed",
        Job::LONGEST_PROMPT
    )]
    PromptLength { found: usize },
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
    #[error("the scale must be 1 to {}, got {found}", Job::MOST_SCALE)]
    Scale { found: usize },
    /// The feather of an inpainted film is out of range, in pixels.
    #[error(
        "a feather must be 0 to {} pixels wide, got {found}",
        Inpaint::MOST_FEATHER
    )]
    Feather { found: f64 },
    #[error(
        "a picture's inversion takes 0 to {} iterations a step, got {found}",
        InversionOptions::MOST_ITERATIONS
    )]
    InversionIterations { found: usize },
    #[error(
        "a picture as a keyframe needs the sampler ddim, which can be inverted; the sampler is {sampler}"
    )]
    SamplerNotInvertible { sampler: SamplerKind },
    /// A keyframe, counted from 0, is a picture that crossfeed would change.
    #[error(
        "keyframe {} is a picture, and crossfeed of power {power} draws each keyframe towards the \
         one before it: it would no longer be the picture",
        keyframe + 1
    )]
    PictureCrossfed { keyframe: usize, power: f64 },
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
    #[error("{} carries no job", path.display())]
    NoJob { path: PathBuf },
    /// The tree, the spacing, the guidance, the crossfeed or the timing breaks a rule.
    #[error(transparent)]
    Schedule(#[from] lb_schedule::ScheduleError),
    /// The file that should carry a job cannot be read.
    #[error(transparent)]
    Video(#[from] lb_video::VideoError),
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

/// Settings contradict each other, or something is missing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A keyframe, counted from 1, shows nothing.
    #[error("keyframe {keyframe} has neither a prompt nor an image")]
    NoPrompt { keyframe: usize },
    #[error("stills have one number of steps; {first} and {other} are given")]
    StillSteps { first: usize, other: usize },
    #[error("the branches of the last level become the frames: give frames or branches, not both")]
    FramesWithBranches,
    #[error("injections say where the levels begin: give them or a depth strength, not both")]
    DepthStrengthWithBranches,
    #[error(
        "a branching rule sets up the levels: give it or the branches of every level, not both"
    )]
    RuleWithBranches,
    #[error("branches need injection steps or injection strengths, one for each level")]
    BranchesWithoutInjections,
    #[error("injections need branches, one number for each level")]
    InjectionsWithoutBranches,
    #[error("injections are given both as steps and as strengths; give one of them")]
    InjectionsTwice,
    #[error("a mid compression has an effect only with fixed spacing")]
    MidCompressionWithoutFixed,
    #[error("the film should be as long as its sound, but there is no sound")]
    NoTrack,
    #[error("inpainting needs an image and a mask; the {missing} is missing")]
    InpaintIncomplete { missing: &'static str },
    /// The table `[depth]` of a job file names no map.
    #[error("depth needs an image")]
    DepthWithoutImage,
    #[error("upscaling needs a model")]
    UpscaleWithoutModel,
}
