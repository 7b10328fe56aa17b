//! Compares with diffusers' `DDIMInverseScheduler` (`ddim_inversion.json`).

use lb_blend::DdimInversion;
use serde::Deserialize;

use super::assert_close;
use super::walk::{Config, model};

#[derive(Deserialize)]
struct Golden {
    start: Vec<f32>,
    walks: Vec<Walk>,
}

#[derive(Deserialize)]
struct Walk {
    name: String,
    config: Config,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    steps: usize,
    latents: Vec<f32>,
    middle: Vec<f32>,
}

#[test]
fn the_estimate_is_diffusers() {
    let golden: Golden =
        serde_json::from_str(include_str!("../../golden/ddim_inversion.json")).unwrap();
    let mut walked = 0;
    for walk in golden.walks {
        let config = walk.config.parsed();
        for run in walk.runs {
            let inversion = DdimInversion::new(&config, run.steps).unwrap();
            let (mut latents, mut middle) = (golden.start.clone(), Vec::new());
            for (index, &timestep) in inversion.timesteps().iter().enumerate() {
                let (before, output) = (latents.clone(), model(&latents, timestep));
                inversion
                    .estimate(index, &before, &output, &mut latents)
                    .unwrap();
                if index == (run.steps - 1) / 2 {
                    middle.clone_from(&latents);
                }
            }
            let what = format!("{}, {} steps", walk.name, run.steps);
            assert_close(&middle, &run.middle, 1e-4, &format!("{what}: half way"));
            assert_close(&latents, &run.latents, 1e-4, &what);
            walked += 1;
        }
    }
    assert!(walked > 30, "the fixture has {walked} walks");
}
