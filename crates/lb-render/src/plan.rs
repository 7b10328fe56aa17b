//! A job worked out before anything is loaded: its trees, its cost, its film.

use lb_schedule::{BranchingProfile, Cost, FilmTiming, Timeline, TransitionTiming, film_cost};

use crate::error::RenderError;
use crate::job::{Job, Transition, film_profiles};

/// Everything about a film that is known beforehand.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The tree of every transition; all have the same number of steps.
    pub profiles: Vec<BranchingProfile>,
    /// Keyframes of the film.
    pub keyframes: usize,
    /// The seed of every keyframe.
    pub seeds: Vec<u64>,
    /// Model evaluations and decodes of the whole film.
    pub cost: Cost,
    /// When the film moves and when it rests.
    pub timeline: Timeline,
}

impl Plan {
    /// Checks a job and works it out.
    ///
    /// # Errors
    /// The rule that the job breaks; nothing has been loaded or written.
    pub fn new(job: &Job) -> Result<Self, RenderError> {
        job.check()?;
        let profiles = film_profiles(&job.transitions)?;
        let timeline = Timeline::new(&timing(job))?;
        Ok(Self {
            cost: cost(job, &profiles),
            timeline,
            keyframes: job.keyframes.len(),
            seeds: job.keyframes.iter().map(|keyframe| keyframe.seed).collect(),
            profiles,
        })
    }

    /// Inference steps: the model evaluations of one keyframe.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.profiles[0].steps()
    }

    /// Whether the last transition leads back to the first keyframe.
    #[must_use]
    pub fn is_looped(&self) -> bool {
        self.timeline.is_loop()
    }

    /// Computed frames of the whole film; a shared keyframe counts once.
    #[must_use]
    pub fn computed_frames(&self) -> usize {
        let inner = self.profiles.iter().map(|at| at.frame_count() - 2);
        self.keyframes + inner.sum::<usize>()
    }

    /// Frames of the film.
    #[must_use]
    pub fn film_frames(&self) -> usize {
        self.timeline.frame_count()
    }

    /// Length of the film in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.timeline.seconds()
    }
}

fn timing(job: &Job) -> FilmTiming {
    let transition = |transition: &Transition| TransitionTiming {
        seconds: transition.seconds,
        easing: transition.easing,
    };
    FilmTiming {
        frames_per_second: job.frames_per_second,
        holds: job.keyframes.iter().map(|keyframe| keyframe.hold).collect(),
        transitions: job.transitions.iter().map(transition).collect(),
        film_seconds: job.film_seconds,
    }
}

fn cost(job: &Job, profiles: &[BranchingProfile]) -> Cost {
    let mut cost = film_cost(profiles, job.looped);
    if job.measures_pictures() {
        cost.decodes += profiles.iter().map(measured_branches).sum::<usize>();
    }
    cost
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
