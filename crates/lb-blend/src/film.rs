//! What a film consists of: keyframes, the transitions that join them, and the branches between.

use std::fmt;

use lb_schedule::{BranchingProfile, guidance_scale_between};

use crate::backend::Conditioning;
use crate::guidance::rows_at;
use crate::latents::Latents;

/// A picture at which the film arrives: what it shows, and the noise that it is made from.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Keyframe {
    /// What the picture shows.
    pub conditioning: Conditioning,
    /// What guidance leads away from, usually the conditioning of the empty prompt. It has the
    /// dimensions of `conditioning` and may differ from keyframe to keyframe: branches in between
    /// run under the mix of both, as they do for `conditioning`. At a guidance scale of 1 it is not
    /// used.
    pub negative_conditioning: Conditioning,
    /// The guidance scale of the picture: 1 (no guidance) to 100.
    pub guidance_scale: f64,
    /// The noise at the first step, as [`initial_latents`](crate::noise::initial_latents) makes it.
    pub initial_latents: Latents,
    /// Further input channels that the model sees beside the latents at every step and that are not
    /// denoised: a mask and a masked picture (inpainting, 5 channels), depth (1), or a noised
    /// picture of low resolution (upscaling, 3). They have the latents' height and width, and every
    /// keyframe of a film has the same number of them. `None` is for a model that takes latents
    /// alone.
    pub concatenated: Option<Latents>,
    /// How strongly each LoRA changes the model: 0 for not at all, 1 for as much as it was trained to.
    /// Branches in between run under the mix of both keyframes' strengths along a line. Every keyframe
    /// of a film has the same number of them, and none for a model without LoRAs.
    #[cfg_attr(feature = "serde", serde(default))]
    pub lora_strengths: Vec<f32>,
}

impl Keyframe {
    /// Creates a keyframe without concatenated channels and LoRAs.
    #[must_use]
    pub fn new(
        conditioning: Conditioning,
        negative_conditioning: Conditioning,
        guidance_scale: f64,
        initial_latents: Latents,
    ) -> Self {
        Self {
            conditioning,
            negative_conditioning,
            guidance_scale,
            initial_latents,
            concatenated: None,
            lora_strengths: Vec::new(),
        }
    }

    /// Whether the guidance scale is not 1, so that the model also predicts for the negative conditioning.
    pub(crate) fn is_guided(&self) -> bool {
        rows_at(self.guidance_scale) == 2
    }

    /// The same keyframe with these strengths of LoRAs.
    #[must_use]
    pub fn with_lora_strengths(self, lora_strengths: Vec<f32>) -> Self {
        Self {
            lora_strengths,
            ..self
        }
    }

    /// The same keyframe with these concatenated channels.
    #[must_use]
    pub fn with_concatenated(self, concatenated: Option<Latents>) -> Self {
        Self {
            concatenated,
            ..self
        }
    }

    pub(crate) fn concatenated_values(&self) -> &[f32] {
        self.concatenated.as_ref().map_or(&[], Latents::values)
    }

    pub(crate) fn concatenated_channels(&self) -> usize {
        let concatenated = self.concatenated.as_ref();
        concatenated.map_or(0, |latents| latents.shape().channels)
    }
}

/// What joins two keyframes.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Transition {
    /// The branching tree. All transitions of a film have the same number of steps.
    pub profile: BranchingProfile,
    /// How much of the guidance is left in the middle, 0 to 1:
    /// [`Guidance::damper`](lb_schedule::Guidance::damper).
    pub guidance_damper: f64,
}

impl Transition {
    /// Creates a transition.
    #[must_use]
    pub fn new(profile: BranchingProfile, guidance_damper: f64) -> Self {
        Self {
            profile,
            guidance_damper,
        }
    }

    /// The guidance scale at a fraction between keyframes of these scales, by the rule of
    /// [`guidance_scale_between`].
    #[must_use]
    pub fn guidance_scale(&self, left: f64, right: f64, fraction: f64) -> f64 {
        guidance_scale_between([left, right], self.guidance_damper, fraction)
    }
}

/// A film whose keyframes are in memory. Transition t leads from keyframe t to the next.
///
/// K keyframes are joined by K − 1 transitions. With K transitions the film is a loop: the last one
/// leads back to keyframe 0, which is computed once. Without transitions, the keyframes are stills,
/// and there may be a single one.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Film {
    /// The keyframes in film order, at least 2 if transitions join them.
    pub keyframes: Vec<Keyframe>,
    /// One transition for each pair of neighbours, and for a loop one from the last keyframe to the
    /// first.
    pub transitions: Vec<Transition>,
}

impl Film {
    /// Creates a film.
    #[must_use]
    pub fn new(keyframes: Vec<Keyframe>, transitions: Vec<Transition>) -> Self {
        Self {
            keyframes,
            transitions,
        }
    }
}

/// One trajectory of a film.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Branch {
    /// The trajectory of the keyframe with this index.
    Keyframe(usize),
    /// A trajectory between two keyframes.
    Inner {
        /// The index of the transition.
        transition: usize,
        /// The level, from 1 (level 0 is the keyframes).
        level: usize,
        /// Where the branch lies between its keyframes, in (0, 1).
        fraction: f64,
    },
}

impl fmt::Display for Branch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyframe(index) => write!(formatter, "keyframe {index}"),
            Self::Inner {
                transition,
                level,
                fraction,
            } => write!(
                formatter,
                "the branch at fraction {fraction:.4} of level {level}, transition {transition}"
            ),
        }
    }
}
