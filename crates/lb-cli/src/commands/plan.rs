//! `lb plan`: what a render would do, without doing it.

mod facts;
mod report;
mod time;

use lb_drawing::draw_tree;
use lb_render::{Job, Plan, RenderError};
use lb_schedule::Tree;

use crate::args::PlanArguments;
use crate::commands::render::line;
use crate::error::CommandError;
use crate::resolve;
use crate::surroundings::Surroundings;
use crate::write::write;

pub(crate) fn run(
    arguments: &PlanArguments,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let job = resolve::job(&arguments.content)?;
    let plan = Plan::new(&job)?;
    if let Some(path) = &arguments.svg {
        write(path, &drawing(&job, &plan)?, arguments.force)?;
    }
    let seconds = time::estimate(arguments, &job, &plan, surroundings)?;
    if arguments.json {
        println!("{}", line(&facts::PlanFacts::new(&plan, seconds)));
    } else {
        print!("{}", report::text(&job, &plan, seconds));
        if let Some(path) = &arguments.svg {
            println!("drawn in {}", path.display());
        }
    }
    Ok(())
}

/// The first transition's tree. What perceptual spacing will choose follows from the model's
/// predictions, so before a render its branches are drawn evenly spaced.
fn drawing(job: &Job, plan: &Plan) -> Result<String, CommandError> {
    let mid_compression = job.spacing.expected_mid_compression();
    let tree = Tree::fixed(plan.profiles[0].clone(), mid_compression).map_err(RenderError::from)?;
    let keyframes = [0, 1].map(|index| job.keyframes[index].prompt.as_str());
    Ok(draw_tree(&tree, keyframes))
}
