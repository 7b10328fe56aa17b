//! `lb seeds`: shows what prompts become with different seeds, before a film is made of them.

mod list;

use std::path::PathBuf;

use clap::Args;
use lb_job::arguments::StillArguments;
use lb_job::{BranchingSettings, KeyframeSettings, Plan};
use lb_render::{Job, Outputs};

use self::list::Seeds;
use super::render::{conclude, render_job};
use crate::cache::CacheArguments;
use crate::error::CommandError;
use crate::film::{NamedFiles, prompts, source};
use crate::machine::{self, MachineArguments};
use crate::surroundings::Surroundings;
use crate::{print, warnings};

/// The prompts and seeds to show, and what shapes their pictures.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SeedsArguments {
    /// The prompts, each of which becomes a row of the sheet; or one job file (.toml) or film whose
    /// prompts are shown.
    #[arg(value_name = "PROMPT|JOB", required = true)]
    prompts: Vec<String>,
    /// Seeds to show: ranges with both of their ends, such as 0..15, single seeds with commas between
    /// them, such as 1,5,9, or both, such as 0..7,42.
    #[arg(long, value_name = "SEEDS", default_value = "0..15")]
    seeds: Seeds,
    /// PNG file of the sheet.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Folder for the pictures, one PNG file each, in the order of the sheet.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    frames_dir: Option<PathBuf>,
    /// Replace outputs that exist.
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Print one line of JSON at the end: files, evaluations, seconds, memory.
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Inference steps. A film of as many steps has exactly these pictures as its keyframes
    /// [default: those that the model needs, else those of the default quality].
    #[arg(long, value_name = "N", help_heading = "Keyframes")]
    steps: Option<usize>,
    #[command(flatten)]
    named_files: NamedFiles,
    #[command(flatten)]
    settings: StillArguments,
    #[command(flatten)]
    machine: MachineArguments,
    #[command(flatten)]
    cache: CacheArguments,
}

const EXAMPLES: &str = "Examples:
  lb seeds \"an owl\" -o sheet.png
  lb seeds \"a red apple\" \"a green pear\" --seeds 0..7 -o sheet.png
  lb render \"a red apple\" \"a green pear\" --seed 4,17 -o film.mp4";

pub(crate) fn run(
    arguments: &SeedsArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let mut job = job(arguments, surroundings)?;
    let outputs = Outputs {
        seed_sheet: arguments.output.clone(),
        frames_dir: arguments.frames_dir.clone(),
        overwrite: arguments.force,
        ..Default::default()
    };
    let plan = Plan::new(&job)?;
    if outputs.is_empty() {
        return Err(CommandError::Request {
            message: "no output is named: a sheet, or a folder for the pictures".into(),
            hint: Some("add -o sheet.png or --frames-dir DIR"),
        });
    }
    outputs.validate()?;
    machine::complete(&mut job, surroundings)?;
    if !quiet {
        warnings::without_effect(&arguments.settings.0, &job).for_each(print::warning);
        warnings::read_as_words(&job).for_each(print::warning);
    }
    let (machine, cache) = (&arguments.machine, &arguments.cache);
    let summary = render_job(&job, &plan, &outputs, machine, cache, quiet, surroundings)?;
    conclude(&summary, &outputs, &plan, arguments.json, quiet);
    Ok(())
}

/// The job of all pictures, row by row.
fn job(arguments: &SeedsArguments, surroundings: &Surroundings) -> Result<Job, CommandError> {
    let mut settings = arguments.settings.0.clone();
    match source(&arguments.prompts)? {
        Some(source) => {
            let mut found = arguments.named_files.find(source, &settings)?;
            // Only prompts are shown.
            found.keyframes.retain(|keyframe| keyframe.image.is_none());
            found.find_pictures(source, arguments.named_files.paths())?;
            settings = settings.forced_on(found);
        }
        None => {
            let prompts = prompts(&arguments.prompts)?;
            settings.keyframes = prompts.iter().map(KeyframeSettings::from_prompt).collect();
        }
    }
    let rows = rows(&settings.keyframes);
    if rows.is_empty() {
        return Err(CommandError::request(
            "the job has no prompts, only pictures",
        ));
    }
    let seeds = &arguments.seeds.0;
    let pictures = rows.len().saturating_mul(seeds.len());
    if pictures > Job::MOST_KEYFRAMES {
        return Err(CommandError::request(format!(
            "{} prompts with {} seeds are {pictures} pictures; a sheet has at most {}",
            rows.len(),
            seeds.len(),
            Job::MOST_KEYFRAMES
        )));
    }
    let stills = rows.iter().flat_map(|row| {
        seeds.iter().map(|&seed| {
            let mut still = row.clone();
            still.seed = Some(seed);
            still
        })
    });
    settings.keyframes = stills.collect();
    settings.stills = Some(true);
    settings.defaults.branching = BranchingSettings::default();
    settings.defaults.branching.steps = arguments.steps;
    settings.timing = Default::default();
    settings.upscale = Default::default();
    machine::resolve(settings, surroundings)
}

/// What the rows show: each prompt once, without what belongs to a film. Pictures are left out.
fn rows(keyframes: &[KeyframeSettings]) -> Vec<KeyframeSettings> {
    let mut rows: Vec<KeyframeSettings> = Vec::new();
    for keyframe in keyframes.iter().filter(|at| at.image.is_none()) {
        let mut row = KeyframeSettings::default();
        row.prompt = keyframe.prompt.clone();
        row.shared.negative_prompt = keyframe.shared.negative_prompt.clone();
        row.shared.guidance_scale = keyframe.shared.guidance_scale;
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}
