//! The arguments of `lb upscale`.

use std::path::PathBuf;

use clap::Args;

use super::{
    CacheArguments, MachineArguments, OutputArguments, SecondStageArguments, TimingArguments,
};

/// Frames of an earlier render, and what is made of them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpscaleArguments {
    /// Folder of computed frames (as --frames-dir writes them), or one with a folder `frames`.
    #[arg(value_name = "FRAMES")]
    pub(crate) frames: PathBuf,
    /// One prompt a keyframe [default: the job that the frames carry].
    #[arg(value_name = "PROMPT")]
    pub(crate) prompts: Vec<String>,
    /// x4 upscaling model: its folder, or its name.
    #[arg(long, value_name = "NAME|DIR", help_heading = "Model and machine")]
    pub(crate) model: String,
    /// The line that `lb render --json` printed, for frames that another program saved: it says
    /// where between the keyframes each frame stands [default: as the frames themselves say, else
    /// as fixed spacing places them, else evenly].
    #[arg(long, value_name = "FILE")]
    pub(crate) facts: Option<PathBuf>,
    /// What no keyframe shall show [default: nothing].
    #[arg(long, value_name = "TEXT")]
    pub(crate) negative_prompt: Option<String>,
    /// Guidance scale at the keyframes [default: 4].
    #[arg(long, value_name = "G")]
    pub(crate) guidance_scale: Option<f64>,
    /// Guidance in the middle of a transition: 1 the full scale, 0 none [default: 0.5].
    #[arg(long, value_name = "D")]
    pub(crate) guidance_damper: Option<f64>,
    #[command(flatten)]
    pub(crate) settings: SecondStageArguments,
    #[command(flatten)]
    pub(crate) timing: TimingArguments,
    #[command(flatten)]
    pub(crate) machine: MachineArguments,
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

const EXAMPLES: &str = "Examples:
  lb render \"a red apple\" \"a green pear\" --frames-dir low
  lb upscale low --model x4-upscaler -o film.mp4";
