//! `lb render`: prompts or a job file to a film.

use std::path::Path;

use lb_job::{Job, JobError, Plan};
use lb_render::Summary;
use serde::Serialize;

use crate::args::RenderArguments;
use crate::error::CommandError;
use crate::interrupt;
use crate::progress::Progress;
use crate::rates;
use crate::resolve;
use crate::surroundings::Surroundings;
use crate::write::write;

pub(crate) fn run(
    arguments: &RenderArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let mut job = resolve::job(&arguments.content)?;
    let outputs = resolve::outputs(&arguments.output)?;
    // A wrong request is told before the runtime is looked for.
    let plan = Plan::new(&job)?;
    let save_only = arguments.output.save_job.is_some() && outputs.is_empty();
    if !save_only {
        resolve::require_output(&outputs)?;
        outputs.validate()?;
    }
    resolve::complete(&mut job, surroundings)?;
    if let Some(path) = &arguments.output.save_job {
        save(&job, path, arguments.output.force)?;
        if save_only {
            let path = path.display();
            if arguments.output.json {
                println!("{}", serde_json::json!({ "files": [path.to_string()] }));
            } else if !quiet {
                println!("{path}");
            }
            return Ok(());
        }
    }
    if !quiet && words_apart(&arguments.content.prompts) {
        eprintln!(
            "note: each of these {} words is a keyframe of its own; a prompt of several words \
             stands in quotes",
            arguments.content.prompts.len()
        );
    }
    let cache = resolve::cache(&arguments.cache, surroundings)?;
    let keeps = cache.is_some();
    let renderer = resolve::renderer(&job, &arguments.machine, surroundings)?.with_cache(cache);
    interrupt::listen()?;
    let mut progress = Progress::new(quiet, job.transitions.len());
    let result = renderer.render(&job, &outputs, &mut progress);
    progress.clear();
    let summary = result.map_err(|error| CommandError::of_render(error, keeps))?;
    rates::remember_stages(
        surroundings.rates.as_deref(),
        &renderer,
        job.size.unwrap_or_default(),
        &arguments.machine,
        &progress.rates(&plan, &summary),
    );
    conclude(&summary, arguments.output.json, quiet);
    Ok(())
}

/// Whether these look like prompts whose quotes were forgotten: four words or more, all apart. Of
/// letters that are written with spaces between words, that is.
fn words_apart(prompts: &[String]) -> bool {
    let is_word = |prompt: &String| {
        let mut letters = prompt.chars();
        letters.all(|letter| letter.is_ascii_alphabetic() || matches!(letter, ',' | '.' | '-'))
    };
    prompts.len() >= 4 && prompts.iter().all(is_word)
}

/// Says what was done.
pub(super) fn conclude(summary: &Summary, json: bool, quiet: bool) {
    if json {
        println!("{}", line(&Facts::new(summary)));
    } else if !quiet {
        report(summary);
    }
}

fn save(job: &Job, path: &Path, overwrite: bool) -> Result<(), CommandError> {
    let text = job.to_toml().map_err(JobError::from)?;
    write(path, &text, overwrite)
}

fn report(summary: &Summary) {
    for file in &summary.files {
        println!("{}", file.display());
    }
    println!(
        "{} film frames of {}x{}, {} computed; {} model evaluations in {:.1} s",
        summary.film_frames,
        summary.width,
        summary.height,
        summary.computed_frames,
        summary.statistics.model_evaluations,
        summary.seconds.total,
    );
    let (evaluations, decodes) = (
        summary.statistics.reused_evaluations,
        summary.reused_decodes,
    );
    if evaluations + decodes > 0 {
        println!("reused from before: {evaluations} model evaluations, {decodes} pictures");
    }
    for at in &summary.reconstructions {
        println!(
            "keyframe {}: its picture inverted to within {:.2} %; {:.1} dB through the autoencoder",
            at.keyframe + 1,
            100.0 * at.latent_error,
            at.psnr,
        );
    }
}

/// The line of `--json`: names are a contract with scripts.
#[derive(Serialize)]
struct Facts<'a> {
    files: Vec<String>,
    width: usize,
    height: usize,
    film_frames: usize,
    computed_frames: usize,
    model_evaluations: usize,
    /// Of earlier renders; both together are what the plan says.
    reused_evaluations: usize,
    predicted_rows: usize,
    predict_calls: usize,
    decodes: usize,
    reused_decodes: usize,
    /// Of the keyframes that are pictures.
    reconstructions: &'a [lb_render::Reconstruction],
    seconds: SecondFacts,
    /// Bytes; absent where the system does not tell.
    peak_memory: Option<u64>,
    transitions: &'a [lb_render::TransitionSummary],
}

#[derive(Serialize)]
struct SecondFacts {
    total: f64,
    in_model_sessions: f64,
    loading: f64,
    outside: f64,
}

impl<'a> Facts<'a> {
    fn new(summary: &'a Summary) -> Self {
        Self {
            files: summary
                .files
                .iter()
                .map(|file| file.display().to_string())
                .collect(),
            width: summary.width,
            height: summary.height,
            film_frames: summary.film_frames,
            computed_frames: summary.computed_frames,
            model_evaluations: summary.statistics.model_evaluations,
            reused_evaluations: summary.statistics.reused_evaluations,
            predicted_rows: summary.statistics.predicted_rows,
            predict_calls: summary.statistics.predict_calls,
            decodes: summary.decodes,
            reused_decodes: summary.reused_decodes,
            reconstructions: &summary.reconstructions,
            seconds: SecondFacts {
                total: summary.seconds.total,
                in_model_sessions: summary.seconds.sessions,
                loading: summary.seconds.loading,
                outside: summary.seconds.outside(),
            },
            peak_memory: peak_memory(),
            transitions: &summary.transitions,
        }
    }
}

pub(crate) fn line(facts: &impl Serialize) -> String {
    serde_json::to_string(facts).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}

/// The most memory that this process held at once, in bytes, as Linux tells it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::words_apart;

    #[test]
    fn forgotten_quotes_are_noticed_and_others_left_in_peace() {
        let apart = |line: &str| {
            let prompts: Vec<String> = line.split('|').map(str::to_owned).collect();
            words_apart(&prompts)
        };
        assert!(apart("red|apple|green|pear"));
        assert!(apart("a|red|apple,|a|green|pear"));
        assert!(!apart("apple|pear|lemon"));
        assert!(!apart("red apple|pear|lemon|plum"));
        assert!(!apart("林檎|梨|檸檬|桃"));
    }
}
