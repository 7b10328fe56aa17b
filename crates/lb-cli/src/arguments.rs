//! The command line as a whole: the program's own flags and its commands.
//!
//! Each command declares its own arguments in `commands`. Groups that several commands share are
//! declared in the module that uses them: [`crate::film`], [`crate::outputs`], [`crate::machine`] and
//! [`crate::cache`]. The settings of the film are [`lb_job::JobSettings`].

use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{
    cache, completions, doctor, import, man, measure, models, plan, pull, render, seeds, show,
    studio, upscale,
};

/// Films in which one prompt's picture becomes another's.
#[derive(Debug, Parser)]
#[command(name = "lb", version, about, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print more: -v reports each step of the work, -vv every detail.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// Show neither progress nor a summary.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples:
  lb render \"a red apple\" \"a green pear\" -o film.mp4
  lb plan \"a red apple\" \"a green pear\" --quality high
  lb measure film.mp4

Exit codes: 0 success; 1 the work failed; 2 the request was wrong; 3 a film does not meet a \
requirement of `lb measure`; 130 interrupted.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Render a film from prompts, a job file or an earlier film, or a picture from one prompt.
    Render(render::RenderArguments),
    /// Show what prompts become with different seeds, as a labelled sheet.
    ///
    /// The pictures are the keyframes that lb render makes of the same prompts, seeds, steps and
    /// settings. Choose the best of them, and give their seeds to lb render --seed.
    Seeds(seeds::SeedsArguments),
    /// Open the page on which films are made, in a browser on this machine.
    ///
    /// The page keeps projects, shows what is computed while it is computed, and loses nothing if it is
    /// closed. Unless --address or --demo is given, only this machine reaches the page, and only a browser
    /// that has opened the printed address, which works once.
    Studio(studio::StudioArguments),
    /// Render the frames of an earlier film again, at four times their width and height.
    Upscale(upscale::UpscaleArguments),
    /// Show what a render would do: its trees, its cost and the length of the film.
    Plan(plan::PlanArguments),
    /// Measure how smoothly a film moves, and whether it morphs or cross-fades; or compare two films.
    ///
    /// A verdict in words comes first, then the numbers. distance: the mean difference between neighbouring
    /// frames, in grey levels. variation: the coefficient of variation of these differences, 0 at one
    /// apparent speed. peak: the largest difference divided by the mean. directness: the difference between
    /// the ends divided by the sum of all differences. retention: high frequencies compared with those
    /// of the keyframes, 1 for equally sharp frames. residual: the part of a frame that no mix of the
    /// keyframes explains, 0 for a cross-fade. background drift: how far the brightness of what both
    /// keyframes have in common strays, in grey levels. background spread: its contrast compared with the
    /// keyframes, 1 for as much.
    Measure(measure::MeasureArguments),
    /// Print the job that a film, a picture or a folder of frames carries.
    Show(show::ShowArguments),
    /// Import a published model: a diffusers directory, a .safetensors file or a .ckpt file.
    ///
    /// A single file must use the key names of CompVis' code. The model becomes a folder in the first
    /// folder of LB_MODELS or, if that is not set, in the user's data folder (lb/models). Weights are
    /// hard-linked if the file system allows it, so that they take no further space. Only pickled
    /// weights (.ckpt, .bin) are converted, and no code in them is run.
    Import(import::ImportArguments),
    /// Download a model from Hugging Face, or from another hub that HF_ENDPOINT names.
    ///
    /// Only the files that lb needs are downloaded, into the cache that Python's libraries use too (HF_HOME).
    /// Every file is checked by its hash, and a download that was interrupted goes on where it ended. Repositories that
    /// ask for it get the token of HF_TOKEN or of `hf auth login`. --model takes the model by the name that is
    /// given here.
    Pull(pull::PullArguments),
    /// List the models on this machine, or describe one in detail, with the words that it was trained on
    /// if these are known.
    Models(models::ModelsArguments),
    /// Show how much is in the cache of results, check that it is whole, or empty it.
    ///
    /// Every picture and every intermediate result is kept there, so that what is repeated is not computed
    /// again. The cache can be emptied at any time, and nothing but time is lost.
    Cache(cache::CacheCommandArguments),
    /// Check the runtime, devices, encoders and models of this machine, and advise on what is missing.
    Doctor(doctor::DoctorArguments),
    /// Print a script with which a shell completes the arguments of lb.
    Completions(completions::CompletionsArguments),
    /// Write man pages into a folder.
    #[command(hide = true)]
    Man(man::ManArguments),
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
