//! What is said about a keyframe and the transition after it.

use std::path::PathBuf;

use lb_schedule::Easing;

use super::{BranchingSettings, SettingsError};
use crate::{Keyframe, Transition};

/// What is said about a keyframe; see [`Keyframe`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct KeyframeSettings {
    /// See [`Keyframe::prompt`].
    pub prompt: Option<String>,
    /// See [`Keyframe::negative_prompt`].
    pub negative_prompt: Option<String>,
    /// See [`Keyframe::seed`].
    pub seed: Option<u64>,
    /// See [`Keyframe::guidance_scale`].
    pub guidance_scale: Option<f64>,
    /// See [`Keyframe::hold`].
    pub hold: Option<f64>,
    /// See [`Keyframe::image`].
    pub image: Option<PathBuf>,
    /// The transition that follows.
    pub transition: TransitionSettings,
}

impl KeyframeSettings {
    /// These settings, and the lower ones' where these say nothing. Guidance that is meant for
    /// prompts does not reach a picture: its inversion suffers from it.
    pub(super) fn over(self, lower: &Self) -> Self {
        let lower = lower.clone();
        let guidance_scale = match (&self.image, &lower.image) {
            (Some(_), _) => self.guidance_scale,
            (None, Some(_)) => lower.guidance_scale,
            (None, None) => self.guidance_scale.or(lower.guidance_scale),
        };
        Self {
            prompt: self.prompt.or(lower.prompt),
            negative_prompt: self.negative_prompt.or(lower.negative_prompt),
            seed: self.seed.or(lower.seed),
            guidance_scale,
            hold: self.hold.or(lower.hold),
            image: self.image.or(lower.image),
            transition: self.transition.over(lower.transition),
        }
    }

    pub(super) fn keyframe(&self, index: usize, seed: u64) -> Result<Keyframe, SettingsError> {
        let default = Keyframe::default();
        if self.prompt.is_none() && self.image.is_none() {
            return Err(SettingsError::NoPrompt {
                keyframe: index + 1,
            });
        }
        Ok(Keyframe {
            prompt: self.prompt.clone().unwrap_or(default.prompt),
            negative_prompt: self
                .negative_prompt
                .clone()
                .unwrap_or(default.negative_prompt),
            seed: self.seed.unwrap_or(seed),
            guidance_scale: self.guidance_scale.unwrap_or(match self.image {
                Some(_) => Keyframe::PICTURE_GUIDANCE,
                None => default.guidance_scale,
            }),
            hold: self.hold.unwrap_or(default.hold),
            image: self.image.clone(),
        })
    }
}

/// What is said about a transition; see [`Transition`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TransitionSettings {
    /// See [`Transition::seconds`].
    pub seconds: Option<f64>,
    /// See [`Transition::branching`].
    pub branching: BranchingSettings,
    /// See [`Transition::guidance_damper`].
    pub guidance_damper: Option<f64>,
    /// See [`Transition::easing`].
    pub easing: Option<Easing>,
}

impl TransitionSettings {
    fn over(self, lower: Self) -> Self {
        Self {
            seconds: self.seconds.or(lower.seconds),
            branching: self.branching.over(lower.branching),
            guidance_damper: self.guidance_damper.or(lower.guidance_damper),
            easing: self.easing.or(lower.easing),
        }
    }

    pub(super) fn resolve(&self) -> Result<Transition, SettingsError> {
        let default = Transition::default();
        Ok(Transition {
            seconds: self.seconds.unwrap_or(default.seconds),
            branching: self.branching.resolve()?,
            guidance_damper: self.guidance_damper.unwrap_or(default.guidance_damper),
            easing: self.easing.unwrap_or(default.easing),
        })
    }
}
