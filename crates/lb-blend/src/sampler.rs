//! Samplers: from noise to clean latents, down the noise schedule that a model was trained with.

mod ddim;
mod dpm_solver;
mod error;
mod inversion;
mod kind;
mod noise_schedule;
mod timesteps;
mod visits;

pub use ddim::DdimSampler;
pub use dpm_solver::DpmSolverSampler;
pub use error::SamplerError;
pub use inversion::DdimInversion;
pub use kind::SamplerKind;
pub use noise_schedule::{
    BetaSchedule, FinalSigmas, NoiseScheduleConfig, PredictionType, TimestepSpacing, add_noise,
};

use crate::latents::{ShapeError, validate_length};

/// A walk of N denoising steps down a model's noise schedule.
///
/// A sampler is a table of coefficients. Its caller owns all that changes on the way, latents and
/// predictions. So one sampler serves any number of branches, and a branch may leave one batch and
/// continue in another.
pub trait Sampler {
    /// The timestep that the model is given at each step, first step first.
    fn timesteps(&self) -> &[u32];

    /// ᾱ at each step's timestep: the share of signal in the variance of the latents that the model
    /// expects there. 1 is no noise.
    fn alphas_cumprod(&self) -> &[f64];

    /// The standard deviation of the noise from which the walk starts. Multiply unit noise by it to get
    /// the initial latents.
    fn initial_noise(&self) -> f64 {
        1.0
    }

    /// Whether a step reads what the step before predicted (a linear multistep method). A branch that
    /// starts between two others then needs a prediction to start with, too.
    fn is_multistep(&self) -> bool;

    /// Takes step `index` on `latents`, in place, and writes the clean latents predicted there (x̂₀)
    /// to `predicted_clean`.
    ///
    /// The three slices may hold any number of branches one after the other: the step is the same
    /// for every value. If [`is_multistep`](Self::is_multistep) returns true, `predicted_clean` holds
    /// the prediction of step `index − 1` on entry; step 0 does not read it.
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

/// The step with this index, if the lengths of the slices that it works on agree.
fn validated_step<'a, S>(
    steps: &'a [S],
    index: usize,
    latents: &[f32],
    model_output: &[f32],
    predicted_clean: &[f32],
) -> Result<&'a S, ShapeError> {
    let length = latents.len();
    validate_length("the model's output", model_output.len(), length)?;
    validate_length("predicted clean latents", predicted_clean.len(), length)?;
    steps.get(index).ok_or(ShapeError::Step {
        index,
        steps: steps.len(),
    })
}
