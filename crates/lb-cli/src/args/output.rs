//! The arguments that say what is written where.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What is written where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArguments {
    /// The film: a .mp4, .gif or .webp file, or a folder for its frames as PNG.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace outputs that exist.
    #[arg(long)]
    pub(crate) force: bool,
    /// Picture of all computed frames side by side, as PNG.
    #[arg(long, value_name = "FILE")]
    pub(crate) contact_sheet: Option<PathBuf>,
    /// Folder for the computed frames, before cross-fading.
    #[arg(long, value_name = "DIR")]
    pub(crate) frames_dir: Option<PathBuf>,
    /// Sound for a .mp4, cut to its length or followed by silence (needs ffmpeg).
    #[arg(long, value_name = "FILE")]
    pub(crate) audio: Option<PathBuf>,
    /// What encodes a .mp4.
    #[arg(long, value_name = "NAME", value_enum, default_value_t = EncoderChoice::Openh264)]
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
    /// Quality of a .webp, 0 to 100; higher is better and larger [default: 90].
    #[arg(long, value_name = "Q", conflicts_with = "lossless")]
    pub(crate) webp_quality: Option<u8>,
    /// Keep every pixel of a .webp as it is.
    #[arg(long)]
    pub(crate) lossless: bool,
    /// Let a .gif or .webp end instead of beginning anew.
    #[arg(long)]
    pub(crate) play_once: bool,
    /// Write what is rendered into this job file, every value explicit; with no other output,
    /// only that.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_job: Option<PathBuf>,
    /// Print one line of facts as JSON at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum EncoderChoice {
    Openh264,
    Ffmpeg,
}
