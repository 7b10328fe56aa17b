//! What a render did, in numbers.

use std::path::PathBuf;

use lb_blend::BlendReport;
use lb_schedule::BranchingProfile;
use serde::Serialize;

use crate::film::Motion;

/// Facts about a finished render.
#[derive(Clone, PartialEq, Debug)]
pub struct Summary {
    /// Everything that was written.
    pub files: Vec<PathBuf>,
    /// Width of the film in pixels.
    pub width: usize,
    /// Height of the film in pixels.
    pub height: usize,
    /// Frames of the film.
    pub film_frames: usize,
    /// Computed frames of the film; a shared keyframe counts once.
    pub computed_frames: usize,
    /// What the engine did.
    pub statistics: BlendReport,
    /// Pictures decoded for the film.
    pub decodes: usize,
    /// Pictures of the film that the store had.
    pub reused_decodes: usize,
    /// How close the keyframes that are pictures come to them, in film order.
    pub reconstructions: Vec<Reconstruction>,
    /// The tree of every transition as it was walked.
    pub transitions: Vec<TransitionFacts>,
    /// Where the time went.
    pub seconds: Seconds,
}

/// How close a keyframe that was inverted from a picture comes to it. The film shows the picture
/// itself there; its neighbours are computed from the keyframe.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Reconstruction {
    /// Which keyframe, from 0.
    pub keyframe: usize,
    /// Of the latents: root mean square of the error over that of the encoded picture. What the
    /// inversion leaves, and further iterations can lessen.
    pub latent_error: f64,
    /// Of the decoded keyframe against the picture, in dB. No better than what the autoencoder
    /// leaves of a picture.
    pub psnr: f64,
}

impl Reconstruction {
    /// From here on the film near the picture is visibly another's.
    pub const BAD_LATENT_ERROR: f64 = 0.05;

    /// Whether the latents are further from the picture than can pass unseen.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.latent_error > Self::BAD_LATENT_ERROR
    }
}

/// The tree of a transition, its fractions included.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TransitionFacts {
    /// Inference steps.
    pub steps: usize,
    /// The step at which each level begins.
    pub injection_steps: Vec<usize>,
    /// Branches of each level.
    pub branch_counts: Vec<usize>,
    /// Fractions of each level's branches.
    pub fractions: Vec<Vec<f64>>,
    /// When each computed frame is shown, in seconds since the film's beginning; the keyframes at
    /// both ends included. A loop's last keyframe is its first one, in the next round.
    pub frame_seconds: Vec<f64>,
    /// How far each computed frame differs from the next: the Euclidean distance of their R'G'B'
    /// values, normalised to one of them, in grey levels.
    pub frame_distances: Vec<f64>,
}

impl TransitionFacts {
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
    /// From the request to the last file.
    pub total: f64,
    /// Inside the model sessions.
    pub sessions: f64,
    /// Making graphs and loading sessions.
    pub loading: f64,
}

impl Seconds {
    /// Neither inside the model sessions nor loading them.
    #[must_use]
    pub fn outside(&self) -> f64 {
        (self.total - self.sessions - self.loading).max(0.0)
    }
}
