//! Arguments about the outputs, and the outputs that follow from them.

use std::path::{Path, PathBuf};

use clap::{Arg, Args};
use lb_job::arguments::{choices, quoted};
use lb_render::{
    AnimationOptions, AudioTrack, Encoder, FilmFormat, FormatOption, Outputs, WebpCompression,
};

use crate::error::CommandError;

/// The files to write, and their formats.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArguments {
    /// The film: a .mp4, .gif or .webp file, or a folder for its frames as PNG files.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace outputs that exist.
    #[arg(long)]
    pub(crate) force: bool,
    /// Leave the job out of every output: none tells which prompts and pictures it was made from.
    #[arg(long)]
    no_job: bool,
    /// PNG file for a picture of all computed frames side by side.
    #[arg(long, value_name = "FILE")]
    contact_sheet: Option<PathBuf>,
    /// Folder for the computed frames, before cross-fading.
    #[arg(long, value_name = "DIR")]
    frames_dir: Option<PathBuf>,
    /// Sound for a .mp4, cut to the film's length or followed by silence (needs ffmpeg).
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// Encoder of a .mp4.
    #[arg(
        long,
        value_name = "NAME",
        value_parser = choices::<EncoderChoice>(),
        default_value_t = EncoderChoice::OpenH264
    )]
    encoder: EncoderChoice,
    /// Quantiser of openh264, 12 to 51; lower numbers give a better picture and a larger file.
    #[arg(long, value_name = "QP")]
    quantizer: Option<u8>,
    /// Quality of ffmpeg's libx264, 0 to 51; lower numbers give a better picture and a larger file.
    #[arg(long, value_name = "CRF")]
    crf: Option<u8>,
    /// Preset of ffmpeg's libx264; slower ones make smaller files.
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Quality of a .webp, 0 to 100; higher numbers give a better picture and a larger file.
    #[arg(long, value_name = "Q", conflicts_with = "lossless")]
    webp_quality: Option<u8>,
    /// Keep every pixel of a .webp unchanged.
    #[arg(long)]
    lossless: bool,
    /// Play a .gif or .webp once instead of repeating it.
    #[arg(long)]
    play_once: bool,
    /// Save the job as a job file with every value explicit; without any other output, nothing is
    /// rendered.
    #[arg(long, value_name = "FILE")]
    pub(crate) save_job: Option<PathBuf>,
    /// Print one line of JSON at the end: files, evaluations, seconds, memory.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The default quality of ffmpeg's libx264.
const CRF: u8 = 17;
/// The default preset of ffmpeg's libx264.
const PRESET: &str = "medium";

lb_schedule::choice! {
    /// An encoder, without its options.
    #[strum(serialize_all = "lowercase")]
    enum EncoderChoice: "encoder" {
        /// Built in.
        OpenH264,
        /// The program ffmpeg with libx264, which makes smaller files.
        Ffmpeg,
    }
}

/// Adds the defaults of the outputs to the help of their arguments.
pub(crate) fn with_defaults(argument: Arg) -> Arg {
    let default = match argument.get_id().as_str() {
        "quantizer" => match Encoder::default() {
            Encoder::OpenH264 { quantizer } => quantizer.to_string(),
            _ => return argument,
        },
        "crf" => CRF.to_string(),
        "preset" => PRESET.to_owned(),
        "webp_quality" => match AnimationOptions::default().webp {
            WebpCompression::Lossy { quality } => quality.to_string(),
            _ => return argument,
        },
        _ => return argument,
    };
    quoted(argument, &default)
}

/// Checks that there is any output.
pub(crate) fn require(outputs: &Outputs) -> Result<(), CommandError> {
    if !outputs.is_empty() {
        return Ok(());
    }
    Err(CommandError::Request {
        message: "no output is named: a film, a folder for the frames, or a contact sheet".into(),
        hint: Some("add -o film.mp4, --frames-dir DIR or --contact-sheet FILE"),
    })
}

impl OutputArguments {
    pub(crate) fn outputs(&self) -> Result<Outputs, CommandError> {
        let named = [
            &self.output,
            &self.frames_dir,
            &self.contact_sheet,
            &self.save_job,
        ];
        let mut named = named.into_iter().flatten();
        if named.any(|path| path == Path::new("-")) {
            return Err(CommandError::request(
                "an output cannot be -, because films are not written to standard output; give a \
                 file name, such as ./- for a file that is called -",
            ));
        }
        Ok(Outputs {
            film: self.output.clone(),
            frames_dir: self.frames_dir.clone(),
            contact_sheet: self.contact_sheet.clone(),
            overwrite: self.force,
            without_job: self.no_job,
            encoder: self.encoder()?,
            animation: self.animation()?,
            audio: self.audio.clone().map(AudioTrack::new),
        })
    }

    fn encoder(&self) -> Result<Encoder, CommandError> {
        let misplaced = |flags: &str, encoder: EncoderChoice| {
            Err(CommandError::request(format!(
                "{flags} --encoder {encoder}"
            )))
        };
        if self.encoder == EncoderChoice::Ffmpeg {
            if self.quantizer.is_some() {
                return misplaced("--quantizer belongs to", EncoderChoice::OpenH264);
            }
            return Ok(Encoder::Ffmpeg {
                program: "ffmpeg".into(),
                crf: self.crf.unwrap_or(CRF),
                preset: self.preset.clone().unwrap_or_else(|| PRESET.into()),
            });
        }
        if self.crf.is_some() || self.preset.is_some() {
            return misplaced("--crf and --preset belong to", EncoderChoice::Ffmpeg);
        }
        Ok(match self.quantizer {
            Some(quantizer) => Encoder::OpenH264 { quantizer },
            None => Encoder::default(),
        })
    }

    fn animation(&self) -> Result<AnimationOptions, CommandError> {
        let webp = match self.webp_quality {
            Some(quality) => Some(WebpCompression::Lossy { quality }),
            None => self.lossless.then_some(WebpCompression::Lossless),
        };
        for (given, flags, option) in [
            (
                webp.is_some(),
                "--webp-quality and --lossless belong",
                FormatOption::WebpCompression,
            ),
            (self.play_once, "--play-once belongs", FormatOption::Repeats),
        ] {
            let film = self.output.as_deref();
            let format = film.and_then(|film| FilmFormat::from_path(film).ok());
            if given && !format.is_some_and(|format| format.takes(option)) {
                let message = format!("{flags} to a {} film", option.endings());
                return Err(CommandError::request(message));
            }
        }
        Ok(AnimationOptions {
            repeats: !self.play_once,
            webp: webp.unwrap_or(AnimationOptions::default().webp),
        })
    }
}
