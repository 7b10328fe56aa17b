//! Where the engine takes keyframes from, and the rules that each must keep.

use lb_schedule::Guidance;

use crate::backend::Conditioning;
use crate::error::{BlendError, KeyframeError};
use crate::film::Keyframe;
use crate::latents::{LatentShape, validate_length};

/// Makes the keyframes of a film, one at a time.
///
/// [`blend`](crate::blend()) asks for each keyframe once, in film order, when the group that it
/// belongs to is about to be computed, and drops it when the transitions beside it are finished. A
/// loop keeps its first keyframe to the end. So a film of thousands of keyframes needs the memory of
/// a few, if they are made from something small or from files.
///
/// A `Vec` and a slice of keyframes are sources, too. They hand out copies.
pub trait KeyframeSource {
    /// How many keyframes the film has.
    fn count(&self) -> usize;

    /// The guidance scale of the keyframe with this index, which is below
    /// [`count`](Self::count).
    ///
    /// All of them are asked for before anything is computed: they decide how large model calls
    /// will be. The keyframe that is made later must have the same scale.
    fn guidance_scale(&self, index: usize) -> f64;

    /// Makes the keyframe with this index, which is below [`count`](Self::count).
    ///
    /// # Errors
    /// Whatever keeps the source from making it. The engine stops and returns the error as
    /// [`BlendError::Keyframe`].
    fn keyframe(&mut self, index: usize) -> Result<Keyframe, KeyframeError>;

    /// Validates what can be validated before the model is asked anything; by default nothing.
    /// The engine validates each keyframe when it arrives in any case.
    ///
    /// # Errors
    /// The rule that a keyframe breaks.
    fn validate(&self) -> Result<(), BlendError> {
        Ok(())
    }
}

impl KeyframeSource for &[Keyframe] {
    fn count(&self) -> usize {
        self.len()
    }

    fn guidance_scale(&self, index: usize) -> f64 {
        self[index].guidance_scale
    }

    fn keyframe(&mut self, index: usize) -> Result<Keyframe, KeyframeError> {
        Ok(self[index].clone())
    }

    fn validate(&self) -> Result<(), BlendError> {
        validate_keyframes(self)
    }
}

impl KeyframeSource for Vec<Keyframe> {
    fn count(&self) -> usize {
        self.as_slice().count()
    }

    fn guidance_scale(&self, index: usize) -> f64 {
        self.as_slice().guidance_scale(index)
    }

    fn keyframe(&mut self, index: usize) -> Result<Keyframe, KeyframeError> {
        self.as_slice().keyframe(index)
    }

    fn validate(&self) -> Result<(), BlendError> {
        validate_keyframes(self)
    }
}

/// The dimensions that all keyframes of a film have in common.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct KeyframeForm {
    pub(crate) latents: LatentShape,
    pub(crate) concatenated_channels: usize,
    pub(crate) tokens: usize,
    pub(crate) width: usize,
    pub(crate) loras: usize,
}

impl KeyframeForm {
    /// The dimensions of this keyframe.
    pub(crate) fn of(keyframe: &Keyframe) -> Self {
        Self {
            latents: keyframe.initial_latents.shape(),
            concatenated_channels: keyframe.concatenated_channels(),
            tokens: keyframe.conditioning.tokens,
            width: keyframe.conditioning.width,
            loras: keyframe.lora_strengths.len(),
        }
    }

    /// Validates that a keyframe has these dimensions, which are those of keyframe 0, and that
    /// every value in it is finite. Afterwards every length can be relied on.
    pub(crate) fn validate(&self, index: usize, keyframe: &Keyframe) -> Result<(), BlendError> {
        let actual = keyframe.initial_latents.shape();
        let expected = self.latents;
        if actual != expected {
            return Err(BlendError::KeyframeShape {
                keyframe: index,
                actual,
                expected,
            });
        }
        validate_guidance_scale(keyframe.guidance_scale)?;
        let latents = keyframe.initial_latents.values();
        validate_finite(index, "initial latents", latents)?;
        self.validate_concatenated(index, keyframe)?;
        let pair = [
            ("conditioning", &keyframe.conditioning),
            ("negative conditioning", &keyframe.negative_conditioning),
        ];
        for (which, conditioning) in pair {
            self.validate_conditioning(index, which, conditioning)?;
        }
        let (actual, expected) = (keyframe.lora_strengths.len(), self.loras);
        if actual != expected {
            return Err(BlendError::LoraStrengths {
                keyframe: index,
                actual,
                expected,
            });
        }
        validate_finite(index, "strengths of LoRAs", &keyframe.lora_strengths)
    }

    fn validate_concatenated(&self, index: usize, keyframe: &Keyframe) -> Result<(), BlendError> {
        let actual = keyframe.concatenated_channels();
        let expected = self.concatenated_channels;
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
        validate_finite(index, "concatenated channels", concatenated.values())
    }

    fn validate_conditioning(
        &self,
        keyframe: usize,
        which: &'static str,
        conditioning: &Conditioning,
    ) -> Result<(), BlendError> {
        let actual = (conditioning.tokens, conditioning.width);
        let expected = (self.tokens, self.width);
        if actual != expected {
            return Err(BlendError::ConditioningShape {
                keyframe,
                which,
                actual,
                expected,
            });
        }
        let length = actual.0.saturating_mul(actual.1);
        validate_length(which, conditioning.values.len(), length)?;
        validate_finite(keyframe, which, &conditioning.values)
    }
}

/// Validates that all keyframes have the first one's dimensions, and that every value is finite.
pub(crate) fn validate_keyframes(keyframes: &[Keyframe]) -> Result<(), BlendError> {
    let Some(first) = keyframes.first() else {
        return Ok(());
    };
    let form = KeyframeForm::of(first);
    let mut indexed = keyframes.iter().enumerate();
    indexed.try_for_each(|(index, keyframe)| form.validate(index, keyframe))
}

/// Validates that a guidance scale lies in its range.
pub(crate) fn validate_guidance_scale(scale: f64) -> Result<(), BlendError> {
    let damper = 1.0;
    Ok(Guidance::new(scale, damper).validate()?)
}

fn validate_finite(keyframe: usize, which: &'static str, values: &[f32]) -> Result<(), BlendError> {
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
