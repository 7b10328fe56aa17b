//! ᾱ, the share of signal left at each training timestep, from the configured βs.
//!
//! The arithmetic is torch's: βs in float32, their running product in double and rounded to
//! float32 entry by entry. Near timestep 0, where ᾱ is almost 1, that rounding is visible.

use super::config::{BetaSchedule, NoiseScheduleConfig};

/// β's cap in the squared-cosine schedule (Nichol and Dhariwal 2021, section 3.2).
const COSINE_BETA_CAP: f64 = 0.999;
/// The squared cosine's offset, which keeps the first βs from vanishing (ibid.).
const COSINE_OFFSET: f64 = 0.008;

/// ᾱ for each of the `num_train_timesteps` timesteps of a validated configuration.
pub(super) fn alphas_cumprod(config: &NoiseScheduleConfig) -> Vec<f32> {
    let count = config.num_train_timesteps;
    let mut betas = match (&config.trained_betas, config.beta_schedule) {
        (Some(betas), _) => betas.iter().map(|beta| *beta as f32).collect(),
        (None, BetaSchedule::Linear) => linspace(config.beta_start, config.beta_end, count),
        (None, BetaSchedule::ScaledLinear) => {
            let (start, end) = (libm::sqrt(config.beta_start), libm::sqrt(config.beta_end));
            linspace(start, end, count)
                .into_iter()
                .map(|root| root * root)
                .collect()
        }
        (None, BetaSchedule::SquaredcosCapV2) => squared_cosine(count),
    };
    if config.rescale_betas_zero_snr {
        rescale_to_zero_terminal_snr(&mut betas);
    }
    cumulative_product(&betas)
}

fn cumulative_product(betas: &[f32]) -> Vec<f32> {
    let mut product = 1.0_f64;
    let multiply = |beta: &f32| {
        product *= f64::from(1.0 - beta);
        product as f32
    };
    betas.iter().map(multiply).collect()
}

/// Evenly from `start` to `end`, rounded to float32.
fn linspace(start: f64, end: f64, count: usize) -> Vec<f32> {
    let stride = (end - start) / (count - 1).max(1) as f64;
    (0..count)
        .map(|index| (start + stride * index as f64) as f32)
        .collect()
}

fn squared_cosine(count: usize) -> Vec<f32> {
    let signal = |index: usize| {
        let time = index as f64 / count as f64;
        let angle = (time + COSINE_OFFSET) / (1.0 + COSINE_OFFSET) * std::f64::consts::FRAC_PI_2;
        let cosine = libm::cos(angle);
        cosine * cosine
    };
    let beta = |index| f64::min(1.0 - signal(index + 1) / signal(index), COSINE_BETA_CAP) as f32;
    (0..count).map(beta).collect()
}

/// Algorithm 1 of "Common Diffusion Noise Schedules and Sample Steps are Flawed" (Lin et al.
/// 2023): √ᾱ is shifted and scaled so that it keeps its first value and ends at 0.
fn rescale_to_zero_terminal_snr(betas: &mut [f32]) {
    let roots: Vec<f32> = cumulative_product(betas)
        .into_iter()
        .map(libm::sqrtf)
        .collect();
    let (first, last) = (roots[0], roots[roots.len() - 1]);
    if first == last {
        // βs too small for float32 add no noise: there is nothing to stretch.
        return;
    }
    let scale = first / (first - last);
    let rescaled = |root: &f32| {
        let root = (root - last) * scale;
        root * root
    };
    let mut previous = 1.0;
    for (beta, root) in betas.iter_mut().zip(&roots) {
        let signal = rescaled(root);
        *beta = 1.0 - signal / previous;
        previous = signal;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signal_shrinks_and_stays_in_range() {
        for beta_schedule in [
            BetaSchedule::Linear,
            BetaSchedule::ScaledLinear,
            BetaSchedule::SquaredcosCapV2,
        ] {
            let config = NoiseScheduleConfig {
                beta_schedule,
                ..Default::default()
            };
            let alphas = alphas_cumprod(&config);
            assert_eq!(alphas.len(), 1000);
            assert!(alphas[0] < 1.0 && alphas[999] > 0.0);
            assert!(
                alphas.windows(2).all(|pair| pair[1] < pair[0]),
                "{beta_schedule}"
            );
        }
    }

    #[test]
    fn rescaled_schedules_end_in_pure_noise() {
        let config = NoiseScheduleConfig {
            rescale_betas_zero_snr: true,
            ..Default::default()
        };
        let (rescaled, plain) = (
            alphas_cumprod(&config),
            alphas_cumprod(&NoiseScheduleConfig::default()),
        );
        assert_eq!(rescaled[999], 0.0);
        assert!((rescaled[0] - plain[0]).abs() < 1e-6);
    }
}
