//! Arguments of the commands about models themselves.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// A published model, and what its files leave open.
#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(crate) struct ImportArguments {
    /// The file or folder.
    #[arg(value_name = "SOURCE")]
    pub(crate) source: PathBuf,
    /// What the model is called from now on [default: as the source].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// What the UNet predicts [default: as the source's configuration, its kind or its file name
    /// tells, else v_prediction].
    #[arg(long, value_enum, value_name = "TYPE")]
    pub(crate) prediction: Option<PredictionChoice>,
    /// Diffusers directory whose configurations and tokenizer are used, where they differ from
    /// those of Stable Diffusion 1 and 2.
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
    /// Write ONNX graphs too, for other programs (lb needs none).
    #[arg(long)]
    pub(crate) onnx: bool,
    /// Replace the model of this name.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what was found as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

const IMPORT_EXAMPLES: &str = "Examples:
  lb import v2-1_768-ema-pruned.ckpt --name sd21
  lb import ~/stable-diffusion-2-inpainting
  lb render \"a red apple\" \"a green pear\" --model sd21 -o film.mp4";

/// Which models.
#[derive(Debug, Args)]
pub(crate) struct ModelsArguments {
    /// One model in detail: its name, or a model directory [default: list all].
    #[arg(value_name = "NAME|DIR")]
    pub(crate) name: Option<String>,
    /// Print what was found as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// As diffusers calls them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum PredictionChoice {
    /// The noise.
    #[value(name = "epsilon")]
    Epsilon,
    /// The velocity, as Stable Diffusion 2.1 at 768 pixels does.
    #[value(name = "v_prediction")]
    VPrediction,
}
