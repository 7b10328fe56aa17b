//! How a film is computed.

use lb_schedule::{Crossfeed, Spacing, validate_guidance_rescale};

use crate::error::BlendError;

lb_schedule::choice! {
    /// Between what perceptual spacing measures distances.
    #[derive(Default)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
    #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
    #[non_exhaustive]
    pub enum SpacingDistance: "distance" {
        /// Measures between predicted latents, which costs nothing.
        ///
        /// Their channels are weighted by how strongly they [show](crate::Backend::channel_weights).
        #[default]
        Latents,
        /// Measures between decoded pictures before the last step, which costs a decode for each computed frame.
        ///
        /// Before the very last step, distances are those between the backend's
        /// [`picture_features`](crate::Backend::picture_features); before all earlier steps they are those
        /// between latents.
        Pictures,
    }
}

/// How a film is computed.
///
/// ```
/// use lb_blend::BlendOptions;
/// use lb_schedule::Spacing;
///
/// let options = BlendOptions::default().with_spacing(Spacing::Fixed { mid_compression: 1.2 });
/// assert!(options.validate().is_ok());
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct BlendOptions {
    /// Where a level's branches lie between the keyframes.
    pub spacing: Spacing,
    /// What perceptual spacing measures.
    pub distance: SpacingDistance,
    /// How trajectories are drawn towards each other while they are denoised.
    pub crossfeed: Crossfeed,
    /// How far the standard deviation of the guided output is taken back to that of the output for the
    /// conditioning alone, 0 to 1, separately for every branch at every step. 0 leaves the output as guidance
    /// makes it.
    ///
    /// Guidance increases the deviation, which overexposes pictures of models that begin with pure noise
    /// (zero terminal SNR); their authors recommend 0.7 ([Lin et al. 2023](https://arxiv.org/abs/2305.08891)).
    /// It applies to the model's output, whatever the model predicts. A branch without guidance has nothing
    /// to take back.
    #[cfg_attr(feature = "serde", serde(default))]
    pub guidance_rescale: f64,
}

impl BlendOptions {
    /// The same options with this spacing.
    #[must_use]
    pub fn with_spacing(self, spacing: Spacing) -> Self {
        Self { spacing, ..self }
    }

    /// The same options with this distance.
    #[must_use]
    pub fn with_distance(self, distance: SpacingDistance) -> Self {
        Self { distance, ..self }
    }

    /// The same options with this crossfeed.
    #[must_use]
    pub fn with_crossfeed(self, crossfeed: Crossfeed) -> Self {
        Self { crossfeed, ..self }
    }

    /// The same options with this guidance rescale.
    #[must_use]
    pub fn with_guidance_rescale(self, guidance_rescale: f64) -> Self {
        Self {
            guidance_rescale,
            ..self
        }
    }

    /// Validates spacing, crossfeed and guidance rescale.
    ///
    /// # Errors
    /// [`BlendError::Schedule`] with the rule that is broken.
    pub fn validate(&self) -> Result<(), BlendError> {
        // A new field also belongs in the cache keys of lb-render (cached_pipeline/content.rs).
        let Self {
            spacing,
            distance: _,
            crossfeed,
            guidance_rescale,
        } = self;
        spacing.validate()?;
        crossfeed.validate()?;
        validate_guidance_rescale(*guidance_rescale)?;
        Ok(())
    }

    /// Whether predicted pictures are measured, which costs decodes.
    #[must_use]
    pub fn measures_pictures(&self) -> bool {
        self.spacing == Spacing::Perceptual && self.distance == SpacingDistance::Pictures
    }
}
