//! Settings that contradict each other or are not enough.

/// A rule between settings that is broken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A keyframe that nothing tells what it shows.
    #[error("keyframe {keyframe} has neither a prompt nor an image")]
    NoPrompt {
        /// Which one, from 1.
        keyframe: usize,
    },
    /// A quality beside the numbers that it stands for.
    #[error("a quality stands for steps and frames: give the one or the others")]
    QualityWithNumbers,
    /// Steps alone make no tree.
    #[error("steps need a number of frames, or the branches of every level")]
    StepsAlone,
    /// Frames or branches without a number of steps.
    #[error("frames or branches need a number of steps")]
    NoSteps,
    /// A number of frames beside the branches of the last level.
    #[error("the branches of the last level are the frames: give frames or branches, not both")]
    FramesWithBranches,
    /// A depth strength beside the levels' own injections.
    #[error("injections say where the levels begin: a depth strength beside them says nothing")]
    DepthStrengthWithBranches,
    /// Branches, but not where the levels begin.
    #[error("branches need injection steps or injection strengths, one for each level")]
    BranchesWithoutInjections,
    /// Where the levels begin, but not how many branches they have.
    #[error("injections need branches, one number for each level")]
    InjectionsWithoutBranches,
    /// Injections given twice.
    #[error("injections are given as steps or as strengths, not both")]
    InjectionsTwice,
    /// A mid compression that nothing asks for.
    #[error("a mid compression belongs to fixed spacing")]
    MidCompressionWithoutFixed,
    /// A picture to repaint without a mask, or a mask without a picture.
    #[error("inpainting needs an image and a mask; the {missing} is missing")]
    InpaintIncomplete {
        /// Which one is missing.
        missing: &'static str,
    },
    /// A depth table without a map.
    #[error("depth needs an image")]
    DepthWithoutImage,
    /// Settings of a second stage without its model.
    #[error("upscaling needs a model")]
    UpscaleWithoutModel,
}
