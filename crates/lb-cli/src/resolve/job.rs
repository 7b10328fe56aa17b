//! Arguments to a job.

use std::path::{Path, PathBuf};

use lb_job::{
    BranchingSettings, CrossfeedSettings, CurveSettings, Easing, Fit, InpaintSettings, Job,
    JobError, JobSettings, KeyframeSettings, SamplerKind, SpacingChoice, SpacingDistance,
    SpacingSettings, Timing, TransitionSettings, UpscaleSettings,
};

use crate::args::{
    BranchingArguments, ContentArguments, CrossfeedArguments, DistanceChoice, PictureArguments,
    SamplerChoice, SecondStageArguments, SpacingKind,
};
use crate::error::CommandError;

/// The job that the arguments ask for, by prompts and pictures or by a file.
pub(crate) fn job(content: &ContentArguments) -> Result<Job, CommandError> {
    let flags = flags(content)?;
    let mut settings = match job_source(&content.prompts)? {
        Some(source) => flags.forced_on(JobSettings::find(source)?),
        None => {
            let prompts = content.prompts.iter().map(|prompt| KeyframeSettings {
                prompt: Some(prompt.clone()),
                ..Default::default()
            });
            JobSettings {
                keyframes: prompts.collect(),
                ..flags
            }
        }
    };
    pictures(&mut settings.keyframes, &content.pictures);
    seeds(&mut settings.keyframes, &content.seed)?;
    Ok(settings.resolve().map_err(JobError::from)?)
}

/// Pictures that the film begins and ends with.
fn pictures(keyframes: &mut Vec<KeyframeSettings>, ends: &PictureArguments) {
    let picture = |image: &PathBuf, prompt: &Option<String>| KeyframeSettings {
        image: Some(image.clone()),
        prompt: prompt.clone(),
        ..Default::default()
    };
    if let Some(image) = &ends.from {
        keyframes.insert(0, picture(image, &ends.from_prompt));
    }
    if let Some(image) = &ends.to {
        keyframes.push(picture(image, &ends.to_prompt));
    }
}

/// The file that tells the job, where it is not told by prompts.
fn job_source(prompts: &[String]) -> Result<Option<&Path>, CommandError> {
    let alone = prompts.len() == 1;
    if let Some(picture) = prompts.iter().find(|prompt| is_picture(prompt, alone)) {
        return Err(CommandError::Request(format!(
            "{picture} is a picture among prompts: a film begins with one by --from {picture}, and \
             ends with one by --to {picture}"
        )));
    }
    if let [one] = prompts {
        let path = Path::new(one);
        if path.is_dir() && !path.join("frame_0000.png").exists() {
            return Err(CommandError::Request(format!(
                "{one} is a folder without frames (frame_0000.png and so on); if it is meant as a \
                 prompt, say more than the folder's name"
            )));
        }
        return Ok(Some(path).filter(|path| JobSettings::is_source(path)));
    }
    let mistaken = prompts.iter().find(|prompt| {
        let path = Path::new(prompt.as_str());
        // A job file that is missing is no prompt either.
        JobSettings::is_source(path) && (path.is_file() || prompt.ends_with(".toml"))
    });
    match mistaken {
        Some(file) => Err(CommandError::Request(format!(
            "{file} is a file among prompts: give prompts, or one file that tells the whole film"
        ))),
        None => Ok(None),
    }
}

/// Whether a picture of this name lies there. One that stands alone may tell a job, if its format
/// can carry one.
fn is_picture(prompt: &str, alone: bool) -> bool {
    let path = Path::new(prompt);
    let ending = path.extension().and_then(|ending| ending.to_str());
    let ending = ending.unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "jpg" | "jpeg" | "bmp" | "tif" | "tiff" => path.is_file(),
        "png" | "webp" => !alone && path.is_file(),
        _ => false,
    }
}

/// Seeds given on the command line, for the prompts in order; those beyond them count on from the
/// last. Pictures have none.
fn seeds(keyframes: &mut [KeyframeSettings], given: &[u64]) -> Result<(), CommandError> {
    if given.is_empty() {
        return Ok(());
    }
    let all = keyframes.len();
    let prompts = keyframes.iter_mut().filter(|at| at.image.is_none());
    let mut prompts: Vec<&mut KeyframeSettings> = prompts.collect();
    // Of a film of a single keyframe, something else is wrong.
    if given.len() > prompts.len() && all > 1 {
        return Err(JobError::SeedCount {
            found: given.len(),
            keyframes: prompts.len(),
        }
        .into());
    }
    for (index, prompt) in prompts.iter_mut().enumerate() {
        prompt.seed = given.get(index).copied();
    }
    Ok(())
}

/// What the flags say, apart from the keyframes themselves.
fn flags(content: &ContentArguments) -> Result<JobSettings, CommandError> {
    let (timing, modes) = (&content.timing, &content.modes);
    Ok(JobSettings {
        defaults: KeyframeSettings {
            negative_prompt: content.negative_prompt.clone(),
            guidance_scale: content.guidance_scale,
            hold: timing.hold,
            transition: TransitionSettings {
                seconds: timing.seconds,
                branching: branching(&content.branching)?,
                guidance_damper: content.guidance_damper,
                easing: timing.easing.as_deref().and_then(easing),
            },
            ..Default::default()
        },
        looped: timing.looped.then_some(true),
        model: content.model.model.clone(),
        size: content.size,
        sampler: content.sampler.map(|sampler| match sampler {
            SamplerChoice::Ddim => SamplerKind::Ddim,
            SamplerChoice::DpmSolver => SamplerKind::DpmSolver,
        }),
        spacing: spacing(&content.branching),
        distance: content
            .branching
            .spacing_distance
            .map(|distance| match distance {
                DistanceChoice::Latents => SpacingDistance::Latents,
                DistanceChoice::Pictures => SpacingDistance::Pictures,
            }),
        crossfeed: crossfeed(&content.crossfeed),
        timing: timing.timing.as_deref().and_then(film_timing),
        frames_per_second: timing.fps,
        film_seconds: timing.film_seconds,
        fit: modes.fit.as_deref().and_then(fit),
        inpaint: InpaintSettings {
            image: modes.image.clone(),
            mask: modes.mask.clone(),
            feather: modes.feather,
        },
        depth: modes.depth.clone(),
        upscale: UpscaleSettings {
            model: modes.upscale.upscale_model.clone(),
            ..second_stage(&modes.upscale.settings)
        },
        inversion_iterations: content.pictures.inversion_iterations,
        ..Default::default()
    })
}

fn crossfeed(arguments: &CrossfeedArguments) -> CrossfeedSettings {
    CrossfeedSettings {
        keyframes: CurveSettings {
            power: arguments.crossfeed_power,
            range: arguments.crossfeed_range,
            decay: arguments.crossfeed_decay,
        },
        parents: CurveSettings {
            power: arguments.crossfeed_parental_power,
            range: arguments.crossfeed_parental_range,
            decay: arguments.crossfeed_parental_decay,
        },
    }
}

/// clap lets no other names through.
pub(super) fn easing(name: &str) -> Option<Easing> {
    name.parse().ok()
}

fn fit(name: &str) -> Option<Fit> {
    Fit::ALL.into_iter().find(|fit| fit.name() == name)
}

/// What is said about a second stage, apart from its model.
pub(super) fn second_stage(arguments: &SecondStageArguments) -> UpscaleSettings {
    UpscaleSettings {
        model: None,
        steps: arguments.upscale_steps,
        frames: arguments.upscale_frames,
        depth_strength: arguments.upscale_depth_strength,
        noise_level: arguments.upscale_noise_level,
        seed: arguments.upscale_seed,
    }
}

pub(super) fn film_timing(name: &str) -> Option<Timing> {
    Timing::ALL.into_iter().find(|timing| timing.name() == name)
}

fn branching(arguments: &BranchingArguments) -> Result<BranchingSettings, CommandError> {
    let quality = arguments
        .quality
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error| CommandError::Request(format!("--quality: {error}")))?;
    let given = |list: &Vec<usize>| (!list.is_empty()).then(|| list.clone());
    let strengths = &arguments.injection_strengths;
    Ok(BranchingSettings {
        quality,
        depth_strength: arguments.depth_strength,
        steps: arguments.steps,
        frames: arguments.frames,
        branches: given(&arguments.branches),
        injection_steps: given(&arguments.injection_steps),
        injection_strengths: (!strengths.is_empty()).then(|| strengths.clone()),
    })
}

fn spacing(arguments: &BranchingArguments) -> SpacingSettings {
    SpacingSettings {
        choice: arguments.spacing.map(|kind| match kind {
            SpacingKind::Perceptual => SpacingChoice::Perceptual,
            SpacingKind::Fixed => SpacingChoice::Fixed,
        }),
        mid_compression: arguments.mid_compression,
    }
}
