//! Arguments about the outputs, and the outputs that follow from them.

use std::path::{Path, PathBuf};

use clap::{Arg, Args};
use lb_job::arguments::{choices, quoted};
use lb_job::{Job, Quality};
use lb_render::{
    AnimationOptions, AudioTrack, Encoder, FilmFormat, FormatOption, Outputs, WebpCompression,
};

use crate::error::CommandError;

/// The files to write, and their formats.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArguments {
    /// The film: a .mp4, .gif or .webp file, or a folder for its frames as PNG files; or, for a
    /// single prompt, a .png file.
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
    ///
    /// --film-seconds track makes the film as long as the sound, and --sync beats puts its keyframes on the
    /// beats.
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// Encoder of a .mp4.
    #[arg(long, value_name = "NAME", value_parser = choices::<EncoderChoice>())]
    encoder: Option<EncoderChoice>,
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
    #[derive(Default)]
    #[strum(serialize_all = "lowercase")]
    enum EncoderChoice: "encoder" {
        /// Built in.
        #[default]
        OpenH264,
        /// The program ffmpeg with libx264, which makes smaller files.
        Ffmpeg,
    }
}

/// Adds the defaults of the outputs to the help of their arguments.
pub(crate) fn with_defaults(argument: Arg) -> Arg {
    let default = match argument.get_id().as_str() {
        "encoder" => EncoderChoice::default().to_string(),
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
        hint: Some(
            "add -o film.mp4 (-o picture.png for a single prompt), --frames-dir DIR or \
             --contact-sheet FILE",
        ),
    })
}

/// The same outputs, where that of a film becomes that of a picture if the job is a single still.
pub(crate) fn suited_to(job: &Job, mut outputs: Outputs) -> Result<Outputs, CommandError> {
    if !job.has_stills() {
        return Ok(outputs);
    }
    let Some(path) = outputs.film.take() else {
        return Ok(outputs);
    };
    let stills = job.keyframes.len();
    if stills > 1 {
        let path = path.display();
        return Err(CommandError::Request {
            message: format!("{path} would be a film, but the job makes {stills} single pictures"),
            hint: Some("--frames-dir DIR writes all of them"),
        });
    }
    let ending = path.extension();
    if !ending.is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        let path = path.display();
        return Err(CommandError::Request {
            message: format!("{path}: a single prompt makes a picture, which is a .png file"),
            hint: Some("to make a film, give another prompt; to make a picture, -o picture.png"),
        });
    }
    outputs.still = Some(path);
    Ok(outputs)
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
        self.validate_format()?;
        Ok(Outputs {
            film: self.output.clone(),
            frames_dir: self.frames_dir.clone(),
            contact_sheet: self.contact_sheet.clone(),
            overwrite: self.force,
            without_job: self.no_job,
            encoder: self.encoder()?,
            animation: self.animation(),
            audio: self.audio.clone().map(AudioTrack::new),
            ..Outputs::default()
        })
    }

    /// Checks that the film's format has what is asked of it.
    fn validate_format(&self) -> Result<(), CommandError> {
        let film = self.output.as_deref();
        let format = film.and_then(|film| FilmFormat::from_path(film).ok());
        // Without a film, a job that is saved may follow the sound all the same.
        let needs_film = self.output.is_some() || self.save_job.is_none();
        let has_sound = self.audio.is_some() && needs_film;
        for (flag, given, option) in [
            ("--audio", has_sound, FormatOption::Audio),
            ("--encoder", self.encoder.is_some(), FormatOption::Encoder),
            (
                "--quantizer",
                self.quantizer.is_some(),
                FormatOption::Encoder,
            ),
            ("--crf", self.crf.is_some(), FormatOption::Encoder),
            ("--preset", self.preset.is_some(), FormatOption::Encoder),
            (
                "--webp-quality",
                self.webp_quality.is_some(),
                FormatOption::WebpCompression,
            ),
            ("--lossless", self.lossless, FormatOption::WebpCompression),
            ("--play-once", self.play_once, FormatOption::Repeats),
        ] {
            if given && !format.is_some_and(|format| format.takes(option)) {
                let message = format!("{flag} belongs to a {} film", option.endings());
                return Err(CommandError::request(message));
            }
        }
        Ok(())
    }

    fn encoder(&self) -> Result<Encoder, CommandError> {
        let misplaced = |flag: &str, encoder: EncoderChoice| {
            Err(CommandError::request(format!(
                "{flag} belongs to --encoder {encoder}"
            )))
        };
        if self.encoder == Some(EncoderChoice::Ffmpeg) {
            if self.quantizer.is_some() {
                return misplaced("--quantizer", EncoderChoice::OpenH264);
            }
            return Ok(Encoder::Ffmpeg {
                program: "ffmpeg".into(),
                crf: self.crf.unwrap_or(CRF),
                preset: self.preset.clone().unwrap_or_else(|| PRESET.into()),
            });
        }
        if self.crf.is_some() {
            return misplaced("--crf", EncoderChoice::Ffmpeg);
        }
        if let Some(preset) = &self.preset {
            // Presets of ffmpeg are speeds, such as `slow`.
            if let Ok(quality) = preset.parse::<Quality>() {
                return Err(CommandError::request(format!(
                    "--preset is a preset of ffmpeg; the preset of the film is --quality {quality}"
                )));
            }
            return misplaced("--preset", EncoderChoice::Ffmpeg);
        }
        Ok(match self.quantizer {
            Some(quantizer) => Encoder::OpenH264 { quantizer },
            None => Encoder::default(),
        })
    }

    fn animation(&self) -> AnimationOptions {
        let default = AnimationOptions::default();
        AnimationOptions {
            repeats: !self.play_once,
            webp: match self.webp_quality {
                Some(quality) => WebpCompression::Lossy { quality },
                None if self.lossless => WebpCompression::Lossless,
                None => default.webp,
            },
        }
    }
}
