//! A job to a job file.

use std::path::Path;

use lb_schedule::{Choice, Crossfeed, Spacing};
use toml::Value;

use super::JobFileError;
use crate::names;
use crate::{Branching, Injections, Job, Keyframe, SpacingChoice, Transition};

/// Keys and values as they are written, in order.
type Entries = Vec<(&'static str, String)>;

pub(super) fn text(job: &Job) -> Result<String, JobFileError> {
    let mut text = String::from(
        "# A film as `lb render` makes it; every value is written out. Keys: docs/job-file.md\n",
    );
    lines(&mut text, film(job));
    for (name, entries) in inputs(job)? {
        text.push_str(&format!("\n[{name}]\n"));
        lines(&mut text, entries);
    }

    let keyframes: Vec<Entries> = job.keyframes.iter().map(keyframe).collect();
    let transitions: Vec<Entries> = job.transitions.iter().map(transition).collect();
    let (shared_keyframe, keyframes) = shared(keyframes);
    let (shared_transition, transitions) = shared_branching(transitions);
    if !(shared_keyframe.is_empty() && shared_transition.is_empty()) {
        text.push_str("\n[defaults]\n");
        lines(&mut text, shared_keyframe);
        lines(&mut text, shared_transition);
    }

    let mut transitions = transitions.into_iter();
    for (keyframe, entries) in job.keyframes.iter().zip(keyframes) {
        text.push_str("\n[[keyframe]]\n");
        lines(&mut text, own(keyframe)?);
        lines(&mut text, entries);
        lines(&mut text, transitions.next().unwrap_or_default());
    }
    Ok(text)
}

fn lines(text: &mut String, entries: Entries) {
    for (key, value) in entries {
        text.push_str(&format!("{key} = {value}\n"));
    }
}

fn film(job: &Job) -> Entries {
    let mut entries = Vec::new();
    if let Some(model) = &job.model {
        entries.push(("model", string(model)));
    }
    if let Some((width, height)) = job.size {
        entries.push(("size", string(format!("{width}x{height}"))));
    }
    entries.push(("fps", number(job.frames_per_second)));
    if let Some(seconds) = job.film_seconds {
        entries.push(("film_seconds", number(seconds)));
    }
    entries.push(("timing", string(job.timing.name())));
    entries.push(("loop", job.looped.to_string()));
    entries.push(("sampler", string(names::sampler(job.sampler))));
    let (choice, mid_compression) = match job.spacing {
        Spacing::Perceptual => (SpacingChoice::Perceptual, None),
        Spacing::Fixed { mid_compression } => (SpacingChoice::Fixed, Some(mid_compression)),
    };
    entries.push(("spacing", string(names::spacing(choice))));
    if let Some(mid_compression) = mid_compression {
        entries.push(("mid_compression", number(mid_compression)));
    }
    entries.push(("spacing_distance", string(names::distance(job.distance))));
    if let Some(fit) = job.fit {
        entries.push(("fit", string(fit.name())));
    }
    if job.pictures() > 0 {
        entries.push(("inversion_iterations", whole(job.inversion_iterations)));
    }
    entries
}

fn inputs(job: &Job) -> Result<Vec<(&'static str, Entries)>, JobFileError> {
    let mut tables = Vec::new();
    if job.crossfeed != Crossfeed::default() {
        tables.push(("crossfeed", crossfeed(&job.crossfeed)));
    }
    if let Some(inpaint) = &job.inpaint {
        tables.push((
            "inpaint",
            vec![
                ("image", path(&inpaint.image)?),
                ("mask", path(&inpaint.mask)?),
                ("feather", number(inpaint.feather)),
            ],
        ));
    }
    if let Some(depth) = &job.depth {
        tables.push(("depth", vec![("image", path(&depth.image)?)]));
    }
    if let Some(upscale) = &job.upscale {
        tables.push((
            "upscale",
            vec![
                ("model", string(&upscale.model)),
                ("steps", whole(upscale.steps)),
                ("frames", whole(upscale.frames)),
                ("depth_strength", number(upscale.depth_strength)),
                ("noise_level", whole(upscale.noise_level)),
                ("seed", whole(upscale.seed)),
            ],
        ));
    }
    Ok(tables)
}

fn crossfeed(crossfeed: &Crossfeed) -> Entries {
    let (keyframes, parents) = (crossfeed.keyframes, crossfeed.parents);
    vec![
        ("power", number(keyframes.power)),
        ("range", number(keyframes.range)),
        ("decay", number(keyframes.decay)),
        ("parental_power", number(parents.power)),
        ("parental_range", number(parents.range)),
        ("parental_decay", number(parents.decay)),
    ]
}

/// What a keyframe never shares with all others.
fn own(keyframe: &Keyframe) -> Result<Entries, JobFileError> {
    let mut entries = vec![
        ("prompt", string(&keyframe.prompt)),
        ("seed", whole(keyframe.seed)),
    ];
    if let Some(image) = &keyframe.image {
        entries.push(("image", path(image)?));
        entries.push(("guidance_scale", number(keyframe.guidance_scale)));
    }
    Ok(entries)
}

fn keyframe(keyframe: &Keyframe) -> Entries {
    let mut entries = vec![
        ("negative_prompt", string(&keyframe.negative_prompt)),
        ("hold", number(keyframe.hold)),
    ];
    // A picture has its own: what all have alike does not reach it.
    if keyframe.image.is_none() {
        entries.push(("guidance_scale", number(keyframe.guidance_scale)));
    }
    entries
}

fn transition(transition: &Transition) -> Entries {
    let mut entries = vec![
        ("seconds", number(transition.seconds)),
        ("guidance_damper", number(transition.guidance_damper)),
        ("easing", string(transition.easing.name())),
    ];
    match &transition.branching {
        Branching::Preset {
            quality,
            depth_strength,
        } => {
            entries.push(("quality", string(quality.name())));
            entries.push(("depth_strength", number(*depth_strength)));
        }
        Branching::Autosetup {
            steps,
            frames,
            depth_strength,
        } => {
            entries.push(("steps", whole(*steps)));
            entries.push(("frames", whole(*frames)));
            entries.push(("depth_strength", number(*depth_strength)));
        }
        Branching::Manual {
            steps,
            branch_counts,
            injections,
        } => {
            entries.push(("steps", whole(*steps)));
            entries.push(("branches", list(branch_counts, |&count| whole(count))));
            entries.push(match injections {
                Injections::Steps(at) => ("injection_steps", list(at, |&step| whole(step))),
                Injections::Strengths(at) => {
                    ("injection_strengths", list(at, |&share| number(share)))
                }
            });
        }
    }
    entries
}

/// What all have alike, and what is left of each.
fn shared(all: Vec<Entries>) -> (Entries, Vec<Entries>) {
    let Some(first) = all.first() else {
        return (Vec::new(), all);
    };
    let (alike, _): (Entries, Entries) = first
        .iter()
        .cloned()
        .partition(|entry| all.iter().all(|entries| entries.contains(entry)));
    let left = all.iter().map(|entries| {
        let own = entries.iter().filter(|entry| !alike.contains(entry));
        own.cloned().collect()
    });
    let left = left.collect();
    (alike, left)
}

/// As [`shared`], with a tree's keys kept together: what some of them mean follows from the others.
fn shared_branching(all: Vec<Entries>) -> (Entries, Vec<Entries>) {
    /// Entries of a transition before those of its tree.
    const BEFORE: usize = 3;
    let trees: Vec<Entries> = all
        .iter()
        .map(|entries| entries[BEFORE..].to_vec())
        .collect();
    let (mut alike, mut left) = shared(
        all.into_iter()
            .map(|entries| entries[..BEFORE].to_vec())
            .collect(),
    );
    match trees.first() {
        Some(first) if trees.iter().all(|tree| tree == first) => alike.extend(first.clone()),
        _ => {
            for (left, tree) in left.iter_mut().zip(trees) {
                left.extend(tree);
            }
        }
    }
    (alike, left)
}

fn string(text: impl Into<String>) -> String {
    Value::String(text.into()).to_string()
}

/// A float with its point, so that reading gives the same bits.
fn number(number: f64) -> String {
    Value::Float(number).to_string()
}

/// Seeds and counts may be larger than what [`Value`] holds.
fn whole(number: impl ToString) -> String {
    number.to_string()
}

fn list<T>(items: &[T], item: impl Fn(&T) -> String) -> String {
    let items: Vec<String> = items.iter().map(item).collect();
    format!("[{}]", items.join(", "))
}

fn path(path: &Path) -> Result<String, JobFileError> {
    match path.to_str() {
        Some(text) => Ok(string(text)),
        None => Err(JobFileError::NotUnicode { path: path.into() }),
    }
}
