//! One end picture.

use std::path::PathBuf;

use lb_schedule::Guidance;

use crate::Job;
use crate::JobError;

/// An end picture, and how long the film rests on it.
#[derive(Clone, PartialEq, Debug)]
pub struct Keyframe {
    /// What the picture shows.
    pub prompt: String,
    /// What it shall not show; empty for nothing.
    pub negative_prompt: String,
    /// The noise that it is made from: the seed's, as diffusers draws it.
    pub seed: u64,
    /// Guidance scale, 1 (no guidance) to 100.
    pub guidance_scale: f64,
    /// Seconds that the film rests on the picture.
    pub hold: f64,
    /// A picture to be this keyframe, inverted along the prompt; `None` makes one from the prompt
    /// and the seed. The film shows exactly this picture, fitted to its size; the second
    /// stage of an upscaled film redraws it.
    pub image: Option<PathBuf>,
}

impl Default for Keyframe {
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative_prompt: String::new(),
            seed: 0,
            guidance_scale: Guidance::default().scale,
            hold: 0.0,
            image: None,
        }
    }
}

impl Keyframe {
    /// The guidance scale of a keyframe that is a picture, where none is given: no guidance. With
    /// it, a picture's inversion is less exact, and the further from noise the higher the scale.
    pub const PICTURE_GUIDANCE: f64 = 1.0;

    pub(crate) fn validate(&self) -> Result<(), JobError> {
        for prompt in [&self.prompt, &self.negative_prompt] {
            if prompt.len() > Job::LONGEST_PROMPT {
                return Err(JobError::PromptLength {
                    found: prompt.len(),
                });
            }
        }
        let scale = self.guidance_scale;
        let damper = Guidance::default().damper;
        Ok(Guidance::new(scale, damper).validate()?)
    }
}
