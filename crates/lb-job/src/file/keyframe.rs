//! Keyframes, transitions and their defaults.

use lb_schedule::{Choice, Easing, Quality};

use super::JobFileError;
use super::read::FILM_KEYS;
use super::table::{Keys, Table};
use crate::{BranchingSettings, KeyframeSettings, TransitionSettings};

/// Keys that only a keyframe has.
const OWN_KEYS: &[&str] = &["prompt", "seed", "image"];
/// Keys of a keyframe and of the defaults.
pub(super) const KEYFRAME_KEYS: &[&str] = &["negative_prompt", "guidance_scale", "hold"];
/// Keys of the transition after a keyframe, and of the defaults.
pub(super) const TRANSITION_KEYS: &[&str] = &[
    "seconds",
    "quality",
    "depth_strength",
    "steps",
    "frames",
    "branches",
    "injection_steps",
    "injection_strengths",
    "guidance_damper",
    "easing",
];

const AT_THE_TOP: (&[&[&str]], &str) = (&[FILM_KEYS], "at the top of the file, above every table");

pub(super) fn keyframe(table: Table<'_>) -> Result<KeyframeSettings, JobFileError> {
    table.check(&Keys {
        known: &[OWN_KEYS, KEYFRAME_KEYS, TRANSITION_KEYS],
        elsewhere: AT_THE_TOP,
    })?;
    Ok(KeyframeSettings {
        prompt: table.string("prompt")?,
        seed: table.seed("seed")?,
        image: table.path("image")?,
        ..shared(table)?
    })
}

pub(super) fn defaults(table: Table<'_>) -> Result<KeyframeSettings, JobFileError> {
    table.check(&Keys {
        known: &[KEYFRAME_KEYS, TRANSITION_KEYS],
        elsewhere: AT_THE_TOP,
    })?;
    shared(table)
}

fn shared(table: Table<'_>) -> Result<KeyframeSettings, JobFileError> {
    Ok(KeyframeSettings {
        negative_prompt: table.string("negative_prompt")?,
        guidance_scale: table.number("guidance_scale")?,
        hold: table.number("hold")?,
        transition: TransitionSettings {
            seconds: table.number("seconds")?,
            branching: branching(table)?,
            guidance_damper: table.number("guidance_damper")?,
            easing: table.choice("easing", Easing::ALL, Easing::name)?,
        },
        ..Default::default()
    })
}

fn branching(table: Table<'_>) -> Result<BranchingSettings, JobFileError> {
    let settings = BranchingSettings {
        quality: table.choice("quality", Quality::ALL, Quality::name)?,
        depth_strength: table.number("depth_strength")?,
        steps: table.whole("steps")?,
        frames: table.whole("frames")?,
        branches: table.wholes("branches")?,
        injection_steps: table.wholes("injection_steps")?,
        injection_strengths: table.numbers("injection_strengths")?,
    };
    match settings.validate() {
        Ok(()) => Ok(settings),
        Err(problem) => Err(JobFileError::Settings {
            location: table.location(),
            problem,
        }),
    }
}
