//! Where DDIM's steps start and end, by the rules of several schedulers.
//!
//! A deterministic step of DDIM leads from one share of signal to another. So does a step of Euler's method
//! without added noise, once its latents are divided by √(1 + σ²), and a step of trajectory consistency (TCD)
//! without added noise. They differ from DDIM only in the shares of signal at which they start and end.

use super::error::SamplerError;
use super::noise_schedule::{
    FinalSigmas, LAST_SIGNAL, NoiseScheduleConfig, PredictionType, TimestepSpacing, alphas_cumprod,
};
use super::timesteps::{even_timesteps, lcm_timesteps};

/// Where a step starts and ends.
pub(super) struct Visit {
    /// The model's timestep.
    pub(super) timestep: u32,
    /// The share of signal (ᾱ) that the step starts from.
    pub(super) now: f64,
    /// The share of signal that it arrives at.
    pub(super) next: f64,
}

/// The steps of a walk, first step first.
pub(super) struct Visits {
    pub(super) steps: Vec<Visit>,
    /// The standard deviation of the noise from which the walk starts.
    pub(super) initial_noise: f64,
    /// The largest absolute value of predicted clean latents.
    pub(super) clip_limit: f32,
}

/// The steps of diffusers' `DDIMScheduler`.
pub(super) fn ddim(config: &NoiseScheduleConfig, steps: usize) -> Result<Visits, SamplerError> {
    config.validate()?;
    config.validate_steps(steps)?;
    let length = config.num_train_timesteps;
    let alphas = alphas_cumprod(config);
    let end = if config.set_alpha_to_one {
        1.0
    } else {
        alphas[0]
    };
    let visit = |wanted: usize| {
        // diffusers' previous timestep is always ⌊T/N⌋ earlier, even where the next step starts
        // elsewhere.
        let previous = wanted.checked_sub(length / steps);
        let index = wanted.min(length - 1);
        let now = signal(config, &alphas, index)?;
        let next = previous.map_or(end, |previous| alphas[previous.min(length - 1)]);
        Ok(Visit {
            timestep: index as u32,
            now,
            next: f64::from(next),
        })
    };
    let spacing = config.timestep_spacing.unwrap_or(TimestepSpacing::Leading);
    let timesteps = even_timesteps(config, spacing, steps).into_iter();
    Ok(Visits {
        steps: timesteps.map(visit).collect::<Result<_, _>>()?,
        initial_noise: 1.0,
        clip_limit: config.clip_limit(),
    })
}

/// The steps of diffusers' `EulerDiscreteScheduler`, each of which ends where the next one begins.
pub(super) fn euler(config: &NoiseScheduleConfig, steps: usize) -> Result<Visits, SamplerError> {
    config.validate()?;
    config.validate_steps(steps)?;
    let alphas = alphas_cumprod(config);
    let last = alphas.len() - 1;
    let signal = |index: usize| match config.rescale_betas_zero_snr && index == last {
        true => LAST_SIGNAL,
        false => f64::from(alphas[index]),
    };
    let spacing = config.timestep_spacing.unwrap_or(TimestepSpacing::Linspace);
    let timesteps = even_timesteps(config, spacing, steps);
    let timesteps: Vec<usize> = timesteps.into_iter().map(|at| at.min(last)).collect();
    // Pure noise can only be at the first step.
    if signal(timesteps[0]) == 0.0 && config.prediction_type == PredictionType::Epsilon {
        return Err(SamplerError::NoSignal {
            timestep: timesteps[0] as u32,
        });
    }
    let end = match config.final_sigmas_type {
        FinalSigmas::Zero => 1.0,
        FinalSigmas::SigmaMin => signal(0),
    };
    Ok(Visits {
        initial_noise: match spacing {
            TimestepSpacing::Leading => 1.0,
            _ => libm::sqrt(1.0 - signal(timesteps[0])),
        },
        steps: consecutive(&timesteps, signal, end),
        clip_limit: f32::INFINITY,
    })
}

/// The steps of diffusers' `TCDScheduler` without added noise (η = 0).
pub(super) fn tcd(config: &NoiseScheduleConfig, steps: usize) -> Result<Visits, SamplerError> {
    config.validate()?;
    config.validate_steps(steps)?;
    let alphas = alphas_cumprod(config);
    let timesteps = lcm_timesteps(config, steps)?;
    // Pure noise can only be at the first step.
    signal(config, &alphas, timesteps[0])?;
    let signal = |index: usize| f64::from(alphas[index]);
    Ok(Visits {
        steps: consecutive(&timesteps, signal, signal(0)),
        initial_noise: 1.0,
        // diffusers' class has `clip_sample`, but does not use it.
        clip_limit: f32::INFINITY,
    })
}

/// Steps each of which ends at the timestep where the next one begins, and the last one at `end`.
fn consecutive(timesteps: &[usize], signal: impl Fn(usize) -> f64, end: f64) -> Vec<Visit> {
    let next = timesteps.iter().skip(1).map(|&next| signal(next));
    let ends = next.chain([end]);
    let steps = timesteps.iter().zip(ends);
    steps
        .map(|(&index, next)| Visit {
            timestep: index as u32,
            now: signal(index),
            next,
        })
        .collect()
}

/// The share of signal at a timestep, which a model that predicts the noise cannot start from if it is 0.
fn signal(config: &NoiseScheduleConfig, alphas: &[f32], index: usize) -> Result<f64, SamplerError> {
    let alpha = f64::from(alphas[index]);
    if alpha == 0.0 && config.prediction_type == PredictionType::Epsilon {
        let timestep = index as u32;
        return Err(SamplerError::NoSignal { timestep });
    }
    Ok(alpha)
}
