//! What a film is made from.

use lb_schedule::{Guidance, Spacing};

use crate::backend::Conditioning;
use crate::error::BlendError;
use crate::latents::Latents;

/// An end picture: what it shows, and the noise that it is made from.
#[derive(Clone, PartialEq, Debug)]
pub struct Keyframe {
    /// What the picture shows.
    pub conditioning: Conditioning,
    /// What guidance leads away from; usually the empty prompt's conditioning. As large as
    /// `conditioning`.
    pub negative: Conditioning,
    /// The noise at the first step, as [`initial_latents`](crate::noise::initial_latents) makes it.
    pub initial_latents: Latents,
    /// Further input channels that the model sees beside the latents at every step and that are not
    /// denoised: a mask and a masked picture (inpainting, 5 channels), depth (1), a noised picture
    /// of low resolution (upscaling, 3). Of the latents' height and width, and of as many channels
    /// in every keyframe of a film; `None` for a model that takes latents alone.
    pub concatenated: Option<Latents>,
}

impl Keyframe {
    pub(super) fn concatenated_values(&self) -> &[f32] {
        self.concatenated.as_ref().map_or(&[], Latents::values)
    }

    pub(super) fn concatenated_channels(&self) -> usize {
        let concatenated = self.concatenated.as_ref();
        concatenated.map_or(0, |latents| latents.shape().channels)
    }
}

/// Between what perceptual spacing measures distances.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SpacingDistance {
    /// The predicted clean latents themselves; costs nothing.
    #[default]
    Latents,
    /// The backend's [`picture_features`](crate::Backend::picture_features) of them; costs what
    /// that costs (a decode) for every branch but the last level's.
    Pictures,
}

/// How a film is computed.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct BlendOptions {
    /// Guidance scale along a transition.
    pub guidance: Guidance,
    /// Where a level's branches stand between the keyframes.
    pub spacing: Spacing,
    /// What perceptual spacing measures.
    pub distance: SpacingDistance,
}

impl BlendOptions {
    /// Checks guidance and spacing.
    ///
    /// # Errors
    /// [`BlendError::Schedule`] with the rule broken.
    pub fn validate(&self) -> Result<(), BlendError> {
        self.guidance.validate()?;
        self.spacing.validate()?;
        Ok(())
    }
}
