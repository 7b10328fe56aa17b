//! How fast this machine renders a film, from which its time is estimated.

use lb_files::TemporaryFolder;
use lb_render::{Between, Branching, Frames, Job, Outputs, Plan, RenderError, RenderRate};

use super::PlanArguments;
use crate::error::CommandError;
use crate::progress::Progress;
use crate::surroundings::Surroundings;
use crate::{interrupt, machine};

/// The rate of each stage of a job, from earlier renders or, if the user asks for it, from a
/// measurement. It is `None` if there was no such render.
pub(super) fn stage_rates(
    arguments: &PlanArguments,
    job: &Job,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<Option<Vec<RenderRate>>, CommandError> {
    let mut job = job.clone();
    let completed = machine::complete(&mut job, surroundings);
    if arguments.measure {
        completed?;
        return measured(arguments, job, quiet, surroundings).map(Some);
    }
    // The pictures of a film from elsewhere, one of which may give it its size, need not be there.
    Ok(match completed {
        Ok(()) => arguments.machine.rates_of(&job, surroundings),
        Err(_) => None,
    })
}

/// Renders the smallest film of the same kind into a temporary folder. Returns the rate of each of its
/// stages.
fn measured(
    arguments: &PlanArguments,
    job: Job,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<Vec<RenderRate>, CommandError> {
    let sample = sample(job.clone());
    let plan = Plan::new(&sample)?;
    let renderer = arguments.machine.renderer(&sample, &job, surroundings)?;
    interrupt::listen()?;
    // What a killed measurement has left is removed by the next one.
    let folder = TemporaryFolder::new_in(&std::env::temp_dir())
        .map_err(|error| CommandError::write("a temporary folder", error))?;
    let outputs = Outputs {
        frames_dir: Some(folder.path().join("frames")),
        ..Default::default()
    };
    let mut progress = Progress::new(quiet || arguments.json, 1);
    let result = renderer.render(&sample, &outputs, &mut progress);
    progress.clear();
    let rates = progress.rates(&plan, &result?);
    let size = sample.size.unwrap_or_default();
    machine::remember_rates(&renderer, size, &rates, surroundings);
    let rates: Option<Vec<RenderRate>> = rates.into_iter().collect();
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
