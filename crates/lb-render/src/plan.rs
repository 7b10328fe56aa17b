//! A job worked out before anything is loaded: its tree, its cost, its film.

use lb_schedule::{
    BranchingProfile, ComputedPositions, Cost, FilmFrame, FilmTiming, Spacing, Timeline, film_cost,
    film_frames,
};

use crate::error::RenderError;
use crate::job::Job;

/// Everything about a film that is known beforehand.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The tree of every transition.
    pub profile: BranchingProfile,
    /// Keyframes of the film.
    pub keyframes: usize,
    /// The seed of every keyframe.
    pub seeds: Vec<u64>,
    /// Model evaluations and decodes of the whole film.
    pub cost: Cost,
    /// Every film frame as a mix of two computed frames.
    pub film: Vec<FilmFrame>,
    /// Film frames a second.
    pub frames_per_second: f64,
}

impl Plan {
    /// Checks a job and works it out.
    ///
    /// # Errors
    /// The rule that the job breaks; nothing has been loaded or written.
    pub fn new(job: &Job) -> Result<Self, RenderError> {
        job.check_prompts()?;
        job.guidance.validate()?;
        job.spacing.validate()?;
        let profile = job.branching.profile()?;
        let keyframes = job.prompts.len();
        let timing = FilmTiming::uniform(job.frames_per_second, job.seconds, keyframes);
        let computed = ComputedPositions::Even {
            frames: profile.frame_count(),
        };
        let film = film_frames(&Timeline::new(&timing)?, &vec![computed; keyframes - 1])?;
        let mut cost = film_cost(std::iter::repeat_n(&profile, keyframes - 1), false);
        if job.spacing == Spacing::Perceptual && job.measures_pictures() {
            cost.decodes += measured_branches(&profile) * (keyframes - 1);
        }
        Ok(Self {
            cost,
            film,
            keyframes,
            seeds: job.keyframe_seeds(),
            frames_per_second: job.frames_per_second,
            profile,
        })
    }

    /// Computed frames of the whole film; a shared keyframe counts once.
    #[must_use]
    pub fn computed_frames(&self) -> usize {
        (self.keyframes - 1) * (self.profile.frame_count() - 1) + 1
    }

    /// Length of the film in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.film.len() as f64 / self.frames_per_second
    }
}

/// Branches whose predicted pictures decide the fractions of a level below: all but the last
/// level's, and none where two branches leave nothing to decide.
fn measured_branches(profile: &BranchingProfile) -> usize {
    let levels = profile.levels();
    levels[..levels.len() - 1]
        .iter()
        .map(|level| level.branch_count)
        .filter(|&count| count > 2)
        .sum()
}
