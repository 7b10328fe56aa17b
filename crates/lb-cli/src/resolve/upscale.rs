//! Arguments of `lb upscale` to a job.

use std::path::Path;

use lb_job::{
    BranchingSettings, Job, JobError, JobSettings, KeyframeSettings, TransitionSettings,
    UpscaleSettings,
};
use lb_render::EarlierFrames;
use serde::Deserialize;

use super::job::{easing, film_timing, second_stage};
use crate::args::UpscaleArguments;
use crate::error::CommandError;

/// The job of which these frames are there: by prompts, or as the frames tell it.
pub(crate) fn upscale_job(
    arguments: &UpscaleArguments,
    frames: &EarlierFrames,
) -> Result<Job, CommandError> {
    let timing = &arguments.timing;
    let flags = JobSettings {
        defaults: KeyframeSettings {
            negative_prompt: arguments.negative_prompt.clone(),
            guidance_scale: arguments.guidance_scale,
            hold: timing.hold,
            transition: TransitionSettings {
                seconds: timing.seconds,
                guidance_damper: arguments.guidance_damper,
                easing: timing.easing.as_deref().and_then(easing),
                ..Default::default()
            },
            ..Default::default()
        },
        looped: timing.looped.then_some(true),
        timing: timing.timing.as_deref().and_then(film_timing),
        frames_per_second: timing.fps,
        film_seconds: timing.film_seconds,
        upscale: UpscaleSettings {
            model: Some(arguments.model.clone()),
            ..second_stage(&arguments.settings)
        },
        ..Default::default()
    };
    let settings = if arguments.prompts.is_empty() {
        flags.forced_on(frames.job()?)
    } else {
        of_prompts(&arguments.prompts, frames, flags)?
    };
    Ok(settings.resolve().map_err(JobError::from)?)
}

/// A job of these prompts, whose transitions have as many frames as these say; if they do not say,
/// the frames evenly among them.
fn of_prompts(
    prompts: &[String],
    frames: &EarlierFrames,
    flags: JobSettings,
) -> Result<JobSettings, CommandError> {
    let looped = flags.looped == Some(true);
    let transitions = Job::transition_count(prompts.len(), looped);
    let counts = match frames.transition_frames(transitions, looped)? {
        Some(counts) => counts,
        None => evenly(prompts.len(), transitions, frames.count(), looped)?,
    };
    // How the frames came about is not known and has no effect: only their number counts.
    let branching = |frames: usize| BranchingSettings {
        steps: Some(1000),
        frames: Some(frames),
        ..Default::default()
    };
    // The last prompt of an open film begins no transition.
    let counts = counts.iter().map(Some).chain(std::iter::repeat(None));
    let keyframes = prompts.iter().zip(counts).map(|(prompt, count)| {
        let mut keyframe = KeyframeSettings {
            prompt: Some(prompt.clone()),
            ..Default::default()
        };
        if let Some(&count) = count {
            keyframe.transition.branching = branching(count);
        }
        keyframe
    });
    Ok(JobSettings {
        keyframes: keyframes.collect(),
        ..flags
    })
}

/// Frames of every transition, both keyframes included, where all have as many.
fn evenly(
    prompts: usize,
    transitions: usize,
    frames: usize,
    looped: bool,
) -> Result<Vec<usize>, CommandError> {
    let steps = frames - usize::from(!looped);
    if transitions == 0 || !steps.is_multiple_of(transitions) {
        return Err(CommandError::Request(format!(
            "{frames} frames cannot be shared evenly by the {transitions} transitions between \
             {prompts} prompts"
        )));
    }
    Ok(vec![steps / transitions + 1; transitions])
}

/// What `lb render --json` tells of where frames stand.
#[derive(Deserialize)]
struct Facts {
    transitions: Vec<TransitionFacts>,
}

#[derive(Deserialize)]
struct TransitionFacts {
    fractions: Vec<Vec<f64>>,
}

/// The fractions of every transition's frames, from a line of facts.
pub(crate) fn fractions(facts: &Path) -> Result<Vec<Vec<f64>>, CommandError> {
    let unreadable = |reason: String| {
        CommandError::Request(format!("cannot read {}: {reason}", facts.display()))
    };
    let text = std::fs::read_to_string(facts).map_err(|error| unreadable(error.to_string()))?;
    let facts: Facts =
        serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    let last = facts.transitions.into_iter();
    Ok(last
        .filter_map(|mut transition| transition.fractions.pop())
        .collect())
}
