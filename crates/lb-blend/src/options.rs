//! How a film is computed.

use lb_schedule::{Crossfeed, GuidanceRescale, Spacing, validate_guidance_every};

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
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct BlendOptions {
    /// Where a level's branches lie between the keyframes.
    pub spacing: Spacing,
    /// What perceptual spacing measures.
    pub distance: SpacingDistance,
    /// How trajectories are drawn towards each other while they are denoised.
    pub crossfeed: Crossfeed,
    /// How far the deviation that guidance adds is taken back.
    #[cfg_attr(feature = "serde", serde(default))]
    pub guidance_rescale: GuidanceRescale,
    /// The number of steps from one computation of the difference that guidance makes to the next, 1 to
    /// [`MAX_STEPS`](lb_schedule::MAX_STEPS): the model's output for the conditioning minus that for the
    /// negative conditioning. At the steps between, the last difference is reused, and the model sees one row
    /// for a guided branch instead of two. 1 computes it at every step.
    ///
    /// Steps are counted from the first one of a keyframe, and from the first one of a level. A level could
    /// also start with the mix of its parents' differences, which takes fewer rows, but gives frames that are
    /// further from those of guidance at every step (`docs/benchmarks.md`).
    #[cfg_attr(feature = "serde", serde(default = "every_step"))]
    pub guidance_every: usize,
}

impl Default for BlendOptions {
    fn default() -> Self {
        Self {
            spacing: Spacing::default(),
            distance: SpacingDistance::default(),
            crossfeed: Crossfeed::default(),
            guidance_rescale: GuidanceRescale::OFF,
            guidance_every: 1,
        }
    }
}

#[cfg(feature = "serde")]
const fn every_step() -> usize {
    1
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
    pub fn with_guidance_rescale(self, guidance_rescale: GuidanceRescale) -> Self {
        Self {
            guidance_rescale,
            ..self
        }
    }

    /// The same options with guidance that is computed at every this many steps.
    #[must_use]
    pub fn with_guidance_every(self, guidance_every: usize) -> Self {
        Self {
            guidance_every,
            ..self
        }
    }

    /// Validates spacing, crossfeed, and how often guidance is computed.
    ///
    /// # Errors
    /// [`BlendError::Schedule`] with the rule that is broken.
    pub fn validate(&self) -> Result<(), BlendError> {
        // A new field also belongs in the cache keys of lb-render (cached_pipeline/content.rs).
        let Self {
            spacing,
            distance: _,
            crossfeed,
            guidance_rescale: _,
            guidance_every,
        } = self;
        spacing.validate()?;
        crossfeed.validate()?;
        validate_guidance_every(*guidance_every)?;
        Ok(())
    }

    /// Whether predicted pictures are measured, which costs decodes.
    #[must_use]
    pub fn measures_pictures(&self) -> bool {
        self.spacing == Spacing::Perceptual && self.distance == SpacingDistance::Pictures
    }
}
