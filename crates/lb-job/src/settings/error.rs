//! Why settings cannot become a job.

#![allow(missing_docs)] // The messages say what the variants and their fields are.

use crate::Sync;

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
    #[error("the film should follow the {sync} of its sound, but there is no sound")]
    NoSound { sync: Sync },
    /// The list of a keyframe is no [`Pace`](crate::Pace).
    #[error("{0}")]
    Pace(String),
    #[error("inpainting needs an image and a mask; the {missing} is missing")]
    InpaintIncomplete { missing: &'static str },
    #[error("a variation needs `variation_seed` and `variation_strength`; `{missing}` is missing")]
    VariationIncomplete { missing: &'static str },
    /// The table `[depth]` of a job file names no map.
    #[error("depth needs an image")]
    DepthWithoutImage,
    #[error("upscaling needs a model")]
    UpscaleWithoutModel,
}
