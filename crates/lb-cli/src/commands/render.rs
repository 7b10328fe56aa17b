//! `lb render`: makes a film from prompts or from a job.

use std::path::Path;

use clap::Args;
use lb_job::{Job, JobError, Plan};
use lb_render::{Outputs, Summary};
use serde::Serialize;

use crate::cache::CacheArguments;
use crate::error::CommandError;
use crate::facts;
use crate::film::FilmArguments;
use crate::interrupt;
use crate::machine::{self, MachineArguments};
use crate::outputs::{self, OutputArguments};
use crate::print;
use crate::progress::Progress;
use crate::surroundings::Surroundings;
use crate::warnings;
use crate::write::write;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RenderArguments {
    #[command(flatten)]
    output: OutputArguments,
    #[command(flatten)]
    film: FilmArguments,
    #[command(flatten)]
    machine: MachineArguments,
    #[command(flatten)]
    cache: CacheArguments,
}

const EXAMPLES: &str = "Examples:
  lb render \"a red apple\" \"a green pear\" -o film.mp4
  lb render \"a sunflower\" \"a red rose\" \"a tulip\" --loop -o film.gif
  lb render film.toml -o draft.mp4 --quality lowest";

pub(crate) fn run(
    arguments: &RenderArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let outputs = arguments.output.outputs()?;
    let track = outputs.audio.as_ref().map(|audio| audio.file.as_path());
    let sound = arguments.film.sound(track)?;
    let mut job = arguments.film.job(sound.as_ref(), surroundings)?;
    let outputs = outputs::suited_to(&job, outputs)?;
    // The request is checked before the runtime is loaded.
    let mut plan = Plan::new(&job)?;
    if outputs.film.is_none() {
        plan = plan.without_film();
    }
    let save_only = arguments.output.save_job.is_some() && outputs.is_empty();
    if !save_only {
        outputs::require(&outputs)?;
        outputs.validate()?;
    }
    machine::complete(&mut job, surroundings)?;
    let mut late = None;
    if let Some(seconds) = arguments.film.within {
        let rates = arguments.machine.rates_of(&job, surroundings);
        let has_film = outputs.film.is_some() || save_only;
        let film = job.within(seconds, rates.as_deref(), has_film)?;
        late = warnings::of_time(&film, seconds);
        (job, plan) = (film.job, film.plan);
    }
    if let Some(path) = &arguments.output.save_job {
        save(&job, path, arguments.output.force)?;
        if save_only {
            let path = path.display();
            if arguments.output.json {
                facts::print(&facts! { files: [path.to_string()] });
            } else if !quiet {
                outln!("{path}");
            }
            return Ok(());
        }
    }
    if !quiet {
        let words = arguments.film.words_without_quotes();
        let cut = sound.and_then(|sound| warnings::of_track(sound.seconds, plan.seconds()));
        let quotes = words.map(warnings::forgotten_quotes);
        let idle = arguments.film.without_effect(&job);
        quotes
            .into_iter()
            .chain(cut)
            .chain(late)
            .chain(idle)
            .chain(warnings::read_as_words(&job))
            .for_each(print::warning);
    }
    let (machine, cache) = (&arguments.machine, &arguments.cache);
    let summary = render_job(&job, &plan, &outputs, machine, cache, quiet, surroundings)?;
    conclude(&summary, &outputs, &plan, arguments.output.json, quiet);
    Ok(())
}

/// Renders a job that has been checked, shows the progress, and remembers how fast it was.
pub(super) fn render_job(
    job: &Job,
    plan: &Plan,
    outputs: &Outputs,
    machine: &MachineArguments,
    cache: &CacheArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<Summary, CommandError> {
    let cache = cache.cache(surroundings)?;
    let keeps = cache.is_some();
    let renderer = machine.renderer(job, job, surroundings)?.with_cache(cache);
    interrupt::listen()?;
    let mut progress = Progress::new(quiet, job.transitions.len());
    let result = renderer.render(job, outputs, &mut progress);
    progress.clear();
    let summary = result.map_err(|error| CommandError::of_render(error, keeps))?;
    let size = job.size.unwrap_or_default();
    machine::remember_rates(
        &renderer,
        size,
        &progress.rates(plan, &summary),
        surroundings,
    );
    progress.conclude(&summary);
    Ok(summary)
}

/// Prints the summary of a render that followed this plan and wrote these outputs.
pub(super) fn conclude(summary: &Summary, outputs: &Outputs, plan: &Plan, json: bool, quiet: bool) {
    let in_betweens = plan.in_betweens.iter().sum();
    let film_frames = outputs.film.as_ref().map(|_| summary.film_frames);
    if json {
        facts::print(&facts(summary, film_frames, in_betweens));
    } else if !quiet {
        report(summary, film_frames, in_betweens);
    }
}

/// The pictures of which a film consists, as text.
pub(super) fn pictures(computed_frames: usize, in_betweens: usize) -> String {
    let computed = format!("{computed_frames} computed frames");
    match in_betweens {
        0 => computed,
        1 => format!("{computed} and 1 in-between"),
        more => format!("{computed} and {more} in-betweens"),
    }
}

fn save(job: &Job, path: &Path, overwrite: bool) -> Result<(), CommandError> {
    // Paths in a job file are relative to its folder.
    let mut job = job.clone();
    job.make_paths_relative(match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    });
    let text = job.to_toml().map_err(JobError::from)?;
    write(path, &text, overwrite)
}

/// `film_frames` is `None` if there is no film.
fn report(summary: &Summary, film_frames: Option<usize>, in_betweens: usize) {
    for file in &summary.files {
        outln!("{}", file.display());
    }
    let Summary { width, height, .. } = summary;
    let (evaluations, seconds) = (summary.statistics.model_evaluations, summary.seconds.total);
    let made = match (film_frames, summary.computed_frames) {
        (_, 1) => "1 picture".to_owned(),
        (_, stills) if summary.transitions.is_empty() => format!("{stills} pictures"),
        (Some(frames), computed) => {
            let pictures = pictures(computed, in_betweens);
            format!("{frames} film frames of {width}x{height} from {pictures}")
        }
        (None, computed) => pictures(computed, in_betweens),
    };
    let size = match film_frames {
        Some(_) => String::new(),
        None => format!(" of {width}x{height}"),
    };
    outln!("{made}{size}; {evaluations} model evaluations in {seconds:.1} s");
    let evaluations = summary.statistics.reused_evaluations;
    let decodes = summary.reused_decodes;
    if evaluations + decodes > 0 {
        outln!("from the cache: {evaluations} model evaluations, {decodes} pictures");
    }
    for at in &summary.reconstructions {
        outln!(
            "keyframe {}: its picture inverted to within {:.2} %; {:.1} dB through the autoencoder",
            at.keyframe + 1,
            100.0 * at.latent_error,
            at.psnr,
        );
    }
}

fn facts(summary: &Summary, film_frames: Option<usize>, in_betweens: usize) -> impl Serialize {
    let (counts, seconds) = (&summary.statistics, &summary.seconds);
    facts! {
        files: facts::texts(&summary.files),
        width: summary.width,
        height: summary.height,
        // 0 if there is no film.
        film_frames: film_frames.unwrap_or(0),
        computed_frames: summary.computed_frames,
        in_betweens: in_betweens,
        model_evaluations: counts.model_evaluations,
        // Results that were in the cache. With `model_evaluations`, they add up to the number in the
        // plan.
        reused_evaluations: counts.reused_evaluations,
        predicted_rows: counts.predicted_rows,
        predict_calls: counts.predict_calls,
        decodes: summary.decodes,
        reused_decodes: summary.reused_decodes,
        reconstructions: &summary.reconstructions,
        seconds: facts! {
            total: seconds.total,
            in_model_sessions: seconds.sessions,
            loading: seconds.loading,
            outside: seconds.outside(),
        },
        peak_memory: peak_memory(),
        transitions: &summary.transitions,
    }
}

/// The peak memory of this process in bytes, which Linux reports.
fn peak_memory() -> Option<u64> {
    let status = lb_files::read_text(Path::new("/proc/self/status"), 1 << 16).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::pictures;

    #[test]
    fn in_betweens_are_named_where_there_are_any() {
        assert_eq!(pictures(24, 28), "24 computed frames and 28 in-betweens");
        assert_eq!(pictures(2, 1), "2 computed frames and 1 in-between");
        assert_eq!(pictures(5, 0), "5 computed frames");
    }
}
