//! `lb plan`: shows what a render would do.

mod report;
mod time;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clap::Args;
use lb_audio::Rhythm;
use lb_drawing::draw_trees;
use lb_render::{Job, Keyframe, Plan, RenderError, changed_by, check_job, check_sampling};
use lb_schedule::Tree;
use serde::Serialize;

use crate::error::CommandError;
use crate::facts;
use crate::film::FilmArguments;
use crate::machine::MachineArguments;
use crate::print;
use crate::sound::Sound;
use crate::surroundings::Surroundings;
use crate::warnings;
use crate::write::write;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    film: FilmArguments,
    #[command(flatten)]
    machine: MachineArguments,
    /// Sound that the film follows with --film-seconds track or --sync. Its beats are listed.
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// Draw the tree of every transition into this SVG file: steps go down, fractions across.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Replace the SVG file if it exists.
    #[arg(long, requires = "svg")]
    force: bool,
    /// Load the model and time it, instead of estimating from earlier renders.
    #[arg(long)]
    measure: bool,
    /// Print the plan as one line of JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  lb plan \"a red apple\" \"a green pear\" --quality high
  lb plan film.toml --svg tree.svg
  lb plan film.toml --measure
  lb plan film.toml --within 60
  lb plan film.toml --audio track.ogg --sync beats";

pub(crate) fn run(
    arguments: &PlanArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let sound = arguments.audio.as_deref().map(Sound::heard);
    let sound = sound.transpose()?;
    let mut job = arguments.film.planned_job(sound.as_ref(), surroundings)?;
    let mut plan = Plan::new(&job)?;
    let (model, upscaler) = arguments.machine.models(&job, surroundings)?;
    let reads_pictures = !arguments.film.is_carried()?;
    check_job(&job, &plan, &model, upscaler.as_ref(), reads_pictures)?;
    if !quiet {
        arguments.film.without_effect(&job).for_each(print::warning);
        warnings::read_as_words(&job).for_each(print::warning);
    }
    if arguments.svg.is_some() && job.has_stills() {
        return Err(CommandError::request(
            "--svg draws the trees of transitions, and a single picture has none",
        ));
    }
    let rates = time::stage_rates(arguments, &job, quiet, surroundings)?;
    let mut fits = None;
    if let Some(seconds) = arguments.film.within {
        let film = job.within(seconds, rates.as_deref(), true)?;
        warnings::of_time(&film, seconds)
            .into_iter()
            .for_each(print::warning);
        fits = film.expected_seconds.map(|_| film.fits);
        (job, plan) = (film.job, film.plan);
    }
    check_sampling(&job, &plan, Some(&model), upscaler.as_ref())?;
    if let Some(path) = &arguments.svg {
        write(path, &drawing(&job, &plan)?, arguments.force)?;
    }
    let sampling = warnings::of_sampling(&job, plan.steps(), &model);
    let prompts = warnings::of_prompts(&job, &changed_by(&job, &model)?).into_iter();
    prompts.chain(sampling).for_each(print::warning);
    let seconds = rates.map(|rates| plan.render_seconds(&rates));
    if arguments.json {
        let rhythm = sound.as_ref().and_then(|sound| sound.rhythm.as_ref());
        facts::print(&facts(&plan, seconds, fits, rhythm));
    } else {
        let within = arguments.film.within;
        for line in report::text(&job, &plan, within, seconds).lines() {
            outln!("{line}");
        }
        for line in sound.iter().flat_map(report::sound) {
            outln!("{line}");
        }
        if let Some(path) = &arguments.svg {
            outln!("drawn in {}", path.display());
        }
    }
    Ok(())
}

/// Draws the trees of all transitions. Perceptual spacing chooses fractions while rendering, so its
/// branches are drawn evenly spaced here.
fn drawing(job: &Job, plan: &Plan) -> Result<String, CommandError> {
    let mid_compression = job.spacing.expected_mid_compression();
    let profiles = plan.profiles.iter();
    let trees: Vec<Tree> = profiles
        .map(|profile| Tree::fixed(profile.clone(), mid_compression))
        .collect::<Result<_, _>>()
        .map_err(RenderError::from)?;
    let names: Vec<Cow<'_, str>> = job.keyframes.iter().map(name).collect();
    let labelled = trees.iter().enumerate().map(|(index, tree)| {
        // The last transition of a loop leads back to the first keyframe.
        let ends = [index, (index + 1) % names.len()];
        (tree, ends.map(|keyframe| &*names[keyframe]))
    });
    Ok(draw_trees(&labelled.collect::<Vec<_>>()))
}

/// What a keyframe is called in a drawing: its prompt or, without one, its picture's file.
fn name(keyframe: &Keyframe) -> Cow<'_, str> {
    let image = keyframe.image.as_deref().and_then(Path::file_name);
    match image {
        Some(file) if keyframe.prompt.is_empty() => file.to_string_lossy(),
        _ => keyframe.prompt.as_str().into(),
    }
}

/// `fits` says whether the film is made within the time that was given.
fn facts(
    plan: &Plan,
    estimated_seconds: Option<f64>,
    fits: Option<bool>,
    rhythm: Option<&Rhythm>,
) -> impl Serialize {
    // When each keyframe is first shown, in seconds.
    let spans = plan.timeline.transitions().iter();
    let arrivals = spans.map(|span| plan.timeline.frame_rate().time(span.arrival()));
    let keyframe_seconds: Vec<f64> = std::iter::once(0.0)
        .chain(arrivals)
        .take(plan.keyframes)
        .collect();
    let camera = plan.camera.as_ref().map(|camera| {
        facts! {
            least_zoom: camera.zooms().fold(f64::INFINITY, f64::min),
            largest_zoom: camera.largest_zoom(),
            endless_factor: camera.endless_factor(),
        }
    });
    let transitions = plan.profiles.iter().zip(&plan.in_betweens);
    let transitions = transitions.map(|(profile, in_betweens)| {
        let levels = profile.levels().iter();
        facts! {
            steps: profile.steps(),
            injection_steps: levels.clone().map(|level| level.injection_step).collect::<Vec<_>>(),
            branch_counts: levels.map(|level| level.branch_count).collect::<Vec<_>>(),
            in_betweens: in_betweens,
        }
    });
    facts! {
        keyframes: plan.keyframes,
        seeds: &plan.seeds,
        looped: plan.is_looped(),
        transitions: transitions.collect::<Vec<_>>(),
        model_evaluations: plan.cost.model_evaluations,
        predicted_rows: plan.rows(),
        decodes: plan.cost.decodes,
        computed_frames: plan.computed_frames(),
        in_betweens: plan.in_betweens.iter().sum::<usize>(),
        film_frames: plan.film_frames(),
        camera: camera,
        seconds: plan.seconds(),
        keyframe_seconds: keyframe_seconds,
        tempo: rhythm.and_then(Rhythm::tempo),
        beats: rhythm.map(|rhythm| &rhythm.beats),
        onsets: rhythm.map(|rhythm| &rhythm.onsets),
        estimated_seconds: estimated_seconds,
        fits: fits,
    }
}
