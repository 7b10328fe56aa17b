//! The command line as clap reads it: data only, nothing resolved.

mod branching;
mod cache;
mod content;
mod crossfeed;
mod machine;
mod measure;
mod models;
mod modes;
mod output;
mod pictures;
mod timing;
mod upscale;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use branching::{BranchingArguments, DistanceChoice, SpacingKind};
pub(crate) use cache::{CacheArguments, parse_bytes};
pub(crate) use content::{ContentArguments, SamplerChoice};
pub(crate) use crossfeed::CrossfeedArguments;
pub(crate) use machine::{MachineArguments, ModelArguments, PrecisionChoice};
pub(crate) use measure::MeasureArguments;
pub(crate) use models::{ImportArguments, ModelsArguments, PredictionChoice};
pub(crate) use modes::{ModeArguments, SecondStageArguments};
pub(crate) use output::{EncoderChoice, OutputArguments};
pub(crate) use pictures::PictureArguments;
pub(crate) use timing::TimingArguments;
pub(crate) use upscale::UpscaleArguments;

/// Films in which one prompt's picture becomes another's.
#[derive(Debug, Parser)]
#[command(name = "lb", version, about, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Say more: -v what is done, -vv every detail.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// Show no progress and no summary.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 the work failed; 2 the request was wrong; \
                          130 interrupted.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Render a film: from two or more prompts, from a job file, or once more from a film.
    Render(RenderArguments),
    /// Render frames of an earlier render again, at four times their size.
    Upscale(UpscaleArguments),
    /// Show what a render would do: the tree, its cost, the film.
    Plan(PlanArguments),
    /// Measure how smoothly a film or its frames move, and whether they morph or cross-fade.
    ///
    /// distance: mean between neighbours, in grey levels; variation: its coefficient of variation,
    /// 0 at one apparent speed; peak: largest over mean; directness: distance of the ends over the
    /// whole way; retention: high frequencies beside those of the keyframes, 1 as sharp (mean and
    /// least); residual: what no mix of the keyframes explains, 0 a cross-fade (mean and most).
    Measure(MeasureArguments),
    /// Print the job that a film, a picture or a folder of frames carries.
    Show(ShowArguments),
    /// Make a published model one of yours: a diffusers directory, a .safetensors or a .ckpt file.
    ///
    /// A single file has the names of CompVis' code. The model becomes a folder in the first folder
    /// of LB_MODELS, else in the user's data folder (lb/models). Weights are hard-linked where the
    /// file system can, so they take no further space; only what torch has pickled (.ckpt, .bin) is
    /// converted, and nothing of it is executed.
    Import(ImportArguments),
    /// List the models that are there, or tell everything about one.
    Models(ModelsArguments),
    /// Tell what was found (runtime, providers, encoders, models) and what to do about the rest.
    Doctor(DoctorArguments),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
#[command(after_help = RENDER_EXAMPLES)]
pub(crate) struct RenderArguments {
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    #[command(flatten)]
    pub(crate) content: ContentArguments,
    #[command(flatten)]
    pub(crate) machine: MachineArguments,
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
}

const RENDER_EXAMPLES: &str = "Examples:
  lb render \"a red apple\" \"a green pear\" -o film.mp4
  lb render \"a sunflower\" \"a red rose\" \"a tulip\" --loop --depth-strength 0.2 -o film.gif
  lb render film.toml -o draft.mp4 --quality lowest";

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) content: ContentArguments,
    #[command(flatten)]
    pub(crate) machine: MachineArguments,
    /// Draw the tree into this SVG file: steps downwards, fractions across.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Replace the SVG file if it exists.
    #[arg(long, requires = "svg")]
    pub(crate) force: bool,
    /// Load the model and time it, rather than go by earlier renders.
    #[arg(long)]
    pub(crate) measure: bool,
    /// Print the plan as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// A film, a picture, or a folder of frames that lb made.
    #[arg(value_name = "FILE|DIR")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// Print the findings as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn clap_accepts_its_own_definition() {
        Arguments::command().debug_assert();
    }
}
