//! Compares with diffusers' `DDIMScheduler` (`ddim.json` and `timesteps.json`).

use lb_blend::{DdimSampler, NoiseScheduleConfig, PredictionType, Sampler, TimestepSpacing};
use serde::Deserialize;

use super::assert_close;
use super::walk::{Walk, weighted_sum};

#[derive(Deserialize)]
struct Ddim {
    start: Vec<f32>,
    walks: Vec<Walk>,
}

#[derive(Deserialize)]
struct Timesteps {
    spacings: std::collections::BTreeMap<String, Vec<(usize, u32, u32, u64)>>,
}

#[test]
fn ddim_is_diffusers() {
    let golden: Ddim = serde_json::from_str(include_str!("../../golden/ddim.json")).unwrap();
    let mut walked = 0;
    for walk in golden.walks {
        let config = walk.config.parsed();
        for run in walk.runs {
            let sampler = DdimSampler::new(&config, run.steps).unwrap();
            run.check(&sampler, &golden.start, &walk.name);
            walked += 1;
        }
    }
    assert!(walked > 100, "the fixture has {walked} walks");
}

/// A model that predicts a velocity of 0 reveals the noise schedule: x̂₀ = √ᾱ·x.
#[test]
fn the_noise_schedule_is_diffusers() {
    let golden: Ddim = serde_json::from_str(include_str!("../../golden/ddim.json")).unwrap();
    for walk in golden.walks {
        let length = walk.config.num_train_timesteps;
        let config = NoiseScheduleConfig {
            prediction_type: PredictionType::VPrediction,
            timestep_spacing: Some(TimestepSpacing::Leading),
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
            timestep_spacing: Some(timestep_spacing),
            ..Default::default()
        };
        for (index, (visited, first, last, expected)) in rows.into_iter().enumerate() {
            let steps = index + 1;
            let sampler = DdimSampler::new(&config, steps).unwrap();
            let ours = sampler.timesteps();
            let sum = weighted_sum(ours);
            assert_eq!(ours.len(), steps);
            if (timestep_spacing, steps) == (TimestepSpacing::Leading, 1000) {
                // diffusers begins at timestep 1000 (of 0 to 999) and fails; ours stays at 999.
                assert_eq!((first, ours[0], ours[1], ours[999]), (1000, 999, 999, last));
                continue;
            }
            assert!(visited == steps || timestep_spacing == TimestepSpacing::Trailing);
            assert_eq!(
                (ours[0], ours[index], sum),
                (first, last, expected),
                "{spacing} {steps}"
            );
        }
    }
}
