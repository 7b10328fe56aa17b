//! Compares with the schedulers that distilled models name: diffusers' `EulerDiscreteScheduler`,
//! `TCDScheduler` without added noise, `DPMSolverMultistepScheduler`, and the grid of `LCMScheduler`
//! (`few_steps.json`).

use std::collections::BTreeMap;

use lb_blend::{DdimSampler, NoiseScheduleConfig, Sampler as _, SamplerKind};
use serde::Deserialize;

use super::assert_close;
use super::walk::model;

#[derive(Deserialize)]
struct FewSteps {
    start: Vec<f32>,
    walks: Vec<Walk>,
    lcm_grids: BTreeMap<usize, Vec<Vec<u32>>>,
}

#[derive(Deserialize)]
struct Walk {
    sampler: String,
    config: Config,
    runs: Vec<Run>,
}

/// The settings that differ from diffusers' defaults.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Config {
    beta_start: f64,
    beta_end: f64,
    beta_schedule: String,
    prediction_type: String,
    steps_offset: Option<usize>,
    timestep_spacing: Option<String>,
    final_sigmas_type: Option<String>,
    original_inference_steps: Option<usize>,
    #[serde(default)]
    rescale_betas_zero_snr: bool,
    #[serde(default)]
    clip_sample: bool,
    clip_sample_range: Option<f64>,
}

#[derive(Deserialize)]
struct Run {
    steps: usize,
    timesteps: Vec<u32>,
    alphas_cumprod: Vec<f64>,
    initial: Vec<f32>,
    latents: Vec<f32>,
    clean: Option<Vec<f32>>,
}

impl Config {
    fn parsed(&self) -> NoiseScheduleConfig {
        let default = NoiseScheduleConfig::diffusers_default();
        let spacing = self.timestep_spacing.as_ref();
        let final_sigmas = self.final_sigmas_type.as_ref();
        NoiseScheduleConfig {
            beta_start: self.beta_start,
            beta_end: self.beta_end,
            beta_schedule: self.beta_schedule.parse().unwrap(),
            prediction_type: self.prediction_type.parse().unwrap(),
            steps_offset: self.steps_offset.unwrap_or(0),
            timestep_spacing: spacing.map(|name| name.parse().unwrap()),
            final_sigmas_type: final_sigmas
                .map_or_else(Default::default, |name| name.parse().unwrap()),
            original_inference_steps: self
                .original_inference_steps
                .unwrap_or(default.original_inference_steps),
            rescale_betas_zero_snr: self.rescale_betas_zero_snr,
            clip_sample: self.clip_sample,
            clip_sample_range: self.clip_sample_range.unwrap_or(1.0),
            ..default
        }
    }
}

fn golden() -> FewSteps {
    serde_json::from_str(include_str!("../../golden/few_steps.json")).unwrap()
}

#[test]
fn schedulers_of_distilled_models_are_diffusers() {
    let FewSteps { start, walks, .. } = golden();
    let mut walked = 0;
    for Walk {
        sampler: kind,
        config,
        runs,
    } in walks
    {
        let kind: SamplerKind = kind.parse().unwrap();
        for run in runs {
            let what = format!("{kind}, {} steps, {config:?}", run.steps);
            let sampler = kind.sampler(&config.parsed(), run.steps).unwrap();
            assert_eq!(sampler.timesteps(), run.timesteps, "{what}");
            for (ours, theirs) in sampler.alphas_cumprod().iter().zip(run.alphas_cumprod) {
                assert!((ours - theirs).abs() < 1e-6, "{what}: {ours} {theirs}");
            }
            let scale = sampler.initial_noise() as f32;
            let mut latents: Vec<f32> = start.iter().map(|noise| noise * scale).collect();
            assert_close(&latents, &run.initial, 1e-6, &format!("{what}: start"));
            let mut clean = vec![f32::NAN; latents.len()];
            for (index, &timestep) in run.timesteps.iter().enumerate() {
                let output = model(&latents, timestep);
                sampler
                    .step(index, &mut latents, &output, &mut clean)
                    .unwrap();
            }
            if let Some(expected) = run.clean {
                assert_close(&clean, &expected, 3e-5, &format!("{what}: the last x̂₀"));
            }
            // From pure noise diffusers' Euler takes a difference of float32 values near 4096.
            let tolerance = match kind == SamplerKind::Euler && config.rescale_betas_zero_snr {
                true => 5e-4,
                false => 3e-5,
            };
            let what = format!("{what}: the end");
            assert_close(&latents, &run.latents, tolerance, &what);
            walked += 1;
        }
    }
    assert!(walked > 70, "the fixture has {walked} walks");
}

#[test]
fn the_grid_of_consistency_models_is_diffusers() {
    for (original, grids) in golden().lcm_grids {
        let config = NoiseScheduleConfig {
            original_inference_steps: original,
            ..Default::default()
        };
        for grid in grids {
            let sampler = DdimSampler::tcd(&config, grid.len()).unwrap();
            assert_eq!(sampler.timesteps(), grid);
        }
        let error = DdimSampler::tcd(&config, original + 1).unwrap_err();
        let allowed = format!("at most {original} (original_inference_steps)");
        assert!(error.to_string().contains(&allowed), "{error}");
    }
}
