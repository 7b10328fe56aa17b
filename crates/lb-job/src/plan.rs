//! A job worked out before anything is loaded: its trees, its cost, its film.

use lb_schedule::{BranchingProfile, Cost, FilmTiming, Timeline, TransitionTiming, film_cost};

use crate::JobError;
use crate::branching::film_profiles;
use crate::{Job, Transition, Upscale};

/// The work of one stage of a film.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StageCost {
    /// Its model evaluations and decodes.
    pub cost: Cost,
    /// Rows that the model sees: two an evaluation, one where guidance is 1 all along. Guidance that
    /// its damper takes to 1 in the very middle of a transition saves some of them.
    pub rows: usize,
}

/// Everything about a film that is known beforehand.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The tree of every transition; all have the same number of steps.
    pub profiles: Vec<BranchingProfile>,
    /// The tree between two neighbouring computed frames of these trees, where a second stage makes
    /// each of them a keyframe.
    pub upscale: Option<BranchingProfile>,
    /// Keyframes of the film.
    pub keyframes: usize,
    /// The seed of every keyframe.
    pub seeds: Vec<u64>,
    /// Model evaluations and decodes of the whole film.
    pub cost: Cost,
    /// The same for the first stage, and for the second one of a film that is upscaled.
    pub stages: Vec<StageCost>,
    /// When the film moves and when it rests.
    pub timeline: Timeline,
}

impl Plan {
    /// Checks a job and works it out.
    ///
    /// # Errors
    /// The rule that the job breaks; nothing has been loaded or written.
    pub fn new(job: &Job) -> Result<Self, JobError> {
        job.validate()?;
        let profiles = film_profiles(&job.transitions)?;
        let timeline = Timeline::new(&timing(job))?;
        let upscale = job.upscale.as_ref().map(Upscale::profile).transpose()?;
        let stages = stages(job, &profiles, upscale.as_ref());
        Ok(Self {
            cost: stages
                .iter()
                .fold(Cost::default(), |sum, stage| sum + stage.cost),
            stages,
            upscale,
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
        let inner = self.transition_frames();
        self.keyframes + inner.map(|frames| frames - 2).sum::<usize>()
    }

    /// Computed frames of every transition, both its keyframes included.
    pub fn transition_frames(&self) -> impl Iterator<Item = usize> {
        let within = self
            .upscale
            .as_ref()
            .map_or(1, |pair| pair.frame_count() - 1);
        let profiles = self.profiles.iter();
        profiles.map(move |profile| (profile.frame_count() - 1) * within + 1)
    }

    /// Computed frames of the first stage of an upscaled film, or of the only one.
    #[must_use]
    pub fn first_stage_frames(&self) -> usize {
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
    let transition =
        |transition: &Transition| TransitionTiming::new(transition.seconds, transition.easing);
    let mut timing = FilmTiming::new(
        job.frames_per_second,
        job.keyframes.iter().map(|keyframe| keyframe.hold).collect(),
        job.transitions.iter().map(transition).collect(),
    );
    timing.film_seconds = job.film_seconds;
    timing
}

fn stages(
    job: &Job,
    profiles: &[BranchingProfile],
    upscale: Option<&BranchingProfile>,
) -> Vec<StageCost> {
    let mut first = stage_cost(job, profiles.iter());
    let steps = profiles[0].steps();
    first.model_evaluations += job.inversion().model_evaluations(job.pictures(), steps);
    let mut stages = vec![StageCost {
        cost: first,
        rows: first_rows(job, profiles),
    }];
    if let Some(pair) = upscale {
        let pairs = profiles.iter().map(|profile| profile.frame_count() - 1);
        let cost = stage_cost(job, std::iter::repeat_n(pair, pairs.sum()));
        let guided = job.keyframes.iter().map(|at| rows(at.guidance_scale)).max();
        stages.push(StageCost {
            cost,
            rows: cost.model_evaluations * guided.unwrap_or(1),
        });
    }
    stages
}

/// Rows of the first stage: of its keyframes, of the inversions, and of what lies between.
fn first_rows(job: &Job, profiles: &[BranchingProfile]) -> usize {
    let steps = profiles[0].steps();
    let keyframes = job.keyframes.iter().map(|keyframe| {
        let inverted = usize::from(keyframe.image.is_some());
        let inversion = job.inversion().model_evaluations(inverted, steps);
        rows(keyframe.guidance_scale) * (steps + inversion)
    });
    let ends = job
        .keyframes
        .iter()
        .zip(job.keyframes.iter().cycle().skip(1));
    let transitions = profiles.iter().zip(ends).map(|(profile, (left, right))| {
        let levels = 0..profile.levels().len();
        let inner = levels.map(|level| profile.inner_cost(level).model_evaluations);
        rows(left.guidance_scale).max(rows(right.guidance_scale)) * inner.sum::<usize>()
    });
    keyframes.chain(transitions).sum()
}

/// Rows of an evaluation at this guidance scale.
fn rows(guidance_scale: f64) -> usize {
    if guidance_scale == 1.0 { 1 } else { 2 }
}

fn stage_cost<'a>(job: &Job, profiles: impl Iterator<Item = &'a BranchingProfile> + Clone) -> Cost {
    let mut cost = film_cost(profiles.clone(), job.looped);
    if job.measures_pictures() {
        cost.decodes += profiles.map(measured_branches).sum::<usize>();
    }
    cost
}

/// Branches whose predicted pictures have the last word on where frames end up: the frames' own
/// before their last step, or those of the level above where that step is their first. None where
/// two branches leave nothing to decide.
fn measured_branches(profile: &BranchingProfile) -> usize {
    let last = profile.levels().len() - 1;
    let steps = profile.step_range(last).len();
    let known = match (last, steps) {
        (0, _) => return 0,
        (_, 1) => last - 1,
        _ => last,
    };
    let count = profile.levels()[known].branch_count;
    if count > 2 { count } else { 0 }
}
