//! How long a film will take on this machine.

use lb_render::{Branching, Job, ModelDirectory, Outputs, Plan, RenderError};

use crate::args::PlanArguments;
use crate::error::CommandError;
use crate::progress::Progress;
use crate::rates::{self, Circumstances, Rate};
use crate::surroundings::Surroundings;
use crate::{interrupt, resolve};

/// The estimate in seconds, from earlier renders or, where it is asked for, from a measurement;
/// `None` where nothing is known.
pub(super) fn estimate(
    arguments: &PlanArguments,
    job: &Job,
    plan: &Plan,
    surroundings: &Surroundings,
) -> Result<Option<f64>, CommandError> {
    let mut job = job.clone();
    let completed = resolve::complete(&mut job, surroundings);
    if arguments.measure {
        completed?;
        return Ok(Some(measured(arguments, job, surroundings)?.seconds(plan)));
    }
    // A plan needs no model, and a second stage is not timed by the first one's rate.
    if completed.is_err() || job.upscale.is_some() {
        return Ok(None);
    }
    let name = resolve::model_name(&job, surroundings);
    let Ok(model) = ModelDirectory::locate(name, &surroundings.model_folders) else {
        return Ok(None);
    };
    let size = job.size.unwrap_or_default();
    let circumstances = Circumstances::new(&model, size, &arguments.machine);
    let rate = rates::recall(surroundings.rates.as_deref(), &circumstances);
    Ok(rate.map(|rate| rate.seconds(plan)))
}

/// Renders the smallest film of the same kind, into a folder that is thrown away.
fn measured(
    arguments: &PlanArguments,
    job: Job,
    surroundings: &Surroundings,
) -> Result<Rate, CommandError> {
    if job.upscale.is_some() {
        return Err(CommandError::Request(
            "--measure knows one stage, and upscaling is a second one".into(),
        ));
    }
    let sample = sample(job);
    let renderer = resolve::renderer(&sample, &arguments.machine, surroundings)?;
    interrupt::listen()?;
    let folder = tempfile::tempdir().map_err(|error| CommandError::Write {
        path: "a temporary folder".into(),
        reason: error.to_string(),
    })?;
    let outputs = Outputs {
        frames_dir: Some(folder.path().join("frames")),
        ..Default::default()
    };
    let mut progress = Progress::new(arguments.json, 1);
    let result = renderer.render(&sample, &outputs, &mut progress);
    progress.clear();
    let rate = progress.rate(&result?);
    let rate = rate.ok_or(CommandError::Render(RenderError::Interrupted))?;
    let size = sample.size.unwrap_or_default();
    let model = renderer.directory().path();
    let circumstances = Circumstances::new(model, size, &arguments.machine);
    rates::remember(surroundings.rates.as_deref(), circumstances, rate);
    Ok(rate)
}

/// Two keyframes of four steps, and nothing between them.
fn sample(job: Job) -> Job {
    let mut sample = Job {
        looped: false,
        film_seconds: None,
        ..job
    };
    sample.keyframes.truncate(2);
    sample.transitions.truncate(1);
    for keyframe in &mut sample.keyframes {
        keyframe.image = None;
    }
    for transition in &mut sample.transitions {
        transition.branching = Branching::Autosetup {
            steps: 4,
            frames: 2,
            depth_strength: Branching::DEPTH_STRENGTH,
        };
    }
    sample
}
