//! Whether what the engine is given fits together; afterwards every length can be relied on.

use lb_schedule::BranchingProfile;

use super::options::{BlendOptions, Keyframe};
use crate::backend::Conditioning;
use crate::error::{BlendError, ShapeError};
use crate::sampler::Sampler;

/// Checks everything that does not need the backend.
pub(super) fn check(
    sampler: &dyn Sampler,
    profile: &BranchingProfile,
    keyframes: &[Keyframe],
    options: &BlendOptions,
) -> Result<(), BlendError> {
    options.validate()?;
    let (sampler, profile) = (sampler.timesteps().len(), profile.steps());
    if sampler != profile {
        return Err(BlendError::StepsDiffer { sampler, profile });
    }
    let [first, _, ..] = keyframes else {
        return Err(BlendError::TooFewKeyframes {
            count: keyframes.len(),
        });
    };
    for (index, keyframe) in keyframes.iter().enumerate() {
        let actual = keyframe.initial_latents.shape();
        let expected = first.initial_latents.shape();
        if actual != expected {
            return Err(BlendError::KeyframeShape {
                keyframe: index,
                actual,
                expected,
            });
        }
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
