//! `lb measure` as clap reads it.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct MeasureArguments {
    /// A film, a folder of PNG frames, or several pictures in film order.
    #[arg(value_name = "FILM|DIR|FRAME", required = true)]
    pub(crate) frames: Vec<PathBuf>,
    /// Print what was measured as one line of JSON, frame by frame.
    #[arg(long)]
    pub(crate) json: bool,
    /// Plot it over film time into this SVG file.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Replace the SVG file if it exists.
    #[arg(long, requires = "svg")]
    pub(crate) force: bool,
}
