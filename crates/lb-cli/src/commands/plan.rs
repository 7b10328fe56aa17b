//! `lb plan`: shows what a render would do.

mod report;
mod time;

use std::path::PathBuf;

use clap::Args;
use lb_drawing::draw_tree;
use lb_render::{Job, Plan, RenderError};
use lb_schedule::Tree;
use serde::Serialize;

use crate::error::CommandError;
use crate::facts;
use crate::film::FilmArguments;
use crate::machine::MachineArguments;
use crate::surroundings::Surroundings;
use crate::write::write;

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    film: FilmArguments,
    #[command(flatten)]
    machine: MachineArguments,
    /// Draw the tree of the first transition into this SVG file: steps go down, fractions across.
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

pub(crate) fn run(
    arguments: &PlanArguments,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let job = arguments.film.planned_job()?;
    let plan = Plan::new(&job)?;
    if let Some(path) = &arguments.svg {
        write(path, &drawing(&job, &plan)?, arguments.force)?;
    }
    let seconds = time::estimate(arguments, &job, &plan, surroundings)?;
    if arguments.json {
        facts::print(&facts(&plan, seconds));
    } else {
        print!("{}", report::text(&job, &plan, seconds));
        if let Some(path) = &arguments.svg {
            println!("drawn in {}", path.display());
        }
    }
    Ok(())
}

/// Draws the first transition's tree. Perceptual spacing chooses fractions while rendering, so its
/// branches are drawn evenly spaced here.
fn drawing(job: &Job, plan: &Plan) -> Result<String, CommandError> {
    let mid_compression = job.spacing.expected_mid_compression();
    let tree = Tree::fixed(plan.profiles[0].clone(), mid_compression).map_err(RenderError::from)?;
    let keyframes = [0, 1].map(|index| job.keyframes[index].prompt.as_str());
    Ok(draw_tree(&tree, keyframes))
}

fn facts(plan: &Plan, estimated_seconds: Option<f64>) -> impl Serialize {
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
        decodes: plan.cost.decodes,
        computed_frames: plan.computed_frames(),
        in_betweens: plan.in_betweens.iter().sum::<usize>(),
        film_frames: plan.film_frames(),
        seconds: plan.seconds(),
        estimated_seconds: estimated_seconds,
    }
}
