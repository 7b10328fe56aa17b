//! The plan of a job: its trees, its cost and its timing, before anything is loaded.

use lb_blend::{BlendOptions, FilmOutline, Forecast};
use lb_schedule::{BranchingProfile, Camera, Cost, FilmTiming, Timeline, TransitionTiming};

use crate::JobError;
use crate::film_trees::film_profiles;
use crate::{Between, Job, Transition, Upscale};

/// Everything about a film that is known without a model.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The tree of every transition; all have the same number of steps. Stills have none.
    pub profiles: Vec<BranchingProfile>,
    /// The tree between two neighbouring computed frames of the first stage, if a second stage makes
    /// them its keyframes.
    pub upscale: Option<BranchingProfile>,
    /// The number of keyframes.
    pub keyframes: usize,
    /// The seed of every keyframe.
    pub seeds: Vec<u64>,
    /// Model evaluations and decodes of the whole film.
    pub cost: Cost,
    /// The number of in-betweens of every transition: pictures that are decoded from the latents
    /// between its computed frames.
    pub in_betweens: Vec<usize>,
    /// What each stage takes: one, or two if the film is upscaled.
    pub stages: Vec<Forecast>,
    /// When the film moves, and when it rests on a keyframe. That of stills has no film frames.
    pub timeline: Timeline,
    /// What the film shows of its pictures; `None` for all of them, without a camera.
    pub camera: Option<Camera>,
    steps: usize,
}

impl Plan {
    /// Checks a job and makes its plan.
    ///
    /// # Errors
    /// The rule that the job breaks; nothing has been loaded or written.
    pub fn new(job: &Job) -> Result<Self, JobError> {
        job.validate()?;
        let timeline = match job.has_stills() {
            true => Timeline::without_film(job.frame_rate),
            false => Timeline::new(&timing(job))?,
        };
        let camera = job.camera_over(&timeline)?;
        // Where the model decides about the size, whoever knows it checks this.
        if let (Some(camera), Some(size)) = (&camera, job.size) {
            camera.validate_for(size)?;
        }
        let profiles = film_profiles(&job.transitions, timeline.transitions())?;
        let steps = profiles.first().map(BranchingProfile::steps);
        let steps = steps.or(job.still_steps).unwrap_or_default();
        let upscale = job.upscale.as_ref().map(Upscale::profile).transpose()?;
        let mut stages = stages(job, steps, &profiles, upscale.as_ref());
        let in_betweens: Vec<usize> = match job.between {
            Between::Pictures => vec![0; profiles.len()],
            Between::Latents => {
                let frames = transition_frames(&profiles, upscale.as_ref());
                let trees = job.transitions.iter().map(|at| &at.branching);
                let spans = timeline.transitions().iter();
                let pictures = spans.zip(trees).map(|(span, tree)| tree.pictures(span));
                let pairs = pictures.zip(frames);
                pairs
                    .map(|(pictures, frames)| pictures.saturating_sub(frames))
                    .collect()
            }
        };
        if let Some(last) = stages.last_mut() {
            last.decodes += in_betweens.iter().sum::<usize>();
        }
        Ok(Self {
            in_betweens,
            cost: stages
                .iter()
                .fold(Cost::default(), |sum, stage| sum + stage.cost()),
            stages,
            upscale,
            timeline,
            camera,
            keyframes: job.keyframes.len(),
            seeds: job.keyframes.iter().map(|keyframe| keyframe.seed).collect(),
            profiles,
            steps,
        })
    }

    /// The plan of a render that writes no film, where nothing is shown between computed frames.
    #[must_use]
    pub fn without_film(mut self) -> Self {
        let in_betweens: usize = self.in_betweens.iter().sum();
        self.cost.decodes -= in_betweens;
        if let Some(last) = self.stages.last_mut() {
            last.decodes -= in_betweens;
        }
        self.in_betweens.fill(0);
        self
    }

    /// Inference steps: the model evaluations of one keyframe.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
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
        transition_frames(&self.profiles, self.upscale.as_ref())
    }

    /// Pictures of the whole film: its computed frames and in-betweens. A shared keyframe counts once.
    #[must_use]
    pub fn pictures(&self) -> usize {
        self.computed_frames() + self.in_betweens.iter().sum::<usize>()
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

    /// Rows that the UNets predict at most: two for a model evaluation with guidance, and one without it or where
    /// guidance is reused. A branch whose guidance scale the damper takes to exactly 1 needs one row less at each
    /// step.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.stages.iter().map(|stage| stage.rows).sum()
    }

    /// Length of the film in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.timeline.seconds()
    }
}

fn transition_frames(
    profiles: &[BranchingProfile],
    upscale: Option<&BranchingProfile>,
) -> impl Iterator<Item = usize> {
    let within = upscale.map_or(1, |pair| pair.frame_count() - 1);
    let profiles = profiles.iter();
    profiles.map(move |profile| (profile.frame_count() - 1) * within + 1)
}

pub(crate) fn timing(job: &Job) -> FilmTiming {
    let transition = |transition: &Transition| {
        let mut timing = TransitionTiming::new(transition.seconds, transition.easing);
        timing.pace = transition.pace.clone();
        timing
    };
    let mut timing = FilmTiming::new(
        job.frame_rate,
        job.keyframes.iter().map(|keyframe| keyframe.hold).collect(),
        job.transitions.iter().map(transition).collect(),
    );
    timing.film_seconds = job.film_seconds;
    timing
}

/// The cost of each stage of the job, as the engine forecasts it.
fn stages(
    job: &Job,
    steps: usize,
    profiles: &[BranchingProfile],
    upscale: Option<&BranchingProfile>,
) -> Vec<Forecast> {
    let options = BlendOptions::default()
        .with_spacing(job.spacing)
        .with_distance(job.distance)
        .with_guidance_every(job.guidance_every);
    let scales = || job.keyframes.iter().map(|at| at.guidance_scale);
    let pairs = job.transitions.iter().zip(profiles);
    let transitions: Vec<_> = pairs
        .map(|(at, profile)| lb_blend::Transition::new(profile.clone(), at.guidance_damper))
        .collect();
    let film = FilmOutline::new(&transitions, scales()).with_steps(steps);
    let pictures = job.keyframes.iter().filter(|at| at.image.is_some());
    let inversion = job
        .inversion()
        .forecast(pictures.map(|at| at.guidance_scale), film.steps());
    let mut stages = vec![film.forecast(&options) + inversion];
    if let Some(pair) = upscale {
        let pairs = profiles.iter().map(|profile| profile.frame_count() - 1);
        // The guidance scale of a computed frame follows from its fraction, which is not known yet.
        let strongest = scales().fold(1.0, f64::max);
        let pairs = vec![lb_blend::Transition::new(pair.clone(), 1.0); pairs.sum()];
        let frames = pairs.len() + usize::from(!job.looped);
        let film = FilmOutline::new(&pairs, std::iter::repeat_n(strongest, frames));
        stages.push(film.forecast(&options));
    }
    stages
}
