//! `ddim.json` and `timesteps.json`: diffusers' `DDIMScheduler`.

use lb_blend::{DdimSampler, NoiseScheduleConfig, PredictionType, TimestepSpacing};
use serde::Deserialize;

use super::assert_close;

#[derive(Deserialize)]
struct Ddim {
    start: Vec<f32>,
    walks: Vec<Walk>,
}

#[derive(Deserialize)]
struct Walk {
    name: String,
    config: Config,
    alphas_cumprod: Vec<(usize, f64)>,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Config {
    num_train_timesteps: usize,
    beta_start: f64,
    beta_end: f64,
    beta_schedule: String,
    trained_betas: Option<Vec<f64>>,
    prediction_type: String,
    steps_offset: usize,
    timestep_spacing: String,
    set_alpha_to_one: bool,
    clip_sample: bool,
    clip_sample_range: f64,
    rescale_betas_zero_snr: bool,
}

#[derive(Deserialize)]
struct Run {
    steps: usize,
    latents: Vec<f32>,
    clean: Vec<f32>,
    middle_clean: Vec<f32>,
}

#[derive(Deserialize)]
struct Timesteps {
    spacings: std::collections::BTreeMap<String, Vec<(usize, u32, u32, u64)>>,
}

impl Config {
    fn parsed(self) -> NoiseScheduleConfig {
        NoiseScheduleConfig {
            num_train_timesteps: self.num_train_timesteps,
            beta_start: self.beta_start,
            beta_end: self.beta_end,
            beta_schedule: self.beta_schedule.parse().unwrap(),
            trained_betas: self.trained_betas,
            prediction_type: self.prediction_type.parse().unwrap(),
            steps_offset: self.steps_offset,
            timestep_spacing: self.timestep_spacing.parse().unwrap(),
            set_alpha_to_one: self.set_alpha_to_one,
            clip_sample: self.clip_sample,
            clip_sample_range: self.clip_sample_range,
            rescale_betas_zero_snr: self.rescale_betas_zero_snr,
            thresholding: false,
        }
    }
}

/// The fixture's stand-in for a model.
fn model(latents: &[f32], timestep: u32) -> Vec<f32> {
    let time = 0.5 + timestep as f32 / 1000.0;
    let value = |(index, x): (usize, &f32)| 0.3 * x + (0.1 * index as f32 - 0.35) * time;
    latents.iter().enumerate().map(value).collect()
}

#[test]
fn ddim_is_diffusers() {
    let golden: Ddim = serde_json::from_str(include_str!("../../golden/ddim.json")).unwrap();
    let mut walked = 0;
    for walk in golden.walks {
        let config = walk.config.parsed();
        for run in walk.runs {
            let sampler = DdimSampler::new(&config, run.steps).unwrap();
            let mut latents = golden.start.clone();
            let mut clean = vec![f32::NAN; latents.len()];
            let mut middle = Vec::new();
            for (index, &timestep) in sampler.timesteps().iter().enumerate() {
                let output = model(&latents, timestep);
                sampler
                    .step(index, &mut latents, &output, &mut clean)
                    .unwrap();
                if index == run.steps / 2 {
                    middle = clean.clone();
                }
            }
            let what = format!("{}, {} steps", walk.name, run.steps);
            // Both sides round every step to float32, differently.
            let tolerance = 1e-5 + 2e-8 * run.steps as f32;
            assert_close(
                &middle,
                &run.middle_clean,
                tolerance,
                &format!("{what}: x̂₀ half way"),
            );
            assert_close(
                &clean,
                &run.clean,
                tolerance,
                &format!("{what}: the last x̂₀"),
            );
            assert_close(
                &latents,
                &run.latents,
                tolerance,
                &format!("{what}: the last latents"),
            );
            walked += 1;
        }
    }
    assert!(walked > 100, "the fixture has {walked} walks");
}

/// A model that predicts no velocity shows the schedule from outside: x̂₀ = √ᾱ·x.
#[test]
fn the_noise_schedule_is_diffusers() {
    let golden: Ddim = serde_json::from_str(include_str!("../../golden/ddim.json")).unwrap();
    for walk in golden.walks {
        let length = walk.config.num_train_timesteps;
        let config = NoiseScheduleConfig {
            prediction_type: PredictionType::VPrediction,
            timestep_spacing: TimestepSpacing::Leading,
            steps_offset: 0,
            set_alpha_to_one: true,
            clip_sample: false,
            ..walk.config.parsed()
        };
        let sampler = DdimSampler::new(&config, length).unwrap();
        for (timestep, alpha) in walk.alphas_cumprod {
            let (mut latents, mut clean) = ([1.0], [f32::NAN]);
            sampler
                .step(length - 1 - timestep, &mut latents, &[0.0], &mut clean)
                .unwrap();
            let what = format!("{}, ᾱ at {timestep}", walk.name);
            assert_close(&clean, &[alpha.sqrt() as f32], 2e-7, &what);
        }
    }
}

#[test]
fn timesteps_are_diffusers_for_every_number_of_steps() {
    let golden: Timesteps =
        serde_json::from_str(include_str!("../../golden/timesteps.json")).unwrap();
    assert_eq!(golden.spacings.len(), 3);
    for (spacing, rows) in golden.spacings {
        let timestep_spacing: TimestepSpacing = spacing.parse().unwrap();
        let config = NoiseScheduleConfig {
            timestep_spacing,
            ..Default::default()
        };
        for (index, (visited, first, last, weighted_sum)) in rows.into_iter().enumerate() {
            let steps = index + 1;
            let sampler = DdimSampler::new(&config, steps).unwrap();
            let ours = sampler.timesteps();
            let sum: u64 = (1..)
                .zip(ours)
                .map(|(weight, &t)| weight * u64::from(t))
                .sum();
            assert_eq!(ours.len(), steps);
            if (timestep_spacing, steps) == (TimestepSpacing::Leading, 1000) {
                // diffusers begins at timestep 1000, of 0 to 999, and fails; ours stays at 999.
                assert_eq!((first, ours[0], ours[1], ours[999]), (1000, 999, 999, last));
                continue;
            }
            assert!(visited == steps || timestep_spacing == TimestepSpacing::Trailing);
            assert_eq!(
                (ours[0], ours[index], sum),
                (first, last, weighted_sum),
                "{spacing} {steps}"
            );
        }
    }
}
