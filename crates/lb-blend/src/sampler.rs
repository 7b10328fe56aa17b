//! From noise to clean latents: the noise schedule a model was trained with, and the walks down it.

mod betas;
mod config;
mod ddim;
mod dpm_solver;
mod error;
mod forward;
mod inversion;
mod kind;
mod prediction;
mod timesteps;

pub use config::{BetaSchedule, NoiseScheduleConfig, PredictionType, TimestepSpacing};
pub use ddim::DdimSampler;
pub use dpm_solver::DpmSolverSampler;
pub use error::SamplerError;
pub use forward::add_noise;
pub use inversion::DdimInversion;
pub use kind::SamplerKind;

use crate::error::ShapeError;

/// A walk of N denoising steps down a model's noise schedule.
///
/// A sampler is a table of coefficients: all that changes on the way, latents and predictions, is
/// its caller's. So one sampler serves any number of branches, and a branch may leave one batch and
/// go on in another.
pub trait Sampler {
    /// The model's timestep at each step, first step first.
    fn timesteps(&self) -> &[u32];

    /// ᾱ at each step's timestep: the share of the latents' variance that is signal, as the model
    /// takes them to be before the step. 1 is no noise.
    fn alphas_cumprod(&self) -> &[f64];

    /// Whether a step reads, beside the latents, what the step before predicted (a linear multistep
    /// method). A branch that starts between two others then needs a prediction to start with, too.
    fn is_multistep(&self) -> bool;

    /// Takes step `index` on `latents`, in place, and writes the clean latents predicted there (x̂₀)
    /// to `predicted_clean`.
    ///
    /// The three slices may hold any number of branches one after the other: the step is the same
    /// for every value. Where [`is_multistep`](Self::is_multistep) says so, `predicted_clean` holds
    /// the prediction of step `index − 1` on entry; step 0 reads nothing from it.
    ///
    /// # Errors
    /// [`ShapeError::Length`] if the three lengths differ; [`ShapeError::Step`] if there is no such
    /// step.
    fn step(
        &self,
        index: usize,
        latents: &mut [f32],
        model_output: &[f32],
        predicted_clean: &mut [f32],
    ) -> Result<(), ShapeError>;
}

/// The step of this index, if the lengths of what it works on agree.
fn checked_step<'a, S>(
    steps: &'a [S],
    index: usize,
    latents: &[f32],
    model_output: &[f32],
    predicted_clean: &[f32],
) -> Result<&'a S, ShapeError> {
    let length = latents.len();
    ShapeError::check_length("the model's output", model_output.len(), length)?;
    ShapeError::check_length("predicted clean latents", predicted_clean.len(), length)?;
    steps.get(index).ok_or(ShapeError::Step {
        index,
        steps: steps.len(),
    })
}
