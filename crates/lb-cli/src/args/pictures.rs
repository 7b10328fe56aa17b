//! The arguments of films that begin or end with a picture.

use std::path::PathBuf;

use clap::Args;

/// Pictures as the film's ends: prompts may stand between them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pictures as keyframes")]
pub(crate) struct PictureArguments {
    /// Picture that the film begins with, before the first prompt, and shows exactly. Without
    /// --size, the film has its proportions. It is cropped to the film's size unless --fit says
    /// otherwise. With --upscale, the second stage redraws it.
    #[arg(long, value_name = "PIC")]
    pub(crate) from: Option<PathBuf>,
    /// Picture that the film ends with, after the last prompt.
    #[arg(long, value_name = "PIC")]
    pub(crate) to: Option<PathBuf>,
    /// What the first picture shows: what lies near it becomes more of that [default: nothing].
    #[arg(long, value_name = "TEXT", requires = "from")]
    pub(crate) from_prompt: Option<String>,
    /// What the last picture shows [default: nothing].
    #[arg(long, value_name = "TEXT", requires = "to")]
    pub(crate) to_prompt: Option<String>,
    /// How often each step of finding a picture's noise is refined: more is closer to the picture
    /// and takes longer [default: 2].
    #[arg(long, value_name = "N")]
    pub(crate) inversion_iterations: Option<usize>,
}
