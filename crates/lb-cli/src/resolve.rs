//! Arguments to what the program uses: a job, its outputs, a renderer.

use lb_render::{
    Branching, Device, Encoder, Guidance, Injections, Job, ModelDirectory, Outputs,
    PipelineOptions, Precision, Quality, Renderer, Runtime, SamplerKind, SessionOptions, Spacing,
    SpacingDistance, locate_library,
};

use crate::args::{
    BranchingArguments, ContentArguments, DistanceChoice, EncoderChoice, MachineArguments,
    OutputArguments, PrecisionChoice, SamplerChoice, SpacingChoice,
};
use crate::error::CommandError;
use crate::surroundings::Surroundings;

/// Depth strength where none is given; the ancestor's documents use 0.4 to 0.5.
const DEPTH_STRENGTH: f64 = 0.4;
/// The model where neither an argument nor the environment names one.
const BUNDLED_MODEL: &str = "pocket";

pub(crate) fn job(content: &ContentArguments) -> Result<Job, CommandError> {
    Ok(Job {
        prompts: content.prompts.clone(),
        negative_prompt: content.negative_prompt.clone(),
        seeds: content.seed.clone(),
        size: content.size,
        sampler: match content.sampler {
            SamplerChoice::Ddim => SamplerKind::Ddim,
            SamplerChoice::DpmSolver => SamplerKind::DpmSolver,
        },
        branching: branching(&content.branching)?,
        spacing: spacing(&content.branching)?,
        distance: match content.branching.spacing_distance {
            DistanceChoice::Latents => SpacingDistance::Latents,
            DistanceChoice::Pictures => SpacingDistance::Pictures,
        },
        guidance: Guidance {
            scale: content.guidance_scale,
            damper: content.guidance_damper,
        },
        seconds: content.seconds,
        frames_per_second: content.fps,
    })
}

fn branching(arguments: &BranchingArguments) -> Result<Branching, CommandError> {
    let depth_strength = arguments.depth_strength.unwrap_or(DEPTH_STRENGTH);
    let by_hand = !arguments.branches.is_empty();
    match (arguments.steps, arguments.frames) {
        (Some(steps), _) if by_hand => {
            let injections = if !arguments.injection_strengths.is_empty() {
                Injections::Strengths(arguments.injection_strengths.clone())
            } else if !arguments.injection_steps.is_empty() {
                Injections::Steps(arguments.injection_steps.clone())
            } else {
                return Err(CommandError::Request(
                    "--branches needs --injection-steps or --injection-strengths".into(),
                ));
            };
            let branch_counts = arguments.branches.clone();
            Ok(Branching::Manual {
                steps,
                branch_counts,
                injections,
            })
        }
        (Some(steps), Some(frames)) => Ok(Branching::Autosetup {
            steps,
            frames,
            depth_strength,
        }),
        (Some(_), None) => Err(CommandError::Request(
            "--steps needs --frames or --branches".into(),
        )),
        (None, _) => {
            let quality = match &arguments.quality {
                Some(name) => name
                    .parse()
                    .map_err(|error| CommandError::Request(format!("--quality: {error}")))?,
                None => Quality::Medium,
            };
            Ok(Branching::Preset {
                quality,
                depth_strength,
            })
        }
    }
}

fn spacing(arguments: &BranchingArguments) -> Result<Spacing, CommandError> {
    match (arguments.spacing, arguments.mid_compression) {
        (SpacingChoice::Fixed, given) => Ok(Spacing::Fixed {
            mid_compression: given.unwrap_or(1.2),
        }),
        (SpacingChoice::Perceptual, None) => Ok(Spacing::Perceptual),
        (SpacingChoice::Perceptual, Some(_)) => Err(CommandError::Request(
            "--mid-compression belongs to --spacing fixed".into(),
        )),
    }
}

pub(crate) fn outputs(arguments: &OutputArguments) -> Result<Outputs, CommandError> {
    let misplaced = |flag: &str, encoder: &str| {
        Err(CommandError::Request(format!(
            "{flag} belongs to --encoder {encoder}"
        )))
    };
    let encoder = match arguments.encoder {
        EncoderChoice::Openh264 => {
            if arguments.crf.is_some() || arguments.preset.is_some() {
                return misplaced("--crf and --preset", "ffmpeg");
            }
            match arguments.quantizer {
                Some(quantizer) => Encoder::OpenH264 { quantizer },
                None => Encoder::default(),
            }
        }
        EncoderChoice::Ffmpeg if arguments.quantizer.is_some() => {
            return misplaced("--quantizer", "openh264");
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
    })
}

pub(crate) fn runtime(surroundings: &Surroundings) -> Result<Runtime, CommandError> {
    let library = locate_library(
        surroundings.runtime_library.as_deref(),
        &surroundings.runtime_folders,
    )?;
    Ok(Runtime::load(&library)?)
}

pub(crate) fn renderer(
    arguments: &MachineArguments,
    surroundings: &Surroundings,
) -> Result<Renderer, CommandError> {
    let name = arguments
        .model
        .as_deref()
        .or(surroundings.default_model.as_deref())
        .unwrap_or(BUNDLED_MODEL);
    let options = PipelineOptions {
        session: SessionOptions {
            device: arguments.device.parse::<Device>()?,
            threads: arguments.threads,
            precision: match arguments.precision {
                PrecisionChoice::Auto => None,
                PrecisionChoice::Fp32 => Some(Precision::Float32),
                PrecisionChoice::Fp16 => Some(Precision::Float16),
            },
            engine_cache: surroundings.engine_cache.clone(),
        },
        batch_limit: arguments.batch,
        ..Default::default()
    };
    options.validate()?;
    let directory = ModelDirectory::find(name, &surroundings.model_folders)?;
    Ok(Renderer::new(runtime(surroundings)?, directory, options)?)
}
