//! `lb plan`: what a render would do, without doing it.

mod facts;
mod report;
mod time;

use lb_render::{Job, Plan, Spacing};
use lb_schedule::{BranchingProfile, fixed_fractions};

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

/// The first transition's tree.
fn drawing(job: &Job, plan: &Plan) -> Result<String, CommandError> {
    let profile = &plan.profiles[0];
    let fractions = drawn_fractions(profile, &job.spacing);
    let keyframes = [0, 1].map(|index| job.keyframes[index].prompt.as_str());
    let drawn = lb_schedule::draw_tree(profile, &fractions, keyframes);
    Ok(drawn.map_err(lb_render::RenderError::from)?)
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
