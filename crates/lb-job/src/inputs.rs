//! Inputs for special models: inpainting, depth maps and the second stage; and named choices for them.

use std::path::PathBuf;

use lb_schedule::{BranchingProfile, ScheduleError};

use crate::{JobError, limits};

lb_schedule::choice! {
    /// How a picture that does not have the film's size is fitted to it.
    #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
    pub enum Fit: "fit" {
        /// Fills the film's picture and cuts off what lies outside on both sides.
        Crop,
        /// Shows the whole picture and fills the rest with the colours of its edges.
        Pad,
        /// Stretches the picture and ignores its proportions.
        Stretch,
    }
}

lb_schedule::choice! {
    /// What a film follows in its sound.
    #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
    #[non_exhaustive]
    pub enum Sync: "sync" {
        /// The beats: where a listener would tap.
        Beats,
        /// The onsets: wherever something begins to sound.
        Onsets,
    }
}

lb_schedule::choice! {
    /// When the computed frames of a transition are shown.
    #[derive(Default)]
    #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
    pub enum Timing: "timing" {
        /// Shows computed frames at even times.
        Even,
        /// Spaces computed frames in proportion to the distances between them.
        ///
        /// The film then moves at one apparent speed.
        #[default]
        Perceptual,
    }
}

lb_schedule::choice! {
    /// What the film shows between computed frames.
    #[derive(Default)]
    #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
    #[non_exhaustive]
    pub enum Between: "between" {
        /// Decodes pictures from the latents between computed frames.
        ///
        /// Each costs a decode, but no model evaluation, and is nearly as sharp as a computed frame.
        /// There are as many as the quality has pictures for, and at most one for each film frame.
        /// Between all these pictures the film cross-fades.
        #[default]
        Latents,
        /// Cross-fades the pictures of the computed frames.
        Pictures,
    }
}

/// A picture that is partly repainted.
#[derive(Clone, PartialEq, Debug)]
pub struct Inpaint {
    /// The picture.
    pub image: PathBuf,
    /// The mask: black is kept, white is repainted.
    pub mask: PathBuf,
    /// Width in pixels of the soft edge between the kept and the repainted part, on the repainted
    /// side; 0 to [`Inpaint::MOST_FEATHER`].
    pub feather: f64,
}

impl Inpaint {
    /// The largest feather, in pixels.
    pub const MOST_FEATHER: f64 = limits::MOST_FEATHER;

    pub(crate) fn validate(&self) -> Result<(), JobError> {
        if (0.0..=Self::MOST_FEATHER).contains(&self.feather) {
            Ok(())
        } else {
            let found = self.feather;
            Err(JobError::Feather { found })
        }
    }
}

/// A depth map, in which bright parts are near and dark parts are far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DepthMap {
    /// The map. Only the proportions between its grey levels count, not their absolute values.
    pub image: PathBuf,
}

/// A second stage, whose keyframes are the computed frames of the first one at four times the size.
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
    /// How much noise is added to the pictures of low resolution, in training timesteps.
    pub noise_level: usize,
    /// The seed of all noise in the second stage: on its pictures of low resolution and in its
    /// latents.
    pub seed: u64,
}

impl Upscale {
    /// The tree between two neighbours of the first stage.
    ///
    /// # Errors
    /// The rule of [`ScheduleError`] that the numbers break.
    pub fn profile(&self) -> Result<BranchingProfile, ScheduleError> {
        BranchingProfile::autosetup(self.steps, self.frames, self.depth_strength)
    }
}
