//! Which training timesteps a walk of N steps visits, as numpy computes them in diffusers.

use super::config::{NoiseScheduleConfig, TimestepSpacing};

/// The N timesteps, first step first, before they are clamped to the training schedule.
///
/// `steps` is in 1..=`num_train_timesteps`.
pub(super) fn timesteps(config: &NoiseScheduleConfig, steps: usize) -> Vec<usize> {
    let length = config.num_train_timesteps;
    match config.timestep_spacing {
        TimestepSpacing::Leading => {
            let ratio = length / steps;
            (0..steps)
                .rev()
                .map(|index| index * ratio + config.steps_offset)
                .collect()
        }
        TimestepSpacing::Linspace if steps == 1 => vec![0],
        TimestepSpacing::Linspace => {
            let last = (length - 1) as f64;
            let stride = last / (steps - 1) as f64;
            let round = |index: usize| (index as f64 * stride).round_ties_even() as usize;
            // numpy writes the last point itself, whatever the strides have added up to.
            std::iter::once(length - 1)
                .chain((0..steps - 1).rev().map(round))
                .collect()
        }
        TimestepSpacing::Trailing => {
            let start = length as f64;
            // numpy's arange takes its stride from its first two values, after rounding.
            let stride = (start - start / steps as f64) - start;
            let round = |index: usize| (start + index as f64 * stride).round_ties_even();
            // For some N numpy's range has an (N + 1)th entry, just above 0: not a step.
            (0..steps)
                .map(|index| (round(index) - 1.0).max(0.0) as usize)
                .collect()
        }
    }
}
