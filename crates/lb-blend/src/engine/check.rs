//! Whether what the engine is given fits together; afterwards every length can be relied on.

use lb_schedule::Guidance;

use super::film::{Film, Keyframe};
use super::options::BlendOptions;
use crate::backend::Conditioning;
use crate::error::{BlendError, ShapeError};
use crate::sampler::Sampler;

/// Checks everything that does not need the backend.
pub(super) fn check(
    sampler: &dyn Sampler,
    film: &Film,
    options: &BlendOptions,
) -> Result<(), BlendError> {
    options.validate()?;
    let keyframes = &film.keyframes;
    if keyframes.len() < 2 {
        return Err(BlendError::TooFewKeyframes {
            count: keyframes.len(),
        });
    }
    check_transitions(sampler, film)?;
    check_keyframes(keyframes)
}

/// Checks that all keyframes are of one kind, and every value is a number.
pub(super) fn check_keyframes(keyframes: &[Keyframe]) -> Result<(), BlendError> {
    for (index, keyframe) in keyframes.iter().enumerate() {
        let actual = keyframe.initial_latents.shape();
        let first = &keyframes[0];
        let expected = first.initial_latents.shape();
        if actual != expected {
            return Err(BlendError::KeyframeShape {
                keyframe: index,
                actual,
                expected,
            });
        }
        let (scale, damper) = (keyframe.guidance_scale, 1.0);
        Guidance { scale, damper }.validate()?;
        check_finite(index, "initial latents", keyframe.initial_latents.values())?;
        check_concatenated(index, keyframe, first)?;
        let pair = [
            ("conditioning", &keyframe.conditioning),
            ("negative conditioning", &keyframe.negative),
        ];
        for (which, conditioning) in pair {
            check_conditioning(index, which, conditioning, &first.conditioning)?;
        }
    }
    Ok(())
}

fn check_transitions(sampler: &dyn Sampler, film: &Film) -> Result<(), BlendError> {
    let (transitions, keyframes) = (film.transitions.len(), film.keyframes.len());
    if transitions != keyframes - 1 && transitions != keyframes {
        return Err(BlendError::TransitionCount {
            transitions,
            keyframes,
        });
    }
    let sampler = sampler.timesteps().len();
    for (transition, at) in film.transitions.iter().enumerate() {
        let (profile, damper) = (at.profile.steps(), at.guidance_damper);
        if sampler != profile {
            return Err(BlendError::StepsDiffer {
                sampler,
                transition,
                profile,
            });
        }
        Guidance { scale: 1.0, damper }.validate()?;
    }
    Ok(())
}

fn check_concatenated(
    index: usize,
    keyframe: &Keyframe,
    first: &Keyframe,
) -> Result<(), BlendError> {
    let (actual, expected) = (
        keyframe.concatenated_channels(),
        first.concatenated_channels(),
    );
    if actual != expected {
        return Err(BlendError::ConcatenatedChannels {
            keyframe: index,
            actual,
            expected,
        });
    }
    let Some(concatenated) = &keyframe.concatenated else {
        return Ok(());
    };
    let (actual, latents) = (concatenated.shape(), keyframe.initial_latents.shape());
    if actual != latents.with_channels(actual.channels) {
        return Err(BlendError::ConcatenatedSize {
            keyframe: index,
            actual,
            latents,
        });
    }
    check_finite(index, "concatenated channels", concatenated.values())
}

fn check_conditioning(
    keyframe: usize,
    which: &'static str,
    conditioning: &Conditioning,
    first: &Conditioning,
) -> Result<(), BlendError> {
    let actual = (conditioning.tokens, conditioning.width);
    let expected = (first.tokens, first.width);
    if actual != expected {
        return Err(BlendError::ConditioningShape {
            keyframe,
            which,
            actual,
            expected,
        });
    }
    let length = actual.0.saturating_mul(actual.1);
    ShapeError::check_length(which, conditioning.values.len(), length)?;
    check_finite(keyframe, which, &conditioning.values)
}

fn check_finite(keyframe: usize, which: &'static str, values: &[f32]) -> Result<(), BlendError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(BlendError::KeyframeNotFinite {
            keyframe,
            which,
            index,
            value: values[index],
        }),
        None => Ok(()),
    }
}
