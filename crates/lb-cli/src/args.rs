//! The command line as clap reads it: data only, nothing resolved.

mod models;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use models::{ImportArguments, ModelsArguments, PredictionChoice};

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
    /// Render a film from two or more prompts.
    Render(RenderArguments),
    /// Show what a render would do: the tree, its cost, the film.
    Plan(PlanArguments),
    /// Make a published model one of yours: a diffusers directory, a .safetensors or a .ckpt file.
    ///
    /// A single file has the names of CompVis' code; of a .ckpt nothing is executed. The model
    /// becomes a folder in the first folder of LB_MODELS, else in the user's data folder
    /// (lb/models). Weights are hard-linked where the file system can, so they take no further
    /// space; only a .ckpt is converted.
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
pub(crate) struct RenderArguments {
    #[command(flatten)]
    pub(crate) content: ContentArguments,
    #[command(flatten)]
    pub(crate) machine: MachineArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) content: ContentArguments,
    /// Draw the tree into this SVG file: steps downwards, fractions across.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Replace the SVG file if it exists.
    #[arg(long, requires = "svg")]
    pub(crate) force: bool,
    /// Print the plan as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// Print the findings as one line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the film shows.
#[derive(Debug, Args)]
pub(crate) struct ContentArguments {
    /// One prompt a keyframe, two or more.
    #[arg(value_name = "PROMPT")]
    pub(crate) prompts: Vec<String>,
    /// What no keyframe shall show.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) negative_prompt: String,
    /// Seeds, one a keyframe; missing ones count on from the last [default: 0,1,2,…].
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub(crate) seed: Vec<u64>,
    /// Width and height in pixels, multiples of 64 [default: the model's own].
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub(crate) size: Option<(usize, usize)>,
    /// Guidance scale at the keyframes.
    #[arg(long, value_name = "G", default_value_t = 4.0)]
    pub(crate) guidance_scale: f64,
    /// Guidance in the middle of a transition: 1 the full scale, 0 none.
    #[arg(long, value_name = "D", default_value_t = 0.5)]
    pub(crate) guidance_damper: f64,
    /// How latents are denoised: dpmpp-2m (DPM-Solver++, second order) needs fewer steps.
    #[arg(long, value_enum, default_value_t = SamplerChoice::Ddim)]
    pub(crate) sampler: SamplerChoice,
    #[command(flatten)]
    pub(crate) branching: BranchingArguments,
    /// Seconds a transition.
    #[arg(long, value_name = "S", default_value_t = 3.0)]
    pub(crate) seconds: f64,
    /// Film frames a second.
    #[arg(long, value_name = "F", default_value_t = 30.0)]
    pub(crate) fps: f64,
}

/// The branching tree: by quality, by steps and frames, or by hand.
#[derive(Debug, Args)]
#[command(next_help_heading = "Branching")]
pub(crate) struct BranchingArguments {
    /// Preset of steps and computed frames [default: medium].
    #[arg(long, value_name = "NAME", conflicts_with_all = ["steps", "frames", "branches"])]
    pub(crate) quality: Option<String>,
    /// Where blending begins, 0 to 1: low invents and moves more, high cross-fades
    /// [default: 0.4].
    #[arg(long, value_name = "D", conflicts_with = "branches")]
    pub(crate) depth_strength: Option<f64>,
    /// Inference steps, with --frames or --branches.
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<usize>,
    /// Computed frames of a transition, with --steps.
    #[arg(
        long,
        value_name = "N",
        requires = "steps",
        conflicts_with = "branches"
    )]
    pub(crate) frames: Option<usize>,
    /// Branches of every level, with --steps and one of --injection-steps, --injection-strengths.
    #[arg(long, value_name = "2,4,…", value_delimiter = ',', requires = "steps")]
    pub(crate) branches: Vec<usize>,
    /// Step at which each level begins.
    #[arg(
        long,
        value_name = "0,3,…",
        value_delimiter = ',',
        requires = "branches",
        conflicts_with = "injection_strengths"
    )]
    pub(crate) injection_steps: Vec<usize>,
    /// Where each level begins, as a share of the steps.
    #[arg(
        long,
        value_name = "0,0.3,…",
        value_delimiter = ',',
        requires = "branches"
    )]
    pub(crate) injection_strengths: Vec<f64>,
    /// How a level's fractions are chosen.
    #[arg(long, value_enum, default_value_t = SpacingChoice::Perceptual)]
    pub(crate) spacing: SpacingChoice,
    /// What perceptual spacing measures: latents cost nothing, pictures one decode a branch and
    /// level, and space more evenly.
    #[arg(long, value_enum, default_value_t = DistanceChoice::Latents)]
    pub(crate) spacing_distance: DistanceChoice,
    /// Fixed spacing's density in the middle: 1 even, 2 dense [default: 1.2].
    #[arg(long, value_name = "S")]
    pub(crate) mid_compression: Option<f64>,
}

/// What it runs on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model and machine")]
pub(crate) struct MachineArguments {
    /// Model directory, or the name of one [default: $LB_MODEL, else pocket].
    #[arg(long, value_name = "NAME|DIR")]
    pub(crate) model: Option<String>,
    /// auto, cpu, cuda or tensorrt.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub(crate) device: String,
    /// What models compute in: auto is fp16 on a GPU and fp32 on a CPU.
    #[arg(long, value_enum, default_value_t = PrecisionChoice::Auto)]
    pub(crate) precision: PrecisionChoice,
    /// Threads of the model sessions [default: all cores].
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Most rows of one model call [default: by picture size].
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<usize>,
}

/// What is written where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArguments {
    /// The film: a .mp4 file, or a folder for its frames as PNG.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Folder for the computed frames, before cross-fading.
    #[arg(long, value_name = "DIR")]
    pub(crate) frames_dir: Option<PathBuf>,
    /// Picture of all computed frames side by side.
    #[arg(long, value_name = "FILE")]
    pub(crate) contact_sheet: Option<PathBuf>,
    /// Replace outputs that exist.
    #[arg(long)]
    pub(crate) force: bool,
    /// What encodes a .mp4.
    #[arg(long, value_enum, default_value_t = EncoderChoice::Openh264)]
    pub(crate) encoder: EncoderChoice,
    /// Quantiser of openh264, 12 to 51; lower is better and larger [default: 18].
    #[arg(long, value_name = "QP")]
    pub(crate) quantizer: Option<u8>,
    /// Quality of ffmpeg's libx264, 0 to 51; lower is better and larger [default: 17].
    #[arg(long, value_name = "CRF")]
    pub(crate) crf: Option<u8>,
    /// Preset of ffmpeg's libx264 [default: medium].
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// Print one line of facts as JSON at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum SamplerChoice {
    Ddim,
    #[value(name = "dpmpp-2m")]
    DpmSolver,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum SpacingChoice {
    Perceptual,
    Fixed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum DistanceChoice {
    Latents,
    Pictures,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum PrecisionChoice {
    Auto,
    Fp32,
    Fp16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum EncoderChoice {
    Openh264,
    Ffmpeg,
}

fn parse_size(text: &str) -> Result<(usize, usize), String> {
    let number = |part: &str| part.trim().parse::<usize>().ok();
    text.split_once(['x', 'X', '×'])
        .and_then(|(width, height)| Some((number(width)?, number(height)?)))
        .ok_or_else(|| "give width and height in pixels, as in 512x768".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn clap_accepts_its_own_definition() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_are_width_then_height() {
        assert_eq!(parse_size("512x768"), Ok((512, 768)));
        assert!(parse_size("512").is_err());
        assert!(parse_size("-1x2").is_err());
    }
}
