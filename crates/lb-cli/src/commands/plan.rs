//! `lb plan`: shows what a render would do.

mod report;
mod time;

use std::path::PathBuf;

use clap::Args;
use lb_drawing::draw_tree;
use lb_render::{Job, Plan, RenderError};
use lb_schedule::{BranchingProfile, Tree};
use serde::Serialize;

use crate::commands::render::line;
use crate::error::CommandError;
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
    let job = arguments.film.job()?;
    let plan = Plan::new(&job)?;
    if let Some(path) = &arguments.svg {
        write(path, &drawing(&job, &plan)?, arguments.force)?;
    }
    let seconds = time::estimate(arguments, &job, &plan, surroundings)?;
    if arguments.json {
        println!("{}", line(&PlanFacts::new(&plan, seconds)));
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

/// The line of `lb plan --json`. Scripts rely on the names of the fields.
#[derive(Serialize)]
struct PlanFacts<'a> {
    keyframes: usize,
    seeds: &'a [u64],
    looped: bool,
    transitions: Vec<TreeFacts>,
    model_evaluations: usize,
    decodes: usize,
    computed_frames: usize,
    film_frames: usize,
    seconds: f64,
    /// Seconds that a render will take on this machine, if there is an estimate.
    estimated_seconds: Option<f64>,
}

/// The tree of a transition.
#[derive(Serialize)]
struct TreeFacts {
    steps: usize,
    injection_steps: Vec<usize>,
    branch_counts: Vec<usize>,
}

impl TreeFacts {
    fn new(profile: &BranchingProfile) -> Self {
        let levels = profile.levels();
        Self {
            steps: profile.steps(),
            injection_steps: levels.iter().map(|level| level.injection_step).collect(),
            branch_counts: levels.iter().map(|level| level.branch_count).collect(),
        }
    }
}

impl<'a> PlanFacts<'a> {
    fn new(plan: &'a Plan, estimated_seconds: Option<f64>) -> Self {
        Self {
            keyframes: plan.keyframes,
            seeds: &plan.seeds,
            looped: plan.is_looped(),
            transitions: plan.profiles.iter().map(TreeFacts::new).collect(),
            model_evaluations: plan.cost.model_evaluations,
            decodes: plan.cost.decodes,
            computed_frames: plan.computed_frames(),
            film_frames: plan.film_frames(),
            seconds: plan.seconds(),
            estimated_seconds,
        }
    }
}
