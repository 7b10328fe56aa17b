//! A project's film: its job without gaps, its plan, and the keys of its keyframes and transitions.
//!
//! A key is a hash of everything that a picture depends on. If a prompt changes, the keys of its keyframe and
//! of the two transitions beside it change, and no others.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use lb_job::{Branching, Choice as _, Injections, Job, JobSettings, KeyframeSettings, Plan};
use lb_models::Tokenizer;
use lb_render::{check_job, film_size, resolve_for};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::add_ons::AddOnKind;
use crate::frames::KEY_DIGITS;
use crate::ids::hex;
use crate::job_document::{self, loras_mut};
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
    /// What keeps the model from making any picture of this job, such as a depth map that is missing.
    pub(crate) unsuitable: Option<String>,
    /// The names of the embeddings that no prompt names.
    pub(crate) unused_embeddings: Vec<String>,
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
    /// The film of these settings, whose files lie in the folder of the project, which is an absolute path.
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
        // What a LoRA needs is found in its file.
        for lora in loras_mut(&mut settings).flatten().flatten() {
            lora.path = folder.join(&lora.path);
        }
        let mut job = resolve_for(settings, &model.directory)?;
        job.model = Some(name);
        for path in job.paths_mut() {
            // The paths of LoRAs are absolute already, and stay what they are.
            *path = folder.join(&path);
            if !path.is_file() {
                let what = kind_of(path).map_or("picture", AddOnKind::noun);
                return Err(Problem(format!("One {what} of the film is missing.")));
            }
        }
        let model = models.changed(&model, &job)?;
        if job.has_stills() {
            job.upscale = None;
        }
        job.size = Some(film_size(&job, model.directory.default_size)?);
        let plan = Plan::new(&job)?;
        let unsuitable = check(&job, &plan, &model, upscaler.as_deref()).err();
        let unsuitable = unsuitable.map(|Problem(problem)| problem);
        let embeddings = named_embeddings(&job, &model)?;
        let unused = job.embeddings.iter().enumerate();
        let unused = unused.filter(|(index, _)| !embeddings.iter().any(|at| at.contains(index)));
        let unused = unused
            .map(|(_, embedding)| embedding.name.clone())
            .collect();
        let keyframes = keyframe_keys(&job, &plan, &model, &embeddings);
        let transitions = transition_keys(&job, &plan, &keyframes);
        Ok(Self {
            job,
            plan,
            model,
            upscaler,
            keyframes,
            transitions,
            incomplete: incomplete.or_else(|| unsuitable.clone()),
            unsuitable,
            unused_embeddings: unused,
        })
    }

    /// Changes with everything that the film shows.
    pub(crate) fn key(&self) -> String {
        let job = without_folders(&self.job);
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
        // The camera is that of the whole film, and its pictures do not depend on it.
        for keyframe in &mut keyframes {
            keyframe.camera = Default::default();
        }
        let job = Job {
            keyframes,
            transitions,
            looped,
            film_seconds: None,
            upscale: None,
            camera: Default::default(),
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

/// Checks a job as a render does, apart from its LoRAs, which were found to fit, and its pictures, which were
/// decoded when they were uploaded.
fn check(job: &Job, plan: &Plan, model: &Model, upscaler: Option<&Model>) -> Result<(), Problem> {
    let mut job = job.clone();
    for keyframe in &mut job.keyframes {
        keyframe.loras.clear();
    }
    let upscaler = upscaler.map(|model| &model.directory);
    Ok(check_job(&job, plan, &model.directory, upscaler, false)?)
}

/// The indices of the embeddings that the prompts of each keyframe name.
fn named_embeddings(job: &Job, model: &Model) -> Result<Vec<BTreeSet<usize>>, Problem> {
    if job.embeddings.is_empty() {
        return Ok(vec![BTreeSet::new(); job.keyframes.len()]);
    }
    let tokenizer = Tokenizer::of(&model.directory)?;
    let keyframes = job.keyframes.iter().map(|keyframe| {
        let prompts = [&keyframe.prompt, &keyframe.negative_prompt].into_iter();
        // A prompt that cannot be read has no picture.
        let read = prompts.filter_map(|prompt| job.read_prompt(prompt).ok());
        read.flat_map(|prompt| tokenizer.embeddings_in(&prompt.words()))
            .collect()
    });
    Ok(keyframes.collect())
}

/// What a file of a project is by the folder that it lies in, if it is no picture.
fn kind_of(path: &Path) -> Option<AddOnKind> {
    let folder = path.parent()?;
    let mut kinds = AddOnKind::ALL.into_iter();
    kinds.find(|kind| folder.ends_with(kind.folder()))
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

/// The settings of a film that change no picture of a keyframe. All others are part of every key, so that a
/// setting that is new cannot be forgotten.
const BESIDE_KEYFRAMES: &[&str] = &[
    "keyframe",
    "defaults",
    "stills",
    "loop",
    "fps",
    "film_seconds",
    "sync",
    "timing",
    "between",
    "scale",
    "upscale",
    "spacing",
    "mid_compression",
    "spacing_distance",
    // Each is added where it matters.
    "embedding",
    "crossfeed",
    "inversion_iterations",
    // The camera looks at pictures that are finished.
    "camera",
];

/// The settings of a keyframe that are those of the transition after it, or of the film's timing.
const AFTER_KEYFRAMES: &[&str] = &[
    "hold",
    "pace",
    "seconds",
    "easing",
    "guidance_damper",
    "quality",
    "steps",
    "frames",
    "pictures",
    "branching",
    "depth_strength",
    "branches",
    "injection_steps",
    "injection_strengths",
    "zoom",
    "pan",
    "rotation",
    // They are added as far as they change anything.
    "lora",
];

fn keyframe_keys(
    job: &Job,
    plan: &Plan,
    model: &Model,
    embeddings: &[BTreeSet<usize>],
) -> Vec<String> {
    let mut film = job_document::to_json(&without_folders(job).settings());
    let known = film["embedding"].take();
    let keyframes = film["keyframe"].take();
    remove(&mut film, BESIDE_KEYFRAMES);
    let film = key(&("film", &model.identity, plan.steps(), film));
    let takes_over = job.crossfeed.keyframes.power > 0.0;
    let loras = job.lora_files().into_iter().map(file_name);
    let loras: Vec<&str> = loras.collect();
    let mut strengths = job.keyframe_lora_strengths().into_iter();
    let mut before: Option<String> = None;
    let settings = keyframes.as_array().into_iter().flatten();
    let keys = job.keyframes.iter().zip(settings).zip(embeddings).map(
        |((keyframe, settings), embeddings)| {
            let mut settings = settings.clone();
            remove(&mut settings, AFTER_KEYFRAMES);
            if !embeddings.is_empty() {
                settings["embedding"] = embeddings.iter().map(|&at| known[at].clone()).collect();
            }
            // Without any strength, the model is as it is without LoRAs. With one, all of the film are part of it.
            let strengths = strengths.next().unwrap_or_default();
            let changed = strengths.iter().any(|&strength| strength != 0.0);
            let changed = changed.then_some((&loras, strengths));
            let iterations = keyframe.image.is_some().then_some(job.inversion_iterations);
            let taken = before
                .take()
                .map(|before| (before, format!("{:?}", job.crossfeed)));
            let key = match changed {
                None => key(&("keyframe", &film, settings, iterations, taken)),
                Some(loras) => key(&("keyframe", &film, settings, iterations, taken, loras)),
            };
            before = takes_over.then(|| key.clone());
            key
        },
    );
    keys.collect()
}

fn remove(table: &mut serde_json::Value, keys: &[&str]) {
    if let Some(entries) = table.as_object_mut() {
        entries.retain(|key, _| !keys.contains(&key.as_str()));
    }
}

/// The name of a file of a project, which has the hash of its content.
fn file_name(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str());
    name.unwrap_or_default()
}

/// The job with only the names of its files, which have the hashes of their contents.
fn without_folders(job: &Job) -> Job {
    let mut job = job.clone();
    for path in job.paths_mut() {
        *path = path.file_name().unwrap_or_default().into();
    }
    job
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A setting that is new must be part of the keys, unless it is known to change no picture.
    #[test]
    fn what_is_left_out_of_keys_are_settings() {
        let all = serde_json::to_value(JobSettings::default()).unwrap();
        let keyframe = serde_json::to_value(KeyframeSettings::default()).unwrap();
        for (table, keys) in [(all, &BESIDE_KEYFRAMES[1..]), (keyframe, AFTER_KEYFRAMES)] {
            for key in keys {
                assert!(table.get(key).is_some(), "{key}");
            }
        }
    }

    #[test]
    fn equal_contents_have_equal_keys() {
        assert_eq!(key(&json!([1, "a"])), key(&(1, "a")));
        assert_ne!(key(&(1, "a")), key(&(2, "a")));
        assert_eq!(key(&1).len(), KEY_DIGITS);
    }
}
