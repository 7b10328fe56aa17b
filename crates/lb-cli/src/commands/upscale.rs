//! `lb upscale`: frames of an earlier render to a film of four times their size.

use lb_render::{EarlierFrames, Plan};

use super::render::conclude;
use crate::args::UpscaleArguments;
use crate::error::CommandError;
use crate::interrupt;
use crate::progress::Progress;
use crate::rates;
use crate::resolve;
use crate::surroundings::Surroundings;

pub(crate) fn run(
    arguments: &UpscaleArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let outputs = resolve::outputs(&arguments.output)?;
    if arguments.output.save_job.is_some() {
        return Err(CommandError::Request(
            "--save-job belongs to lb render: frames alone are no job".into(),
        ));
    }
    resolve::require_output(&outputs)?;
    outputs.validate()?;
    let fractions = arguments.facts.as_deref().map(resolve::fractions);
    let frames = EarlierFrames::read(&arguments.frames)?.with_fractions(fractions.transpose()?);
    let job = resolve::upscale_job(arguments, &frames)?;
    let plan = Plan::new(&job)?;
    let cache = resolve::cache(&arguments.cache, surroundings)?;
    let renderer = resolve::upscaler(&arguments.model, &arguments.machine, surroundings)?;
    let keeps = cache.is_some();
    let renderer = renderer.with_cache(cache);
    interrupt::listen()?;
    let mut progress = Progress::new(quiet, job.transitions.len());
    let result = renderer.upscale(&job, &frames, &outputs, &mut progress);
    progress.clear();
    let summary = result.map_err(|error| CommandError::of_render(error, keeps))?;
    rates::remember_stages(
        surroundings.rates.as_deref(),
        &renderer,
        frames.size(),
        &arguments.machine,
        &progress.rates(&plan, &summary),
    );
    conclude(&summary, arguments.output.json, quiet);
    Ok(())
}
