//! How a film is computed.

use lb_schedule::{Crossfeed, Spacing};

use crate::error::BlendError;

/// Between what perceptual spacing measures distances.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SpacingDistance {
    /// The predicted clean latents themselves, their channels weighed as they
    /// [show](crate::Backend::channel_weights); costs nothing.
    #[default]
    Latents,
    /// Before the last step of all, the backend's
    /// [`picture_features`](crate::Backend::picture_features) of them; costs what that costs (a
    /// decode) for every computed frame. Latents until then.
    Pictures,
}

/// How a film is computed.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct BlendOptions {
    /// Where a level's branches stand between the keyframes.
    pub spacing: Spacing,
    /// What perceptual spacing measures.
    pub distance: SpacingDistance,
    /// What trajectories take over from each other while they are denoised.
    pub crossfeed: Crossfeed,
}

impl BlendOptions {
    /// Checks spacing and crossfeed.
    ///
    /// # Errors
    /// [`BlendError::Schedule`] with the rule broken.
    pub fn validate(&self) -> Result<(), BlendError> {
        self.spacing.validate()?;
        self.crossfeed.validate()?;
        Ok(())
    }
}
