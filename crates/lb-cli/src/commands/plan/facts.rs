//! The line of `lb plan --json`: names are a contract with scripts.

use lb_render::Plan;
use lb_schedule::BranchingProfile;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct PlanFacts<'a> {
    keyframes: usize,
    seeds: &'a [u64],
    looped: bool,
    transitions: Vec<TreeFacts>,
    model_evaluations: usize,
    decodes: usize,
    computed_frames: usize,
    film_frames: usize,
    seconds: f64,
    /// How long rendering will take on this machine; absent where that is not known.
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
    pub(super) fn new(plan: &'a Plan, estimated_seconds: Option<f64>) -> Self {
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
