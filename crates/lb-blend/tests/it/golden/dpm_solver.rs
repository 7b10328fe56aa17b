//! Compares with diffusers' `DPMSolverMultistepScheduler`, made from DDIM's configuration
//! (`dpm_solver.json`).

use std::collections::BTreeMap;

use lb_blend::{DpmSolverSampler, NoiseScheduleConfig, Sampler, SamplerError, TimestepSpacing};
use serde::Deserialize;

use super::walk::{Walk, weighted_sum};

#[derive(Deserialize)]
struct DpmSolver {
    start: Vec<f32>,
    walks: Vec<Walk>,
    weighted_sums: BTreeMap<String, Vec<u64>>,
}

fn golden() -> DpmSolver {
    serde_json::from_str(include_str!("../../golden/dpm_solver.json")).unwrap()
}

#[test]
fn dpm_solver_is_diffusers() {
    let DpmSolver { start, walks, .. } = golden();
    let mut walked = 0;
    for walk in walks {
        let config = walk.config.parsed();
        for run in walk.runs {
            let sampler = DpmSolverSampler::new(&config, run.steps).unwrap();
            assert_eq!(sampler.timesteps().len(), run.steps);
            run.check(&sampler, &start, &walk.name);
            walked += 1;
        }
    }
    assert!(walked > 180, "the fixture has {walked} walks");
}

#[test]
fn timesteps_are_diffusers_for_every_number_of_steps() {
    for (spacing, sums) in golden().weighted_sums {
        let timestep_spacing: TimestepSpacing = spacing.parse().unwrap();
        let config = NoiseScheduleConfig {
            timestep_spacing: Some(timestep_spacing),
            ..Default::default()
        };
        assert_eq!(sums.len(), 1000);
        for (index, sum) in sums.into_iter().enumerate() {
            let steps = index + 1;
            match DpmSolverSampler::new(&config, steps) {
                Ok(sampler) => {
                    assert_eq!(sampler.timesteps().len(), steps);
                    let ours = weighted_sum(sampler.timesteps());
                    assert_eq!(ours, sum, "{spacing} {steps}");
                }
                // diffusers stays at one timestep for all 1000 steps.
                Err(error) => {
                    let refused = SamplerError::LeadingSteps {
                        steps: 1000,
                        most: 999,
                    };
                    assert_eq!((error, steps), (refused, 1000), "{spacing}");
                }
            }
        }
    }
}
