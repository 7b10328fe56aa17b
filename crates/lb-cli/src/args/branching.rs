//! The arguments that shape the tree.

use clap::{Args, ValueEnum};

use super::content::trimmed;

/// The branching tree: by quality, by steps and frames, or by hand.
#[derive(Debug, Args)]
#[command(next_help_heading = "Branching")]
pub(crate) struct BranchingArguments {
    /// Preset of steps and computed frames: lowest (12 and 5), low (15, 6), medium (30, 12), high
    /// (60, 25) or ultra (100, 50) [default: medium].
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
    #[arg(
        long,
        value_name = "2,4,…",
        value_delimiter = ',',
        value_parser = trimmed::<usize>,
        requires = "steps"
    )]
    pub(crate) branches: Vec<usize>,
    /// Step at which each level begins.
    #[arg(
        long,
        value_name = "0,3,…",
        value_delimiter = ',',
        value_parser = trimmed::<usize>,
        requires = "branches",
        conflicts_with = "injection_strengths"
    )]
    pub(crate) injection_steps: Vec<usize>,
    /// Where each level begins, as a share of the steps.
    #[arg(
        long,
        value_name = "0,0.3,…",
        value_delimiter = ',',
        value_parser = trimmed::<f64>,
        requires = "branches"
    )]
    pub(crate) injection_strengths: Vec<f64>,
    /// How a level's fractions are chosen [default: perceptual].
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) spacing: Option<SpacingKind>,
    /// What perceptual spacing measures: latents cost nothing, pictures one decode a computed frame,
    /// and space more evenly [default: latents].
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) spacing_distance: Option<DistanceChoice>,
    /// Fixed spacing's density in the middle: 1 even, 2 dense [default: 1.2].
    #[arg(long, value_name = "S")]
    pub(crate) mid_compression: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum SpacingKind {
    Perceptual,
    Fixed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum DistanceChoice {
    Latents,
    Pictures,
}
