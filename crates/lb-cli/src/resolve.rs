//! Arguments to what the program uses: a job, its outputs, a renderer.

mod cache;
mod job;
mod upscale;

use std::path::{Path, PathBuf};

use lb_render::{
    AnimationOptions, AudioTrack, Device, Encoder, FilmFormat, FormatOption, Job, ModelDirectory,
    ModelError, Outputs, PipelineOptions, Precision, Renderer, Runtime, SessionOptions,
    WebpCompression, film_size, locate_library,
};

pub(crate) use cache::{cache, usual_cache};
pub(crate) use job::job;
pub(crate) use upscale::{fractions, upscale_job};

use crate::args::{EncoderChoice, MachineArguments, OutputArguments, PrecisionChoice};
use crate::error::CommandError;
use crate::surroundings::Surroundings;

/// The model where neither an argument nor the environment names one.
const BUNDLED_MODEL: &str = "pocket";

/// Checks that something is written at all.
pub(crate) fn require_output(outputs: &Outputs) -> Result<(), CommandError> {
    match outputs.is_empty() {
        true => Err(CommandError::NoOutput),
        false => Ok(()),
    }
}

pub(crate) fn outputs(arguments: &OutputArguments) -> Result<Outputs, CommandError> {
    let misplaced = |flag: &str, encoder: &str| {
        Err(CommandError::Request(format!("{flag} --encoder {encoder}")))
    };
    let places = [
        &arguments.output,
        &arguments.frames_dir,
        &arguments.contact_sheet,
        &arguments.save_job,
    ];
    if places
        .into_iter()
        .flatten()
        .any(|place| place == Path::new("-"))
    {
        return Err(CommandError::Request(
            "- is no place for an output: nothing is written to standard output; give a file, or \
             ./- for a file of that name"
                .into(),
        ));
    }
    let encoder = match arguments.encoder {
        EncoderChoice::Openh264 => {
            if arguments.crf.is_some() || arguments.preset.is_some() {
                return misplaced("--crf and --preset belong to", "ffmpeg");
            }
            match arguments.quantizer {
                Some(quantizer) => Encoder::OpenH264 { quantizer },
                None => Encoder::default(),
            }
        }
        EncoderChoice::Ffmpeg if arguments.quantizer.is_some() => {
            return misplaced("--quantizer belongs to", "openh264");
        }
        EncoderChoice::Ffmpeg => Encoder::Ffmpeg {
            program: "ffmpeg".into(),
            crf: arguments.crf.unwrap_or(17),
            preset: arguments.preset.clone().unwrap_or_else(|| "medium".into()),
        },
    };
    Ok(Outputs {
        film: arguments.output.clone(),
        frames_dir: arguments.frames_dir.clone(),
        contact_sheet: arguments.contact_sheet.clone(),
        overwrite: arguments.force,
        encoder,
        animation: animation(arguments)?,
        audio: arguments.audio.clone().map(AudioTrack::new),
    })
}

fn animation(arguments: &OutputArguments) -> Result<AnimationOptions, CommandError> {
    let webp = match arguments.webp_quality {
        Some(quality) => Some(WebpCompression::Lossy { quality }),
        None => arguments.lossless.then_some(WebpCompression::Lossless),
    };
    for (given, flags, option) in [
        (
            webp.is_some(),
            "--webp-quality and --lossless belong",
            FormatOption::WebpCompression,
        ),
        (
            arguments.play_once,
            "--play-once belongs",
            FormatOption::Repeats,
        ),
    ] {
        let film = arguments.output.as_deref();
        let format = film.and_then(|film| FilmFormat::from_path(film).ok());
        if given && !format.is_some_and(|format| format.takes(option)) {
            let message = format!("{flags} to a {} film", option.endings());
            return Err(CommandError::Request(message));
        }
    }
    Ok(AnimationOptions {
        repeats: !arguments.play_once,
        webp: webp.unwrap_or(AnimationOptions::default().webp),
    })
}

pub(crate) fn runtime(surroundings: &Surroundings) -> Result<Runtime, CommandError> {
    let library = locate_library(
        surroundings.runtime_library.as_deref(),
        &surroundings.runtime_folders,
    )?;
    Ok(Runtime::load(&library)?)
}

/// Makes explicit what a job leaves to its surroundings: the model, and through it the size.
pub(crate) fn complete(job: &mut Job, surroundings: &Surroundings) -> Result<(), CommandError> {
    let name = model_name(job, surroundings).to_owned();
    let place = ModelDirectory::locate(&name, &surroundings.model_folders)?;
    let directory = ModelDirectory::open(&place)?;
    job.size = Some(film_size(job, directory.default_side())?);
    job.model = Some(lasting_name(&name, place));
    if let Some(upscale) = &mut job.upscale {
        let place = ModelDirectory::locate(&upscale.model, &surroundings.model_folders)?;
        upscale.model = lasting_name(&upscale.model, place);
    }
    job.make_paths_absolute();
    Ok(())
}

/// A model's name as it holds elsewhere: a folder of the working directory is no name, there it
/// would mean another model.
fn lasting_name(name: &str, place: PathBuf) -> String {
    if place != Path::new(name) {
        return name.to_owned();
    }
    let place = std::path::absolute(place).ok();
    let place = place.as_deref().and_then(Path::to_str);
    place.unwrap_or(name).to_owned()
}

/// The model of a job, or the one that the surroundings name, or the bundled one.
pub(crate) fn model_name<'a>(job: &'a Job, surroundings: &'a Surroundings) -> &'a str {
    let named = job.model.as_deref();
    named
        .or(surroundings.default_model.as_deref())
        .unwrap_or(BUNDLED_MODEL)
}

pub(crate) fn renderer(
    job: &Job,
    arguments: &MachineArguments,
    surroundings: &Surroundings,
) -> Result<Renderer, CommandError> {
    let name = model_name(job, surroundings);
    let options = pipeline_options(arguments, surroundings)?;
    let directory = ModelDirectory::find(name, &surroundings.model_folders)?;
    let upscaler = job
        .upscale
        .as_ref()
        .map(|upscale| ModelDirectory::find(&upscale.model, &surroundings.model_folders));
    let upscaler = upscaler.transpose()?;
    let renderer = Renderer::new(runtime(surroundings)?, directory, options)?;
    Ok(renderer.with_upscaler(upscaler))
}

/// A renderer for second stages alone.
pub(crate) fn upscaler(
    model: &str,
    arguments: &MachineArguments,
    surroundings: &Surroundings,
) -> Result<Renderer, CommandError> {
    let options = pipeline_options(arguments, surroundings)?;
    let directory = ModelDirectory::find(model, &surroundings.model_folders)?;
    let renderer = Renderer::new(runtime(surroundings)?, directory.clone(), options)?;
    Ok(renderer.with_upscaler(Some(directory)))
}

fn pipeline_options(
    arguments: &MachineArguments,
    surroundings: &Surroundings,
) -> Result<PipelineOptions, CommandError> {
    let device: Device = arguments.device.parse().map_err(ModelError::from)?;
    let mut session = SessionOptions::new(device);
    session.threads = arguments.threads;
    session.precision = match arguments.precision {
        PrecisionChoice::Auto => None,
        PrecisionChoice::Fp32 => Some(Precision::Float32),
        PrecisionChoice::Fp16 => Some(Precision::Float16),
    };
    session.engine_cache = surroundings.engine_cache.clone();
    session.cuda_graphs = arguments.cuda_graphs;
    let mut options = PipelineOptions::from(session);
    options.batch_limit = arguments.batch;
    options.validate()?;
    Ok(options)
}
