//! The arguments that say what a film shows.

use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::{
    BranchingArguments, CrossfeedArguments, ModeArguments, ModelArguments, PictureArguments,
    TimingArguments,
};

/// What the film shows. Beside a job file, what is given here holds for the whole film.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keyframes")]
pub(crate) struct ContentArguments {
    /// One prompt a keyframe, two or more together with the pictures of --from and --to; or one job
    /// file (.toml); or a film or picture that lb made, to do again what made it.
    #[arg(value_name = "PROMPT|JOB", help_heading = None::<&'static str>)]
    pub(crate) prompts: Vec<String>,
    /// What no keyframe shall show [default: nothing].
    #[arg(long, value_name = "TEXT")]
    pub(crate) negative_prompt: Option<String>,
    /// Seeds, one a prompt; missing ones count on from the last [default: 0,1,2,…].
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = trimmed::<u64>)]
    pub(crate) seed: Vec<u64>,
    /// Width and height in pixels, multiples of 64 [default: the model's own].
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub(crate) size: Option<(usize, usize)>,
    /// Guidance scale at the prompts' keyframes [default: 4].
    #[arg(long, value_name = "G")]
    pub(crate) guidance_scale: Option<f64>,
    /// What is left of the guidance scale in the middle of a transition: 1 all, 0 none
    /// [default: 0.5].
    #[arg(long, value_name = "D")]
    pub(crate) guidance_damper: Option<f64>,
    /// How latents are denoised: dpmpp-2m (DPM-Solver++, second order) needs fewer steps
    /// [default: ddim].
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) sampler: Option<SamplerChoice>,
    #[command(flatten)]
    pub(crate) branching: BranchingArguments,
    #[command(flatten)]
    pub(crate) timing: TimingArguments,
    #[command(flatten)]
    pub(crate) pictures: PictureArguments,
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) modes: ModeArguments,
    #[command(flatten)]
    pub(crate) crossfeed: CrossfeedArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum SamplerChoice {
    Ddim,
    #[value(name = "dpmpp-2m")]
    DpmSolver,
}

/// A number of a list, with space around it or without.
pub(super) fn trimmed<N: FromStr>(text: &str) -> Result<N, N::Err> {
    text.trim().parse()
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

    #[test]
    fn sizes_are_width_then_height() {
        assert_eq!(parse_size("512x768"), Ok((512, 768)));
        assert!(parse_size("512").is_err());
        assert!(parse_size("-1x2").is_err());
    }
}
