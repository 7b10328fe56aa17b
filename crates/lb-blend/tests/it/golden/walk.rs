//! The content of both samplers' fixtures: walks whose model is a formula.

use lb_blend::{NoiseScheduleConfig, Sampler};
use serde::Deserialize;

use super::assert_close;

#[derive(Deserialize)]
pub(super) struct Walk {
    pub(super) name: String,
    pub(super) config: Config,
    pub(super) alphas_cumprod: Vec<(usize, f64)>,
    pub(super) runs: Vec<Run>,
}

#[derive(Deserialize)]
pub(super) struct Config {
    pub(super) num_train_timesteps: usize,
    beta_start: f64,
    beta_end: f64,
    beta_schedule: String,
    trained_betas: Option<Vec<f64>>,
    prediction_type: String,
    steps_offset: usize,
    timestep_spacing: Option<String>,
    set_alpha_to_one: bool,
    clip_sample: bool,
    clip_sample_range: f64,
    rescale_betas_zero_snr: bool,
}

#[derive(Deserialize)]
pub(super) struct Run {
    pub(super) steps: usize,
    latents: Vec<f32>,
    clean: Vec<f32>,
    middle_clean: Vec<f32>,
}

impl Config {
    pub(super) fn parsed(self) -> NoiseScheduleConfig {
        NoiseScheduleConfig {
            num_train_timesteps: self.num_train_timesteps,
            beta_start: self.beta_start,
            beta_end: self.beta_end,
            beta_schedule: self.beta_schedule.parse().unwrap(),
            trained_betas: self.trained_betas,
            prediction_type: self.prediction_type.parse().unwrap(),
            steps_offset: self.steps_offset,
            timestep_spacing: self.timestep_spacing.map(|name| name.parse().unwrap()),
            set_alpha_to_one: self.set_alpha_to_one,
            clip_sample: self.clip_sample,
            clip_sample_range: self.clip_sample_range,
            rescale_betas_zero_snr: self.rescale_betas_zero_snr,
            thresholding: false,
            ..NoiseScheduleConfig::diffusers_default()
        }
    }
}

impl Run {
    /// Takes all steps from `start` and compares the latents at the end and in the middle.
    pub(super) fn check(&self, sampler: &dyn Sampler, start: &[f32], name: &str) {
        let mut latents = start.to_vec();
        let mut clean = vec![f32::NAN; latents.len()];
        let mut middle = Vec::new();
        for (index, &timestep) in sampler.timesteps().iter().enumerate() {
            let output = model(&latents, timestep);
            sampler
                .step(index, &mut latents, &output, &mut clean)
                .unwrap();
            if index == self.steps / 2 {
                middle.clone_from(&clean);
            }
        }
        // Both sides round every step to float32, but not in the same way.
        let tolerance = 1e-5 + 2e-8 * self.steps as f32;
        let pairs = [
            (&middle, &self.middle_clean, "x̂₀ half way"),
            (&clean, &self.clean, "the last x̂₀"),
            (&latents, &self.latents, "the last latents"),
        ];
        for (actual, expected, which) in pairs {
            let what = format!("{name}, {} steps: {which}", self.steps);
            assert_close(actual, expected, tolerance, &what);
        }
    }
}

/// The formula that the fixtures use as a model.
pub(super) fn model(latents: &[f32], timestep: u32) -> Vec<f32> {
    let time = 0.5 + timestep as f32 / 1000.0;
    let value = |(index, x): (usize, &f32)| 0.3 * x + (0.1 * index as f32 - 0.35) * time;
    latents.iter().enumerate().map(value).collect()
}

/// Σ (i + 1)·tᵢ: a number that differs between lists of timesteps.
pub(super) fn weighted_sum(timesteps: &[u32]) -> u64 {
    (1..)
        .zip(timesteps)
        .map(|(weight, &timestep)| weight * u64::from(timestep))
        .sum()
}
