//! A project's film: its job without gaps, its plan, and the keys of its keyframes and transitions.
//!
//! A key is a hash of everything that a picture depends on. If a prompt changes, the keys of its keyframe and
//! of the two transitions beside it change, and no others.

use std::path::Path;
use std::sync::Arc;

use lb_job::{Branching, Choice as _, Injections, Job, JobSettings, KeyframeSettings, Plan};
use lb_render::{film_size, resolve_for};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::frames::KEY_DIGITS;
use crate::ids::hex;
use crate::models::{Model, Models};

/// See the documentation of the module.
#[derive(Debug)]
pub(crate) struct Film {
    /// The job, with its model and size, and with absolute paths. If there is only one keyframe, it is a still.
    pub(crate) job: Job,
    pub(crate) plan: Plan,
    pub(crate) model: Arc<Model>,
    /// The second stage's model.
    pub(crate) upscaler: Option<Arc<Model>>,
    /// The key of every keyframe.
    pub(crate) keyframes: Vec<String>,
    /// The key of every transition.
    pub(crate) transitions: Vec<String>,
    /// What keeps this from being a film yet, as a sentence, although the rest is known.
    pub(crate) incomplete: Option<String>,
}

/// Why there is no plan, as a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem(pub(crate) String);

impl<E: std::error::Error> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl Film {
    /// The film of these settings, whose pictures lie in the folder of the project.
    pub(crate) fn new(
        settings: &JobSettings,
        folder: &Path,
        models: &Models,
    ) -> Result<Self, Problem> {
        Self::of(settings.clone(), true, folder, models)
    }

    /// Stills of these settings, each of which has the key that it would have as a keyframe of a film.
    pub(crate) fn stills_of(
        settings: JobSettings,
        folder: &Path,
        models: &Models,
    ) -> Result<Self, Problem> {
        Self::of(settings, false, folder, models)
    }

    fn of(
        mut settings: JobSettings,
        is_film: bool,
        folder: &Path,
        models: &Models,
    ) -> Result<Self, Problem> {
        let name = settings.model.clone();
        let name = name.unwrap_or_else(|| models.default_name().to_owned());
        let model = models.open(&name)?;
        let upscaler = match &settings.upscale.model {
            Some(upscaler) => Some(models.open(upscaler)?),
            None => None,
        };
        let mut incomplete = complete_prompts(&mut settings.keyframes);
        match settings.keyframes.len() {
            0 => return Err(Problem("The film has no keyframes yet.".into())),
            1 => {
                settings.stills = Some(true);
                incomplete.get_or_insert_with(|| "A film has two keyframes or more.".into());
            }
            _ => settings.stills = Some(!is_film),
        }
        let mut job = resolve_for(settings, &model.directory)?;
        job.model = Some(name);
        for path in job.paths_mut() {
            *path = folder.join(&path);
            if !path.is_file() {
                return Err(Problem("A picture of the film is missing.".into()));
            }
        }
        if job.has_stills() {
            job.upscale = None;
        }
        job.size = Some(film_size(&job, model.directory.default_side)?);
        let plan = Plan::new(&job)?;
        let keyframes = keyframe_keys(&job, &plan, &model);
        let transitions = transition_keys(&job, &plan, &keyframes);
        Ok(Self {
            job,
            plan,
            model,
            upscaler,
            keyframes,
            transitions,
            incomplete,
        })
    }

    /// Changes with everything that the film shows.
    pub(crate) fn key(&self) -> String {
        let mut job = self.job.clone();
        // Where the project lies does not matter, and the names of pictures are hashes of their contents.
        for path in job.paths_mut() {
            *path = path.file_name().unwrap_or_default().into();
        }
        key(&(&self.model.identity, job.settings()))
    }

    pub(crate) fn size(&self) -> (usize, usize) {
        self.job.size.unwrap_or_default()
    }

    /// The keyframes beside a transition.
    pub(crate) fn ends(&self, transition: usize) -> [usize; 2] {
        [transition, (transition + 1) % self.keyframes.len().max(1)]
    }

    /// The picture of one keyframe: a still of as many steps as the film has.
    pub(crate) fn still(&self, index: usize) -> Job {
        Job {
            keyframes: vec![self.job.keyframes[index].clone()],
            ..self.stills()
        }
    }

    /// The job of stills, without any keyframe.
    fn stills(&self) -> Job {
        Job {
            keyframes: Vec::new(),
            transitions: Vec::new(),
            still_steps: Some(self.plan.steps()),
            looped: false,
            film_seconds: None,
            upscale: None,
            crossfeed: Default::default(),
            ..self.job.clone()
        }
    }

    /// A film of one transition and its two keyframes, and the index that its first keyframe has in this
    /// film.
    ///
    /// If keyframes take over from those before them, it begins with the first keyframe of the film.
    pub(crate) fn part(&self, transition: usize) -> (Job, usize) {
        let [_, right] = self.ends(transition);
        let first = match self.job.crossfeed.keyframes.power > 0.0 {
            true => 0,
            false => transition,
        };
        let closes = right == 0;
        let last = if closes { transition } else { right };
        let mut keyframes = self.job.keyframes[first..=last].to_vec();
        let mut looped = false;
        if closes {
            // A loop of one transition is one between two keyframes, and one of all transitions is the loop.
            looped = first == 0 && transition > 0;
            if !looped {
                keyframes.push(self.job.keyframes[0].clone());
            }
        }
        let pairs = self.job.transitions.iter().zip(&self.plan.profiles);
        let transitions = pairs.map(|(given, profile)| {
            let mut transition = given.clone();
            // Numbers that depend on the length of the film must not change with it.
            let levels = profile.levels();
            let counts = levels.iter().map(|level| level.branch_count);
            let steps = levels.iter().map(|level| level.injection_step);
            let injections = Injections::Steps(steps.collect());
            transition.branching = Branching::manual(profile.steps(), counts.collect(), injections);
            transition
        });
        let transitions = transitions.collect::<Vec<_>>()[first..=transition].to_vec();
        let job = Job {
            keyframes,
            transitions,
            looped,
            film_seconds: None,
            upscale: None,
            ..self.job.clone()
        };
        (job, first)
    }

    /// Model evaluations of a keyframe.
    pub(crate) fn keyframe_evaluations(&self, index: usize) -> usize {
        let steps = self.plan.steps();
        let inversion = match self.job.keyframes[index].image {
            Some(_) => self.job.inversion().model_evaluations(1, steps),
            None => 0,
        };
        steps + inversion
    }

    /// Model evaluations of a transition without its keyframes.
    pub(crate) fn transition_evaluations(&self, index: usize) -> usize {
        let profile = &self.plan.profiles[index];
        let levels = 1..profile.levels().len();
        let inner = levels.map(|level| profile.inner_cost(level).model_evaluations);
        inner.sum()
    }

    /// Computed frames of a transition between its keyframes.
    pub(crate) fn inner_frames(&self, index: usize) -> usize {
        self.plan.profiles[index].frame_count().saturating_sub(2)
    }
}

/// Gives an empty prompt to keyframes that have neither a prompt nor a picture, so that the rest can be
/// planned, and says which one it was.
fn complete_prompts(keyframes: &mut [KeyframeSettings]) -> Option<String> {
    let mut first = None;
    for (index, keyframe) in keyframes.iter_mut().enumerate() {
        if keyframe.prompt.is_none() && keyframe.image.is_none() {
            keyframe.prompt = Some(String::new());
            first = first.or(Some(index + 1));
        }
    }
    first.map(|number| format!("Keyframe {number} has neither a prompt nor a picture."))
}

fn keyframe_keys(job: &Job, plan: &Plan, model: &Model) -> Vec<String> {
    let film = key(&(
        "film",
        &model.identity,
        job.size,
        job.sampler.name(),
        job.timestep_spacing.map(lb_job::Choice::name),
        plan.steps(),
        job.fit.map(lb_job::Choice::name),
        (
            job.inpaint
                .as_ref()
                .map(|at| (file_name(&at.image), file_name(&at.mask), at.feather)),
            job.depth.as_ref().map(|at| file_name(&at.image)),
        ),
    ));
    let takes_over = job.crossfeed.keyframes.power > 0.0;
    let mut before: Option<String> = None;
    let keys = job.keyframes.iter().map(|keyframe| {
        let picture = keyframe.image.as_deref().map(file_name);
        // The name of a picture is the hash of its content.
        let inversion = picture.map(|name| (name, job.inversion_iterations));
        let key = key(&(
            "keyframe",
            &film,
            (&keyframe.prompt, &keyframe.negative_prompt),
            keyframe.seed,
            keyframe.variation.map(|at| (at.seed, at.strength)),
            keyframe.guidance_scale,
            inversion,
            before
                .take()
                .map(|before| (before, format!("{:?}", job.crossfeed))),
        ));
        before = takes_over.then(|| key.clone());
        key
    });
    keys.collect()
}

fn transition_keys(job: &Job, plan: &Plan, keyframes: &[String]) -> Vec<String> {
    let pairs = job.transitions.iter().zip(&plan.profiles).enumerate();
    let keys = pairs.map(|(index, (transition, profile))| {
        let levels = profile.levels().iter();
        let levels = levels.map(|level| (level.injection_step, level.branch_count));
        key(&(
            "transition",
            &keyframes[index],
            &keyframes[(index + 1) % keyframes.len()],
            levels.collect::<Vec<_>>(),
            format!("{:?}", job.spacing),
            job.distance.name(),
            transition.guidance_damper,
            format!("{:?}", job.crossfeed),
        ))
    });
    keys.collect()
}

/// The key of something whose parts are plain values.
pub(crate) fn key(content: &impl Serialize) -> String {
    let text = serde_json::to_vec(content).unwrap_or_default();
    hex(&Sha256::digest(&text)[..KEY_DIGITS / 2])
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(std::ffi::OsStr::to_str)
        .unwrap_or_default()
}
