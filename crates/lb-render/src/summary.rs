//! The summary of a render.

use std::path::PathBuf;

use lb_blend::BlendReport;
use lb_schedule::BranchingProfile;
use serde::Serialize;

use crate::film::Motion;

/// What a finished render wrote and counted.
#[derive(Clone, PartialEq, Debug)]
pub struct Summary {
    /// The files and folders that were written.
    pub files: Vec<PathBuf>,
    /// Width of the film in pixels.
    pub width: usize,
    /// Height of the film in pixels.
    pub height: usize,
    /// Frames of the film.
    pub film_frames: usize,
    /// Computed frames of the film; a shared keyframe counts once.
    pub computed_frames: usize,
    /// The counts of the engine.
    pub statistics: BlendReport,
    /// Pictures that were decoded to be shown.
    pub decodes: usize,
    /// Pictures that were in the cache and needed no decoding.
    pub reused_decodes: usize,
    /// How close the keyframes that are pictures come to them, in film order.
    pub reconstructions: Vec<Reconstruction>,
    /// The tree of every transition, and the motion of its frames.
    pub transitions: Vec<TransitionSummary>,
    /// Where the time went.
    pub seconds: Seconds,
}

/// How close a keyframe that was inverted from a picture comes to it. The film shows the picture
/// itself there; its neighbours are computed from the keyframe.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Reconstruction {
    /// The keyframe, counted from 0.
    pub keyframe: usize,
    /// The root mean square of the latents' error, relative to that of the encoded picture. It
    /// is the error of the inversion, which more iterations can reduce.
    pub latent_error: f64,
    /// The peak signal-to-noise ratio of the decoded keyframe, compared with the picture, in dB. It is
    /// limited by what the autoencoder can reproduce.
    pub psnr: f64,
}

impl Reconstruction {
    /// Above this latent error, the film near the picture visibly shows something else.
    pub const BAD_LATENT_ERROR: f64 = 0.05;

    /// Whether the difference between the keyframe and its picture can be seen.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.latent_error > Self::BAD_LATENT_ERROR
    }
}

/// The tree of a transition with its fractions, and the motion of its frames.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TransitionSummary {
    /// Inference steps.
    pub steps: usize,
    /// The step at which each level begins.
    pub injection_steps: Vec<usize>,
    /// Branches of each level.
    pub branch_counts: Vec<usize>,
    /// Fractions of each level's branches.
    pub fractions: Vec<Vec<f64>>,
    /// When each computed frame is shown, in seconds since the film's beginning, including the
    /// keyframes at both ends. The last one of a loop is the first keyframe, when the film repeats.
    pub frame_seconds: Vec<f64>,
    /// How far each computed frame differs from the next: the Euclidean distance of their R'G'B'
    /// values, normalised to one of them, in grey levels.
    pub frame_distances: Vec<f64>,
}

impl TransitionSummary {
    pub(crate) fn new(
        profile: &BranchingProfile,
        fractions: Vec<Vec<f64>>,
        motion: Motion,
    ) -> Self {
        let levels = profile.levels();
        Self {
            steps: profile.steps(),
            injection_steps: levels.iter().map(|level| level.injection_step).collect(),
            branch_counts: levels.iter().map(|level| level.branch_count).collect(),
            fractions,
            frame_seconds: motion.seconds,
            frame_distances: motion.distances,
        }
    }
}

/// Where the time of a render went, in seconds.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Seconds {
    /// The whole render, from the request to the last file.
    pub total: f64,
    /// Time inside the model sessions.
    pub sessions: f64,
    /// Time for making graphs and loading sessions.
    pub loading: f64,
}

impl Seconds {
    /// The time that was spent neither inside the model sessions nor loading them.
    #[must_use]
    pub fn outside(&self) -> f64 {
        (self.total - self.sessions - self.loading).max(0.0)
    }
}
