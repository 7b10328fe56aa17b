//! Writing a job as a job file.
//!
//! Films carry this text, so it must not change: the same job always gives the same bytes. Keys and
//! values are written according to the declaration of the settings; this module decides their order.

use lb_prompt::{Prompt, PromptSyntax};
use lb_schedule::Crossfeed;
use serde::Serialize;
use toml::de::{DeTable, DeValue};

use super::JobFileError;
use crate::limits::LARGEST_JOB_FILE;
use crate::{
    BranchingSettings, FilmCamera, Job, JobSettings, Keyframe, KeyframeSettings, PromptSettings,
    SharedSettings,
};

impl Job {
    /// The job as a job file in which every value is explicit.
    ///
    /// Values that all keyframes or all transitions have in common are written once, in `[defaults]`.
    /// Reading the text gives an equal job.
    ///
    /// # Errors
    /// [`JobFileError::NotUnicode`] for a path that TOML cannot hold, and [`JobFileError::Oversized`]
    /// for a text that is too long to be read again.
    pub fn to_toml(&self) -> Result<String, JobFileError> {
        self.written(&self.settings())
    }

    /// The same with the hashes of the pictures' contents that these settings have.
    pub(super) fn to_toml_with_hashes(&self, hashed: &JobSettings) -> Result<String, JobFileError> {
        let (mut settings, mut hashed) = (self.settings(), hashed.clone());
        let pairs = settings.pictures_mut().zip(hashed.pictures_mut());
        for ((_, hash), (_, known)) in pairs {
            *hash = known.take();
        }
        self.written(&settings)
    }

    fn written(&self, settings: &JobSettings) -> Result<String, JobFileError> {
        let mut job = self.clone();
        if let Some(path) = job.paths_mut().find(|path| path.to_str().is_none()) {
            return Err(JobFileError::NotUnicode { path: path.clone() });
        }
        let text = text(self, settings);
        match text.len() {
            bytes if bytes > LARGEST_JOB_FILE => Err(JobFileError::Oversized { bytes }),
            _ => Ok(text),
        }
    }
}

/// Lines like `key = value`, in the order in which they are written.
type Lines = Vec<String>;

/// The keys of the film, in the order of the manual.
const FILM_KEYS: &str = "stills prompt_syntax clip_skip embedding model vae size scale fps film_seconds timing between loop guidance_rescale guidance_every sampler timestep_spacing spacing mid_compression \
                         spacing_distance fit inversion_iterations";

/// The text of a job whose settings are given.
fn text(job: &Job, settings: &JobSettings) -> String {
    let mut text = String::from(
        "# A film as `lb render` makes it; every value is written out. Keys: docs/job-file.md\n",
    );
    write(&mut text, &film(job, settings));
    if job.crossfeed != Crossfeed::default() {
        table(&mut text, "[crossfeed]", &lines(&settings.crossfeed));
    }
    if job.camera != FilmCamera::default() {
        table(&mut text, "[camera]", &lines(&settings.camera));
    }
    for (header, lines) in [
        ("[inpaint]", lines(&settings.inpaint)),
        ("[depth]", lines(&settings.depth)),
        ("[upscale]", lines(&settings.upscale)),
    ] {
        if !lines.is_empty() {
            table(&mut text, header, &lines);
        }
    }

    // The tree of a still is its number of steps.
    let described = match job.has_stills() {
        true => settings.keyframes.len(),
        false => job.transitions.len().min(settings.keyframes.len()),
    };
    let transitions = &settings.keyframes[..described];
    let keyframes = job.keyframes.iter().zip(&settings.keyframes);
    let keyframes = keyframes.map(|(keyframe, settings)| look(keyframe, settings));
    let (shared_look, looks) = shared(keyframes.collect());
    let (shared_motion, motions) = shared(transitions.iter().map(motion).collect());
    let (shared_tree, trees) =
        all_or_none(transitions.iter().map(|at| lines(&at.branching)).collect());
    let defaults = [shared_look, shared_motion, shared_tree].concat();
    if !defaults.is_empty() {
        table(&mut text, "[defaults]", &defaults);
    }
    let mut motions = motions.into_iter();
    let mut trees = trees.into_iter();
    for ((keyframe, settings), look) in job.keyframes.iter().zip(&settings.keyframes).zip(looks) {
        table(&mut text, "[[keyframe]]", &own(keyframe, settings));
        write(&mut text, &look);
        write(&mut text, &motions.next().unwrap_or_default());
        write(&mut text, &trees.next().unwrap_or_default());
    }
    text
}

fn write(text: &mut String, lines: &Lines) {
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
}

fn table(text: &mut String, header: &str, lines: &Lines) {
    text.push('\n');
    text.push_str(header);
    text.push('\n');
    write(text, lines);
}

/// The settings of the film that are not in a table. Those that change nothing in this job are left out if
/// they have their default.
fn film(job: &Job, settings: &JobSettings) -> Lines {
    let inversion = |iterations: &usize| {
        job.pictures() > 0 || *iterations != Job::default().inversion_iterations
    };
    let reuses_guidance = |every: &usize| *every != Job::default().guidance_every;
    let mut lines = lines(&JobSettings {
        keyframes: Vec::new(),
        inversion_iterations: settings.inversion_iterations.filter(inversion),
        guidance_every: settings.guidance_every.filter(reuses_guidance),
        prompts: PromptSettings {
            prompt_syntax: settings
                .prompts
                .prompt_syntax
                .filter(|_| depends_on_syntax(job)),
            ..settings.prompts.clone()
        },
        ..settings.clone()
    });
    let rank = |line: &String| {
        let key = line.split(' ').next();
        let rank = FILM_KEYS.split(' ').position(|known| key == Some(known));
        rank.unwrap_or(usize::MAX)
    };
    lines.sort_by_key(rank);
    lines
}

/// Whether another syntax would read the prompts in another way.
fn depends_on_syntax(job: &Job) -> bool {
    let is_default = job.prompt_syntax == PromptSyntax::default();
    !is_default || job.prompts().into_iter().any(Prompt::has_marks)
}

/// The settings that are always written in a keyframe's own table. For a picture these include the
/// guidance scale, because that of `[defaults]` does not apply to pictures.
fn own(keyframe: &Keyframe, settings: &KeyframeSettings) -> Lines {
    let guidance_scale = settings.shared.guidance_scale;
    lines(&KeyframeSettings {
        shared: SharedSettings {
            guidance_scale: guidance_scale.filter(|_| keyframe.image.is_some()),
            ..Default::default()
        },
        branching: BranchingSettings::default(),
        ..settings.clone()
    })
}

/// The settings of a keyframe that are written in `[defaults]` if all keyframes have the same.
fn look(keyframe: &Keyframe, settings: &KeyframeSettings) -> Lines {
    let shared = settings.shared.clone();
    lines(&SharedSettings {
        guidance_scale: shared.guidance_scale.filter(|_| keyframe.image.is_none()),
        seconds: None,
        guidance_damper: None,
        easing: None,
        ..shared
    })
}

/// The settings of a transition, apart from its tree.
fn motion(KeyframeSettings { shared, .. }: &KeyframeSettings) -> Lines {
    lines(&SharedSettings {
        seconds: shared.seconds,
        guidance_damper: shared.guidance_damper,
        easing: shared.easing,
        ..Default::default()
    })
}

/// The lines that all lists have in common, and the remaining lines of each list.
fn shared(all: Vec<Lines>) -> (Lines, Vec<Lines>) {
    let Some(first) = all.first() else {
        return (Lines::new(), all);
    };
    let alike: Lines = first
        .iter()
        .filter(|line| all.iter().all(|lines| lines.contains(line)))
        .cloned()
        .collect();
    let left = all.iter().map(|lines| {
        let own = lines.iter().filter(|line| !alike.contains(line));
        own.cloned().collect()
    });
    let left = left.collect();
    (alike, left)
}

/// The lines if all lists are equal, and otherwise none. Unlike with [`shared`], there is nothing in
/// between, because the keys of a tree depend on each other.
fn all_or_none(all: Vec<Lines>) -> (Lines, Vec<Lines>) {
    match all.first() {
        Some(first) if all.iter().all(|lines| lines == first) => {
            (first.clone(), vec![Lines::new(); all.len()])
        }
        _ => (Lines::new(), all),
    }
}

/// A line for each setting of a table that is given, without the tables inside it.
fn lines(table: &impl Serialize) -> Lines {
    // Neither can fail: settings are plain values, paths have been checked, and toml reads its own text.
    let text = toml::to_string(table).unwrap_or_default();
    let Ok(root) = DeTable::parse(&text) else {
        return Lines::new();
    };
    let entries = root.get_ref().iter();
    let mut spans: Vec<_> = entries
        .filter(|(_, value)| !matches!(value.get_ref(), DeValue::Table(_)))
        .map(|(key, value)| key.span().start..value.span().end)
        .collect();
    spans.sort_by_key(|span| span.start);
    spans
        .into_iter()
        .map(|span| text[span].to_owned())
        .collect()
}
