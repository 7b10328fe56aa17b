//! Keyframes that are pictures, and what they rule out.

use lb_blend::{InversionOptions, SamplerKind};

use crate::Job;
use crate::JobError;

/// Why a film cannot have pictures as keyframes, or not inverted like this.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureKeyframeError {
    /// More refinements of a picture's inversion than can help.
    #[error(
        "a picture's inversion takes 0 to {} iterations a step, got {found}",
        InversionOptions::MOST_ITERATIONS
    )]
    Iterations {
        /// The number given.
        found: usize,
    },
    /// A sampler that cannot be taken backwards.
    #[error("a picture as a keyframe needs DDIM, which can be inverted; the sampler is {}", sampler.title())]
    Sampler {
        /// The sampler.
        sampler: SamplerKind,
    },
    /// Crossfeed that would draw a picture to the keyframe before it.
    #[error(
        "keyframe {} is a picture, and crossfeed of power {power} draws each keyframe to the one \
         before it: it would be the picture no more",
        keyframe + 1
    )]
    Crossfed {
        /// The keyframe, from 0.
        keyframe: usize,
        /// The power of crossfeed between keyframes.
        power: f64,
    },
}

impl Job {
    /// How many keyframes are pictures.
    #[must_use]
    pub fn pictures(&self) -> usize {
        self.picture_indices().count()
    }

    fn picture_indices(&self) -> impl Iterator<Item = usize> {
        let keyframes = self.keyframes.iter().enumerate();
        keyframes.filter_map(|(index, keyframe)| keyframe.image.is_some().then_some(index))
    }

    /// How pictures are inverted.
    #[must_use]
    pub fn inversion(&self) -> InversionOptions {
        InversionOptions::new(self.inversion_iterations)
    }

    /// Checks what only films with pictures as keyframes have to keep.
    pub(crate) fn validate_pictures(&self) -> Result<(), JobError> {
        let found = self.inversion_iterations;
        if self.inversion().validate().is_err() {
            return Err(PictureKeyframeError::Iterations { found }.into());
        }
        if self.pictures() == 0 {
            return Ok(());
        }
        if self.sampler != SamplerKind::Ddim {
            let sampler = self.sampler;
            return Err(PictureKeyframeError::Sampler { sampler }.into());
        }
        let power = self.crossfeed.keyframes.power;
        // The first keyframe has none before it, in a loop neither.
        match self.picture_indices().find(|&index| index > 0) {
            Some(keyframe) if power > 0.0 => {
                Err(PictureKeyframeError::Crossfed { keyframe, power }.into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_not_drawn_to_another_keyframe() {
        let job = |picture: usize| {
            let mut job = Job::of_prompts(["a", "b", "c"]);
            job.keyframes[picture].image = Some("picture.png".into());
            job.crossfeed.parents.power = 0.5;
            job
        };
        assert!((0..3).all(|picture| job(picture).validate().is_ok()));
        let fed = |picture| {
            let mut job = job(picture);
            job.crossfeed.keyframes.power = 0.1;
            job.validate()
        };
        assert!(fed(0).is_ok());
        let refused = fed(2).unwrap_err();
        assert!(refused.is_request());
        assert_eq!(
            refused.to_string(),
            "keyframe 3 is a picture, and crossfeed of power 0.1 draws each keyframe to the one \
             before it: it would be the picture no more"
        );
    }
}
