//! Estimates how long a film will take on this machine.

use lb_render::{Between, Branching, Frames, Job, ModelDirectory, Outputs, Plan, RenderError};

use super::PlanArguments;
use crate::error::CommandError;
use crate::progress::Progress;
use crate::rates::{self, Circumstances, Rate};
use crate::surroundings::Surroundings;
use crate::{interrupt, machine};

/// The estimate in seconds, from earlier renders or, if the user asks for it, from a measurement. It is
/// `None` if there was no such render.
pub(super) fn estimate(
    arguments: &PlanArguments,
    job: &Job,
    plan: &Plan,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<Option<f64>, CommandError> {
    let mut job = job.clone();
    let completed = machine::complete(&mut job, surroundings);
    if arguments.measure {
        completed?;
        let rates = measured(arguments, job, quiet, surroundings)?;
        let stages = rates.iter().zip(&plan.stages);
        return Ok(Some(stages.map(|(rate, stage)| rate.seconds(stage)).sum()));
    }
    // A plan is shown even if its model is missing.
    if completed.is_err() {
        return Ok(None);
    }
    let size = job.size.unwrap_or_default();
    let upscaler = job.upscale.as_ref().map(|upscale| upscale.model.as_str());
    let models = [Some(machine::model_name(&job, surroundings)), upscaler];
    let seconds = models.into_iter().flatten().zip(&plan.stages);
    let seconds = seconds.map(|(name, stage)| {
        let model = ModelDirectory::locate(name, &surroundings.model_folders).ok()?;
        let circumstances = Circumstances::new(&model, size, &arguments.machine);
        let rate = rates::recall(surroundings.rates.as_deref(), &circumstances)?;
        Some(rate.seconds(stage))
    });
    Ok(seconds.sum())
}

/// Renders the smallest film of the same kind into a temporary folder. Returns the rate of each of its
/// stages.
fn measured(
    arguments: &PlanArguments,
    job: Job,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<Vec<Rate>, CommandError> {
    let sample = sample(job);
    let plan = Plan::new(&sample)?;
    let renderer = arguments.machine.renderer(&sample, surroundings)?;
    interrupt::listen()?;
    let folder =
        tempfile::tempdir().map_err(|error| CommandError::write("a temporary folder", error))?;
    let outputs = Outputs {
        frames_dir: Some(folder.path().join("frames")),
        ..Default::default()
    };
    let mut progress = Progress::new(quiet || arguments.json, 1);
    let result = renderer.render(&sample, &outputs, &mut progress);
    progress.clear();
    let rates = progress.rates(&plan, &result?);
    rates::remember_stages(
        surroundings.rates.as_deref(),
        &renderer,
        sample.size.unwrap_or_default(),
        &arguments.machine,
        &rates,
    );
    let rates: Option<Vec<Rate>> = rates.into_iter().collect();
    rates.ok_or(CommandError::Render(RenderError::Interrupted))
}

/// The smallest film of the same kind: each stage has two keyframes of four steps, and no branches
/// or in-betweens between them.
fn sample(job: Job) -> Job {
    let mut sample = Job {
        looped: false,
        film_seconds: None,
        // The keyframes are enough to know how long a decode takes.
        between: Between::Pictures,
        ..job
    };
    sample.keyframes.truncate(2);
    sample.transitions.truncate(1);
    for keyframe in &mut sample.keyframes {
        keyframe.image = None;
    }
    if let Some(steps) = &mut sample.still_steps {
        *steps = 4;
    }
    if let Some(upscale) = &mut sample.upscale {
        (upscale.steps, upscale.frames) = (4, 2);
    }
    for transition in &mut sample.transitions {
        transition.branching =
            Branching::automatic(4, Frames::Number(2), Branching::DEPTH_STRENGTH);
    }
    sample
}
