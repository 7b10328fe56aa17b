//! The command line as a whole: the program's own flags and its commands.
//!
//! Each command's arguments are declared beside what the command does, in `commands`. Groups that
//! several commands take are declared beside what they become: the film in [`crate::film`], outputs in
//! [`crate::outputs`], the machine in [`crate::machine`] and the cache in [`crate::cache`]. The film's
//! settings themselves are [`lb_job::JobSettings`].

use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::completions::CompletionsArguments;
use crate::commands::doctor::DoctorArguments;
use crate::commands::import::ImportArguments;
use crate::commands::man::ManArguments;
use crate::commands::measure::MeasureArguments;
use crate::commands::models::ModelsArguments;
use crate::commands::plan::PlanArguments;
use crate::commands::render::RenderArguments;
use crate::commands::show::ShowArguments;
use crate::commands::upscale::UpscaleArguments;

/// Films in which one prompt's picture becomes another's.
#[derive(Debug, Parser)]
#[command(name = "lb", version, about, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Report more: -v what is done, -vv every detail.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// Show neither progress nor a summary.
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
    /// Render the frames of an earlier render again, at four times their size.
    Upscale(UpscaleArguments),
    /// Show what a render would do: the tree, its cost, the film.
    Plan(PlanArguments),
    /// Measure how smoothly a film or its frames move, and whether they morph or cross-fade.
    ///
    /// distance: the mean difference between neighbours, in grey levels. variation: the coefficient
    /// of variation of these differences, 0 at one apparent speed. peak: the largest difference
    /// divided by the mean. directness: the difference between the ends divided by the length of the
    /// whole way. retention: high frequencies compared with those of the keyframes, 1 for equally
    /// sharp frames (mean and least). residual: what no mix of the keyframes explains, 0 for a
    /// cross-fade (mean and most).
    Measure(MeasureArguments),
    /// Print the job that a film, a picture or a folder of frames carries.
    Show(ShowArguments),
    /// Make a published model one of yours: a diffusers directory, a .safetensors or a .ckpt file.
    ///
    /// A single file must have the key names of CompVis' code. The model becomes a folder in the
    /// first folder of LB_MODELS, else in the user's data folder (lb/models). Weights are hard-linked
    /// where the file system allows it, so that they take no further space. Only what torch has
    /// pickled (.ckpt, .bin) is converted, and none of its code is run.
    Import(ImportArguments),
    /// List the models that were found, or describe one in detail.
    Models(ModelsArguments),
    /// Report what was found (runtime, devices, encoders, models), and what to do about the rest.
    Doctor(DoctorArguments),
    /// Print completions for a shell.
    Completions(CompletionsArguments),
    /// Write man pages into a folder.
    #[command(hide = true)]
    Man(ManArguments),
}

/// The definition that clap derives, with defaults in the help texts. Every option may be given a
/// negative number, because the option itself says which numbers are allowed.
pub(crate) fn command() -> clap::Command {
    Arguments::command().mut_subcommands(|command| {
        lb_job::arguments::with_defaults(command).mut_args(|argument| {
            let takes = argument.get_action().takes_values() && !argument.is_positional();
            crate::outputs::with_defaults(argument).allow_negative_numbers(takes)
        })
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn clap_accepts_its_own_definition() {
        super::command().debug_assert();
    }
}
