//! The arguments that say which model runs, and on what.

use clap::{Args, ValueEnum};

/// Which model draws.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model and machine")]
pub(crate) struct ModelArguments {
    /// Model directory, or the name of one [default: $LB_MODEL, else pocket].
    #[arg(long, value_name = "NAME|DIR")]
    pub(crate) model: Option<String>,
}

/// What it runs on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model and machine")]
pub(crate) struct MachineArguments {
    /// What models run on: auto (an NVIDIA GPU where one works, else the CPU), cpu, cuda or
    /// tensorrt.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: String,
    /// What models compute in: auto is fp16 on a GPU and fp32 on a CPU.
    #[arg(long, value_name = "NAME", value_enum, default_value_t = PrecisionChoice::Auto)]
    pub(crate) precision: PrecisionChoice,
    /// Record the UNet's kernels once for every size of batch and replay them (with cuda): faster
    /// where pictures are small. Replays are checked before they are trusted.
    #[arg(long)]
    pub(crate) cuda_graphs: bool,
    /// Threads of the model sessions [default: all cores].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Most rows of one model call [default: by picture size].
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum PrecisionChoice {
    Auto,
    Fp32,
    Fp16,
}
