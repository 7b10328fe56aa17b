//! `lb plan`: what a render would do, without doing it.

use std::io::Write;
use std::path::Path;

use lb_render::{Plan, Spacing};
use lb_schedule::{BranchingProfile, fixed_fractions};
use serde::Serialize;

use crate::args::PlanArguments;
use crate::commands::render::line;
use crate::error::CommandError;
use crate::resolve;

pub(crate) fn run(arguments: &PlanArguments) -> Result<(), CommandError> {
    let job = resolve::job(&arguments.content)?;
    let plan = Plan::new(&job)?;
    let fractions = drawn_fractions(&plan.profile, &job.spacing);
    if let Some(path) = &arguments.svg {
        let keyframes = [job.prompts[0].as_str(), job.prompts[1].as_str()];
        let drawing = lb_schedule::draw_tree(&plan.profile, &fractions, keyframes)
            .map_err(lb_render::RenderError::from)?;
        write(path, &drawing, arguments.force)?;
    }
    if arguments.json {
        println!("{}", line(&PlanFacts::new(&plan)));
    } else {
        report(&plan, &job.spacing);
        if let Some(path) = &arguments.svg {
            println!("drawn in {}", path.display());
        }
    }
    Ok(())
}

/// Perceptual fractions follow from what the model predicts; before that, they are drawn even.
fn drawn_fractions(profile: &BranchingProfile, spacing: &Spacing) -> Vec<Vec<f64>> {
    let mid_compression = match spacing {
        Spacing::Fixed { mid_compression } => *mid_compression,
        Spacing::Perceptual => 1.0,
    };
    profile
        .levels()
        .iter()
        .map(|level| fixed_fractions(level.branch_count, mid_compression))
        .collect()
}

fn report(plan: &Plan, spacing: &Spacing) {
    let profile = &plan.profile;
    println!(
        "{} keyframes, {} transitions",
        plan.keyframes,
        plan.keyframes - 1
    );
    println!("tree of a transition, {} steps:", profile.steps());
    for (index, level) in profile.levels().iter().enumerate() {
        let steps = profile.step_range(index);
        println!(
            "  level {index}: {:>4} branches, steps {}..{}",
            level.branch_count, steps.start, steps.end
        );
    }
    match spacing {
        Spacing::Fixed { mid_compression } => {
            println!("fractions: fixed, mid compression {mid_compression}");
        }
        Spacing::Perceptual => println!("fractions: perceptual, decided while rendering"),
    }
    println!(
        "cost: {} model evaluations, {} decodes",
        plan.cost.model_evaluations, plan.cost.decodes
    );
    println!(
        "film: {} frames, {} of them computed, {:.2} s at {} frames a second",
        plan.film.len(),
        plan.computed_frames(),
        plan.seconds(),
        plan.frames_per_second
    );
}

fn write(path: &Path, text: &str, overwrite: bool) -> Result<(), CommandError> {
    let failed = |error: std::io::Error| CommandError::Write {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let persisted = if overwrite {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    persisted.map(|_| ()).map_err(|error| failed(error.error))
}

#[derive(Serialize)]
struct PlanFacts {
    keyframes: usize,
    steps: usize,
    injection_steps: Vec<usize>,
    branch_counts: Vec<usize>,
    model_evaluations: usize,
    decodes: usize,
    computed_frames: usize,
    film_frames: usize,
    seconds: f64,
}

impl PlanFacts {
    fn new(plan: &Plan) -> Self {
        let levels = plan.profile.levels();
        Self {
            keyframes: plan.keyframes,
            steps: plan.profile.steps(),
            injection_steps: levels.iter().map(|level| level.injection_step).collect(),
            branch_counts: levels.iter().map(|level| level.branch_count).collect(),
            model_evaluations: plan.cost.model_evaluations,
            decodes: plan.cost.decodes,
            computed_frames: plan.computed_frames(),
            film_frames: plan.film.len(),
            seconds: plan.seconds(),
        }
    }
}
