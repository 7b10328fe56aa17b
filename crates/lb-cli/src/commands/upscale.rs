//! `lb upscale`: makes a film of four times the width and height from the frames of an earlier one.

use std::path::{Path, PathBuf};

use clap::Args;
use lb_job::{
    EmbeddingFile, Frames, Job, JobError, JobSettings, KeyframeSettings, Levels, Plan,
    PromptSettings, SecondStageSettings, SharedSettings, TimingSettings,
};
use lb_render::EarlierFrames;
use serde::Deserialize;

use super::render::conclude;
use crate::cache::CacheArguments;
use crate::error::CommandError;
use crate::film::given;
use crate::interrupt;
use crate::machine::{self, MachineArguments};
use crate::outputs::{self, OutputArguments};
use crate::print;
use crate::progress::Progress;
use crate::sound::{Following, Sound};
use crate::surroundings::Surroundings;
use crate::warnings;

/// The frames of an earlier render, and how they are upscaled.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpscaleArguments {
    /// Folder of computed frames, as --frames-dir writes them, or a folder that holds one named
    /// `frames`.
    #[arg(value_name = "FRAMES")]
    frames: PathBuf,
    /// One prompt for each keyframe [default: the job that the frames carry].
    #[arg(value_name = "PROMPT")]
    prompts: Vec<String>,
    /// Upscaling model (x4): a name that `lb models` lists, or a model directory.
    #[arg(long, value_name = "NAME|DIR", help_heading = "Model and machine")]
    model: String,
    /// File with the line that `lb render --json` printed, which contains the fraction of each frame.
    /// Needed for frames that another program has saved [default: the fractions that the frames
    /// carry, else those of fixed spacing, else even ones].
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    #[command(flatten)]
    reading: PromptSettings,
    #[command(flatten)]
    shared: SharedSettings,
    #[command(flatten)]
    stage: SecondStageSettings,
    #[command(flatten)]
    timing: TimingSettings,
    #[command(flatten)]
    machine: MachineArguments,
    #[command(flatten)]
    cache: CacheArguments,
    #[command(flatten)]
    output: OutputArguments,
}

const EXAMPLES: &str = "Examples:
  lb render \"a red apple\" \"a green pear\" --frames-dir low
  lb upscale low --model x4-upscaler -o film.mp4";

pub(crate) fn run(
    arguments: &UpscaleArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let outputs = arguments.output.outputs()?;
    if arguments.output.save_job.is_some() {
        return Err(CommandError::request(
            "--save-job belongs to lb render: lb upscale renders only the second stage of a job",
        ));
    }
    outputs::require(&outputs)?;
    outputs.validate()?;
    let fractions = arguments.facts.as_deref().map(rendered_fractions);
    let frames = EarlierFrames::read(&arguments.frames)?.with_fractions(fractions.transpose()?);
    let track = outputs.audio.as_ref().map(|audio| audio.file.as_path());
    let sound = Sound::of(track, arguments.timing.sync.is_some())?;
    let (job, left_out) = job(arguments, &frames, sound.as_ref())?;
    if arguments.reading.embeddings.is_none() && !quiet {
        left_out
            .iter()
            .map(warnings::embedding_outside)
            .for_each(print::warning);
    }
    let mut plan = Plan::new(&job)?;
    if outputs.film.is_none() {
        plan = plan.without_film();
    }
    if let Some(warning) = sound.and_then(|sound| warnings::of_track(sound.seconds, plan.seconds()))
        && !quiet
    {
        print::warning(warning);
    }
    let cache = arguments.cache.cache(surroundings)?;
    let renderer = arguments.machine.upscaler(&arguments.model, surroundings)?;
    let keeps = cache.is_some();
    let renderer = renderer.with_cache(cache);
    interrupt::listen()?;
    let mut progress = Progress::new(quiet, job.transitions.len());
    let result = renderer.upscale(&job, &frames, &outputs, &mut progress);
    progress.clear();
    let summary = result.map_err(|error| CommandError::of_render(error, keeps))?;
    machine::remember_rates(
        &renderer,
        frames.size(),
        &progress.rates(&plan, &summary),
        surroundings,
    );
    progress.conclude(&summary);
    conclude(&summary, &outputs, &plan, arguments.output.json, quiet);
    Ok(())
}

/// The job whose first stage these frames are. It has the given prompts, or it is the job that the
/// frames carry, without some embeddings, which are returned beside it. `sound` is that of the film.
fn job(
    arguments: &UpscaleArguments,
    frames: &EarlierFrames,
    sound: Option<&Sound>,
) -> Result<(Job, Vec<EmbeddingFile>), CommandError> {
    let mut flags = JobSettings::default();
    flags.prompts = arguments.reading.clone();
    flags.defaults.shared = arguments.shared.clone();
    flags.timing = arguments.timing.clone();
    flags.upscale.model = Some(arguments.model.clone());
    flags.upscale.stage = arguments.stage.clone();
    // The earlier film may have been enlarged. This one has the pixels of its model.
    flags.scale = Some(1);
    let flags = given(flags);
    let (mut settings, left_out) = if arguments.prompts.is_empty() {
        let (carried, left_out) = carried_job(frames)?;
        (flags.forced_on(carried), left_out)
    } else {
        (of_prompts(&arguments.prompts, frames, flags)?, Vec::new())
    };
    let following = Following::take(&mut settings, sound)?;
    let mut job = settings.resolve().map_err(JobError::from)?;
    following.apply(&mut job)?;
    Ok((job, left_out))
}

/// The job that the frames carry, with the number of frames that each transition has, and the embeddings that were
/// left out of it. Where the flags
/// change the timing of the film, a share of its frames would be another number.
fn carried_job(frames: &EarlierFrames) -> Result<(JobSettings, Vec<EmbeddingFile>), CommandError> {
    let (mut settings, left_out) = frames.job()?;
    let job = settings.resolve().map_err(JobError::from)?;
    let plan = Plan::new(&job)?;
    let transitions = job.transitions.iter().zip(&plan.profiles);
    for (keyframe, (transition, profile)) in settings.keyframes.iter_mut().zip(transitions) {
        if let Levels::Automatic {
            frames: Some(Frames::Share { .. }),
            ..
        } = transition.branching.levels
        {
            keyframe.branching.frames = Some(Frames::Number(profile.frame_count()));
        }
    }
    Ok((settings, left_out))
}

/// The settings of a film with these prompts. The frames carry how many of them each transition has;
/// otherwise all transitions have the same number.
fn of_prompts(
    prompts: &[String],
    frames: &EarlierFrames,
    mut flags: JobSettings,
) -> Result<JobSettings, CommandError> {
    let looped = flags.timing.looped == Some(true);
    let transitions = Job::transition_count(prompts.len(), looped);
    let counts = match frames.transition_frames(transitions, looped)? {
        Some(counts) => counts,
        None => evenly(prompts.len(), transitions, frames.count(), looped)?,
    };
    // The last prompt of an open film begins no transition.
    let counts = counts.iter().map(Some).chain(std::iter::repeat(None));
    let keyframes = prompts.iter().zip(counts).map(|(prompt, count)| {
        let mut keyframe = KeyframeSettings::from_prompt(prompt);
        if let Some(&count) = count {
            // How the frames were computed is not known and has no effect: only their number counts.
            keyframe.branching.steps = Some(1000);
            keyframe.branching.frames = Some(Frames::Number(count));
        }
        keyframe
    });
    flags.keyframes = keyframes.collect();
    Ok(flags)
}

/// The number of frames of every transition, both keyframes included, if all have the same number.
fn evenly(
    prompts: usize,
    transitions: usize,
    frames: usize,
    looped: bool,
) -> Result<Vec<usize>, CommandError> {
    let steps = frames - usize::from(!looped);
    if transitions == 0 || !steps.is_multiple_of(transitions) {
        return Err(CommandError::request(format!(
            "{frames} frames cannot be shared evenly by the {transitions} transitions between \
             {prompts} prompts"
        )));
    }
    Ok(vec![steps / transitions + 1; transitions])
}

/// The part of the line of `lb render --json` that has the frames' fractions.
#[derive(Deserialize)]
struct Rendered {
    transitions: Vec<RenderedTransition>,
}

#[derive(Deserialize)]
struct RenderedTransition {
    /// The fractions of every level's branches; those of the last level are the frames.
    fractions: Vec<Vec<f64>>,
}

/// The most bytes of a line that `lb render --json` prints: a hundred thousand frames take a few million.
const LARGEST_FACTS: u64 = 16 << 20;

/// The fractions of every transition's frames, from a line that `lb render --json` printed.
fn rendered_fractions(facts: &Path) -> Result<Vec<Vec<f64>>, CommandError> {
    let unreadable = |reason: String| {
        CommandError::request(format!("cannot read {}: {reason}", facts.display()))
    };
    let text = lb_files::read_text(facts, LARGEST_FACTS);
    let text = text.map_err(|error| unreadable(error.to_string()))?;
    let rendered: Rendered =
        serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    let last = rendered.transitions.into_iter();
    Ok(last
        .filter_map(|mut transition| transition.fractions.pop())
        .collect())
}
