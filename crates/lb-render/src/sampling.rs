//! Where the sampling of a film starts: the noise schedule of its model as the job wants it, whether its
//! sampler has that many steps, and what is wrong with a start that comes late.

use lb_blend::NoiseScheduleConfig;
use lb_job::{Job, JobError, Plan};
use lb_models::ModelDirectory;

use crate::error::RenderError;

/// The noise schedule of a job's first stage: that of the model, with the job's timestep spacing if it
/// has one.
pub(crate) fn schedule(job: &Job, model: &ModelDirectory) -> NoiseScheduleConfig {
    let schedule = model.schedule.clone();
    NoiseScheduleConfig {
        timestep_spacing: job.timestep_spacing.or(schedule.timestep_spacing),
        ..schedule
    }
}

/// Checks that the sampler of a job can take the steps of both stages with their models. A stage whose model
/// is `None` is not checked.
///
/// # Errors
/// [`RenderError::Sampler`] for the first stage, and [`RenderError::UpscaleSampler`] for the second one.
pub fn check_sampling(
    job: &Job,
    plan: &Plan,
    model: Option<&ModelDirectory>,
    upscaler: Option<&ModelDirectory>,
) -> Result<(), RenderError> {
    if let Some(model) = model {
        job.sampler.sampler(&schedule(job, model), plan.steps())?;
    }
    if let (Some(upscale), Some(model)) = (&job.upscale, upscaler) {
        let profile = upscale.profile().map_err(JobError::from)?;
        let sampler = job.sampler.sampler(&model.schedule, profile.steps());
        sampler.map_err(RenderError::UpscaleSampler)?;
    }
    Ok(())
}

/// Sampling whose first step is far from the last training timestep. The model then takes pure noise for
/// latents with less noise. The fewer steps there are, the more of this noise remains in the pictures: after
/// one step they are nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LateStart {
    /// The timestep of the first step.
    pub timestep: usize,
    /// The last timestep of the training schedule, to which pure noise belongs.
    pub last: usize,
}

/// How far the first step may be from the last training timestep, as a share of the schedule. With leading
/// spacing, seven steps are enough.
const TOLERANCE: f64 = 0.15;

/// Says whether sampling starts late for a job of this many steps with this model. If the sampler cannot be
/// made, the answer is `None`.
#[must_use]
pub fn late_start(job: &Job, steps: usize, model: &ModelDirectory) -> Option<LateStart> {
    let schedule = schedule(job, model);
    let last = schedule.num_train_timesteps.checked_sub(1)?;
    let sampler = job.sampler.sampler(&schedule, steps).ok()?;
    let timestep = *sampler.timesteps().first()? as usize;
    let late = last.saturating_sub(timestep) as f64 > TOLERANCE * last as f64;
    late.then_some(LateStart { timestep, last })
}
