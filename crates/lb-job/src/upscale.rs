//! A second stage at four times the size.

use lb_schedule::{BranchingProfile, ScheduleError};

use crate::JobError;

/// How the computed frames of the first stage become keyframes of a second one.
#[derive(Clone, PartialEq, Debug)]
pub struct Upscale {
    /// The upscaling model, by name or by folder.
    pub model: String,
    /// Inference steps of the second stage.
    pub steps: usize,
    /// Computed frames between two neighbours of the first stage, both included.
    pub frames: usize,
    /// Where the first injection lies, as a share of the steps.
    pub depth_strength: f64,
    /// How much noise the pictures of low resolution get, in training timesteps.
    pub noise_level: usize,
    /// The noise of the whole film: of its pictures of low resolution and of its latents.
    pub seed: u64,
}

impl Upscale {
    /// The second stage of this model, with everything else at its default.
    #[must_use]
    pub fn with_model(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            steps: 50,
            frames: 4,
            depth_strength: 0.65,
            noise_level: 20,
            seed: 420,
        }
    }

    /// The tree between two neighbours of the first stage.
    ///
    /// # Errors
    /// The rule of [`ScheduleError`] that the numbers break.
    pub fn profile(&self) -> Result<BranchingProfile, ScheduleError> {
        BranchingProfile::autosetup(self.steps, self.frames, self.depth_strength)
    }

    pub(crate) fn validate(&self) -> Result<(), JobError> {
        self.profile()?;
        Ok(())
    }
}
