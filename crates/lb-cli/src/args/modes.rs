//! The arguments of models that see more than prompts, and of the second stage.

use std::path::PathBuf;

use clap::Args;
use lb_render::Fit;

use super::timing::names;

/// What the model sees beside the prompts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Inpainting and depth")]
pub(crate) struct ModeArguments {
    /// Picture of which a part is repainted; needs --mask and an inpainting model.
    #[arg(long, value_name = "PIC")]
    pub(crate) image: Option<PathBuf>,
    /// What of the picture is repainted: black is kept, white is repainted.
    #[arg(long, value_name = "PIC")]
    pub(crate) mask: Option<PathBuf>,
    /// Pixels over which kept and repainted are mixed, on the repainted side [default: 4].
    #[arg(long, value_name = "PIXELS")]
    pub(crate) feather: Option<f64>,
    /// How pictures of another size than the film's are fitted: crop fills the film's picture and
    /// cuts off what is over, pad shows the whole picture, stretch ignores its proportions
    /// [default: keyframes are cropped, others refused].
    #[arg(long, value_name = "NAME", value_parser = names(&Fit::ALL.map(Fit::name)))]
    pub(crate) fit: Option<String>,
    /// Map of what is near (bright) and far (dark); needs a depth model.
    #[arg(long, value_name = "PIC")]
    pub(crate) depth: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) upscale: UpscaleArguments,
}

/// The second stage: every computed frame enlarged, and transitions between neighbours.
#[derive(Debug, Args)]
#[command(next_help_heading = "Upscaling")]
pub(crate) struct UpscaleArguments {
    /// x4 upscaling model that computes the film again at four times the width and height.
    #[arg(long = "upscale", value_name = "NAME|DIR")]
    pub(crate) upscale_model: Option<String>,
    #[command(flatten)]
    pub(crate) settings: SecondStageArguments,
}

/// How the second stage is computed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Upscaling")]
pub(crate) struct SecondStageArguments {
    /// Inference steps of the second stage [default: 50].
    #[arg(long, value_name = "N")]
    pub(crate) upscale_steps: Option<usize>,
    /// Computed frames from one frame of the first stage to the next, both included [default: 4].
    #[arg(long, value_name = "N")]
    pub(crate) upscale_frames: Option<usize>,
    /// Where blending begins in the second stage, 0 to 1 [default: 0.65].
    #[arg(long, value_name = "D")]
    pub(crate) upscale_depth_strength: Option<f64>,
    /// Noise on the frames of the first stage: more lets the model invent more [default: 20].
    #[arg(long, value_name = "N")]
    pub(crate) upscale_noise_level: Option<usize>,
    /// Seed of the second stage's noise, the same for all its frames [default: 420].
    #[arg(long, value_name = "N")]
    pub(crate) upscale_seed: Option<u64>,
}
