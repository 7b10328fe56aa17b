//! Which training timesteps a walk of N steps visits, as numpy computes them in diffusers.

use super::error::SamplerError;
use super::noise_schedule::{NoiseScheduleConfig, TimestepSpacing};

/// The N timesteps of DDIM and Euler's method, first step first, before they are clamped to the training
/// schedule.
///
/// `steps` is in 1..=`num_train_timesteps`.
pub(super) fn even_timesteps(
    config: &NoiseScheduleConfig,
    spacing: TimestepSpacing,
    steps: usize,
) -> Vec<usize> {
    let length = config.num_train_timesteps;
    match spacing {
        TimestepSpacing::Leading => {
            let ratio = length / steps;
            (0..steps)
                .rev()
                .map(|index| index * ratio + config.steps_offset)
                .collect()
        }
        TimestepSpacing::Linspace if steps == 1 => vec![0],
        TimestepSpacing::Linspace => linspace(length, steps),
        TimestepSpacing::Trailing => trailing(length, steps),
    }
}

/// The N timesteps of diffusers' multistep solvers, first step first. They may exceed the training
/// schedule's end by as much as `steps_offset`.
///
/// Unlike DDIM's, leading and linspace spacing choose N + 1 timesteps and leave out the last, since
/// the walk ends without noise rather than at a timestep. `steps` is in 1..=`num_train_timesteps`.
pub(super) fn solver_timesteps(
    config: &NoiseScheduleConfig,
    steps: usize,
) -> Result<Vec<usize>, SamplerError> {
    let length = config.num_train_timesteps;
    let mut timesteps = match config.timestep_spacing.unwrap_or(TimestepSpacing::Linspace) {
        TimestepSpacing::Leading => {
            let ratio = length / (steps + 1);
            if ratio == 0 {
                let most = length - 1;
                return Err(SamplerError::LeadingSteps { steps, most });
            }
            (1..=steps)
                .rev()
                .map(|index| index * ratio + config.steps_offset)
                .collect()
        }
        TimestepSpacing::Linspace => linspace(length, steps + 1),
        TimestepSpacing::Trailing => trailing(length, steps),
    };
    timesteps.truncate(steps);
    Ok(timesteps)
}

/// N timesteps out of those with which a consistency model was distilled, first step first: the grid of
/// diffusers' `LCMScheduler` and `TCDScheduler`.
///
/// `steps` is in 1..=`num_train_timesteps`.
pub(super) fn lcm_timesteps(
    config: &NoiseScheduleConfig,
    steps: usize,
) -> Result<Vec<usize>, SamplerError> {
    let most = config
        .original_inference_steps
        .min(config.num_train_timesteps);
    if steps > most {
        return Err(SamplerError::OriginalSteps { steps, most });
    }
    let stride = config.num_train_timesteps / most;
    let share = most as f64 / steps as f64;
    let timestep = |index: usize| (most - (index as f64 * share) as usize) * stride - 1;
    Ok((0..steps).map(timestep).collect())
}

/// `count` timesteps (at least 2) from the last one down to 0.
fn linspace(length: usize, count: usize) -> Vec<usize> {
    let stride = (length - 1) as f64 / (count - 1) as f64;
    let round = |index: usize| (index as f64 * stride).round_ties_even() as usize;
    // numpy writes the last point itself, whatever the strides add up to.
    std::iter::once(length - 1)
        .chain((0..count - 1).rev().map(round))
        .collect()
}

fn trailing(length: usize, steps: usize) -> Vec<usize> {
    let start = length as f64;
    // numpy's arange takes its stride from its first two values, after rounding.
    let stride = (start - start / steps as f64) - start;
    let round = |index: usize| (start + index as f64 * stride).round_ties_even();
    // For some N numpy's range has an (N + 1)th entry just above 0, which is no step.
    (0..steps)
        .map(|index| (round(index) - 1.0).max(0.0) as usize)
        .collect()
}
