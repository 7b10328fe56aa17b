//! What an act means: the job that is rendered for it, and which pictures come of it.

use std::path::Path;
use std::sync::Arc;

use lb_job::{
    BranchingSettings, Job, JobSettings, KeyframeLora, KeyframeSettings, Plan, TimingSettings,
};

use crate::add_ons::{AddOn, AddOnKind};
use crate::api::types::{Act, FilmFormat, Progress, SeedPicture, VariationFacts};
use crate::error::ApiError;
use crate::film::{Film, Problem};
use crate::frames::FrameStore;
use crate::job_document::check_prompt;
use crate::models::{Model, Models};

/// See the documentation of the module.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) job: Job,
    pub(crate) plan: Plan,
    pub(crate) model: Arc<Model>,
    pub(crate) upscaler: Option<Arc<Model>>,
    /// The keyframes of the job: their index for the client, and their key.
    pub(crate) keyframes: Vec<(usize, String)>,
    /// The transitions of the job whose frames are kept.
    pub(crate) transitions: Vec<WorkTransition>,
    pub(crate) format: Option<FilmFormat>,
    /// The key of the film.
    pub(crate) film_key: String,
    /// The seeds of stills, if seeds or variations are shown.
    stills: Vec<(u64, Option<VariationFacts>)>,
}

/// A transition of the work.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct WorkTransition {
    /// Its index for the client.
    pub(crate) index: usize,
    pub(crate) key: String,
    /// Computed frames between its keyframes.
    pub(crate) inner_frames: usize,
}

/// Why work was not finished.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum WorkError {
    Interrupted,
    /// A message.
    Failed(String),
}

impl From<Problem> for WorkError {
    fn from(Problem(problem): Problem) -> Self {
        Self::Failed(problem)
    }
}

impl Work {
    /// The work of an act on a job whose pictures lie in this folder.
    pub(crate) fn of_act(
        act: &Act,
        settings: JobSettings,
        folder: &Path,
        models: &Models,
    ) -> Result<Self, Problem> {
        match act {
            Act::Keyframe { index } => {
                let film = Film::new(&settings, folder, models)?;
                film.require_keyframe(*index)?;
                let keyframes = vec![(*index, film.keyframes[*index].clone())];
                Self::new(film.still(*index), &film, keyframes, Vec::new(), None)
            }
            Act::Transition { index } => {
                let film = Film::new(&settings, folder, models)?;
                film.require_transition(*index)?;
                let (job, first) = film.part(*index);
                let count = film.keyframes.len();
                let indices = (first..).take(job.keyframes.len()).map(|at| at % count);
                let keyframes = indices.map(|at| (at, film.keyframes[at].clone()));
                let transitions = (first..=*index).map(|at| film.work_transition(at));
                let (keyframes, transitions) = (keyframes.collect(), transitions.collect());
                Self::new(job, &film, keyframes, transitions, None)
            }
            Act::Film { format } => {
                let film = Film::new(&settings, folder, models)?;
                if let Some(problem) = &film.incomplete {
                    return Err(Problem(problem.clone()));
                }
                let keyframes = film.keyframes.iter().cloned().enumerate().collect();
                let all = 0..film.transitions.len();
                // The frames of an upscaled film are not those of its transitions.
                let transitions = match film.job.upscale {
                    Some(_) => Vec::new(),
                    None => all.map(|at| film.work_transition(at)).collect(),
                };
                let job = film.job.clone();
                Self::new(job, &film, keyframes, transitions, Some(*format))
            }
            Act::Seeds {
                prompt,
                negative_prompt,
                model,
                lora,
                seeds,
            } => {
                let keyframes = seeds.iter().map(|&seed| (seed, None));
                let still = Still {
                    prompt,
                    negative_prompt: negative_prompt.as_deref(),
                    model: model.as_deref(),
                    loras: loras_of(lora.as_deref())?,
                };
                still.work(keyframes.collect(), settings, folder, models)
            }
            Act::Variations {
                prompt,
                negative_prompt,
                seed,
                model,
                lora,
                count,
                strength,
            } => {
                // Each varies the noise towards that of another seed, and the same ones whenever it is asked for.
                let others = (0..*count as u64).map(|at| seed.wrapping_add(at + 1));
                let variations = others.map(|other| {
                    let variation = VariationFacts {
                        seed: other,
                        strength: *strength,
                    };
                    (*seed, Some(variation))
                });
                let still = Still {
                    prompt,
                    negative_prompt: negative_prompt.as_deref(),
                    model: model.as_deref(),
                    loras: loras_of(lora.as_deref())?,
                };
                still.work(variations.collect(), settings, folder, models)
            }
        }
    }

    fn new(
        job: Job,
        film: &Film,
        keyframes: Vec<(usize, String)>,
        transitions: Vec<WorkTransition>,
        format: Option<FilmFormat>,
    ) -> Result<Self, Problem> {
        if let Some(problem) = &film.unsuitable {
            return Err(Problem(problem.clone()));
        }
        let mut plan = Plan::new(&job)?;
        if matches!(format, None | Some(FilmFormat::Sheet)) {
            plan = plan.without_film();
        }
        Ok(Self {
            job,
            plan,
            model: Arc::clone(&film.model),
            upscaler: film.upscaler.clone(),
            keyframes,
            transitions,
            format,
            film_key: film.key(),
            stills: Vec::new(),
        })
    }

    /// Whether everything that is asked for is there already.
    pub(crate) fn is_done(&self, store: &FrameStore) -> bool {
        let has_keyframe = |(_, key): &(usize, String)| store.keyframe(key).is_some();
        let is_whole = |at: &WorkTransition| store.frames(&at.key).len() >= at.inner_frames;
        self.format.is_none()
            && self.keyframes.iter().all(has_keyframe)
            && self.transitions.iter().all(is_whole)
    }

    /// The progress before anything is done.
    pub(crate) fn expected(&self) -> Progress {
        Progress {
            of_evaluations: self.plan.cost.model_evaluations,
            of_decodes: self.plan.pictures(),
            ..Progress::default()
        }
    }

    /// The pictures of seeds or variations that are there.
    pub(crate) fn seed_pictures(&self, store: &FrameStore) -> Vec<SeedPicture> {
        let stills = self.stills.iter().zip(&self.keyframes);
        let pictures = stills.filter_map(|(&(seed, variation), (_, key))| {
            Some(SeedPicture {
                seed,
                variation,
                key: key.clone(),
                picture: store.keyframe(key)?,
            })
        });
        pictures.collect()
    }
}

/// The prompt of stills.
struct Still<'a> {
    prompt: &'a str,
    negative_prompt: Option<&'a str>,
    model: Option<&'a str>,
    loras: Option<Vec<KeyframeLora>>,
}

/// The LoRAs that a client names, each of which the project has to have.
fn loras_of(named: Option<&[String]>) -> Result<Option<Vec<KeyframeLora>>, Problem> {
    let Some(named) = named else {
        return Ok(None);
    };
    let loras = named.iter().map(|text| {
        let lora: KeyframeLora = text.parse().map_err(Problem)?;
        match AddOn::of_path(AddOnKind::Lora, &lora.path) {
            Some(_) => Ok(lora),
            None => Err(Problem("There is no such LoRA in the project.".into())),
        }
    });
    loras.collect::<Result<_, _>>().map(Some)
}

impl Still<'_> {
    /// Stills of these seeds, with the settings of the project's film. Another model than the film's is used
    /// with the settings that it needs.
    fn work(
        &self,
        seeds: Vec<(u64, Option<VariationFacts>)>,
        mut settings: JobSettings,
        folder: &Path,
        models: &Models,
    ) -> Result<Work, Problem> {
        let own = settings.model.as_deref().unwrap_or(models.default_name());
        let is_own = self.model.is_none_or(|model| model == own);
        // A film that is complete decides the number of steps, so that its keyframe is the same picture.
        let film = Film::new(&settings, folder, models).ok();
        let steps = film.filter(|_| is_own).map(|film| film.plan.steps());
        if let (Some(model), false) = (self.model, is_own) {
            settings.model = Some(model.to_owned());
            settings.clip_skip = None;
            settings.guidance_rescale = None;
            settings.sampler = None;
            settings.timestep_spacing = None;
            settings.defaults.shared.guidance_scale = None;
        }
        settings.keyframes = seeds
            .iter()
            .map(|&(seed, variation)| {
                let mut keyframe = KeyframeSettings::from_prompt(self.prompt);
                keyframe.seed = Some(seed);
                keyframe.variation_seed = variation.map(|at| at.seed);
                keyframe.variation_strength = variation.map(|at| at.strength);
                keyframe.shared.negative_prompt = self.negative_prompt.map(str::to_owned);
                keyframe.shared.loras = self.loras.clone();
                keyframe
            })
            .collect();
        settings.defaults.branching = BranchingSettings::default();
        settings.defaults.branching.steps = steps;
        settings.timing = TimingSettings::default();
        settings.upscale = Default::default();
        settings.crossfeed = Default::default();
        let film = Film::stills_of(settings, folder, models)?;
        let keyframes = film.keyframes.iter().cloned().enumerate().collect();
        let mut work = Work::new(film.job.clone(), &film, keyframes, Vec::new(), None)?;
        work.stills = seeds;
        Ok(work)
    }
}

impl Film {
    fn work_transition(&self, index: usize) -> WorkTransition {
        WorkTransition {
            index,
            key: self.transitions[index].clone(),
            inner_frames: self.inner_frames(index),
        }
    }

    fn require_keyframe(&self, index: usize) -> Result<(), Problem> {
        let found = self.job.keyframes.get(index);
        let keyframe = found.ok_or_else(|| Problem("There is no such keyframe.".into()))?;
        match keyframe.prompt.is_empty() && keyframe.image.is_none() {
            true => Err(Problem(format!(
                "Keyframe {} has neither a prompt nor a picture.",
                index + 1
            ))),
            false => Ok(()),
        }
    }

    fn require_transition(&self, index: usize) -> Result<(), Problem> {
        if index >= self.transitions.len() {
            return Err(Problem("There is no such transition.".into()));
        }
        let [left, right] = self.ends(index);
        self.require_keyframe(left)?;
        self.require_keyframe(right)
    }
}

impl Act {
    /// What the act is called in a list of tasks. `prompts` are those of the project's keyframes.
    pub(crate) fn title(&self, settings: &JobSettings) -> String {
        let prompt = |index: usize| {
            let keyframe = settings.keyframes.get(index);
            let prompt = keyframe
                .and_then(|at| at.prompt.as_deref())
                .unwrap_or_default();
            excerpt(prompt)
        };
        let count = settings.keyframes.len().max(1);
        match self {
            Self::Keyframe { index } => format!("Keyframe {}: {}", index + 1, prompt(*index)),
            Self::Transition { index } => {
                let next = prompt((index + 1) % count);
                format!("Transition {}: {} → {next}", index + 1, prompt(*index))
            }
            Self::Film { format } => match format {
                FilmFormat::Mp4 => "Film (MP4)".into(),
                FilmFormat::Gif => "Film (GIF)".into(),
                FilmFormat::Webp => "Film (WebP)".into(),
                FilmFormat::Png => "Film frames (PNG)".into(),
                FilmFormat::Sheet => "Contact sheet".into(),
            },
            Self::Seeds { prompt, seeds, .. } => {
                format!("{} seeds of {}", seeds.len(), excerpt(prompt))
            }
            Self::Variations { prompt, count, .. } => {
                format!("{count} variations of {}", excerpt(prompt))
            }
        }
    }

    /// Checks numbers that have nothing to do with the job.
    pub(crate) fn validate(&self) -> Result<(), ApiError> {
        if let Self::Seeds {
            prompt,
            negative_prompt,
            ..
        }
        | Self::Variations {
            prompt,
            negative_prompt,
            ..
        } = self
        {
            check_prompt(prompt)?;
            check_prompt(negative_prompt.as_deref().unwrap_or_default())?;
        }
        let most = crate::limits::MOST_STILLS;
        let count = match self {
            Self::Seeds { seeds, .. } => seeds.len(),
            Self::Variations {
                count, strength, ..
            } => {
                if !(0.0..=1.0).contains(strength) {
                    return Err(ApiError::request("`strength` is from 0 to 1"));
                }
                *count
            }
            _ => return Ok(()),
        };
        match count {
            0 => Err(ApiError::request("no pictures are asked for")),
            count if count > most => Err(ApiError::request(format!(
                "{count} pictures are asked for; one task shows at most {most}"
            ))),
            _ => Ok(()),
        }
    }
}

/// The beginning of a prompt.
fn excerpt(prompt: &str) -> String {
    const LONGEST: usize = 40;
    match prompt.chars().nth(LONGEST) {
        None => prompt.to_owned(),
        Some(_) => {
            let beginning: String = prompt.chars().take(LONGEST).collect();
            format!("{}…", beginning.trim_end())
        }
    }
}
