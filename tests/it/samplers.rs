//! The same film with each sampler, and models whose configuration names another sampler.

use std::fs;

use image::RgbImage;
use serde_json::json;

use crate::broken_models::copy_of_pocket;
use crate::lb::{Folder, SMALL_FILM};
use crate::pictures::{distance, sequence};

fn render(sampler: &str) -> (u64, Vec<RgbImage>) {
    let folder = Folder::new();
    let arguments = [
        "--spacing=fixed",
        "--sampler",
        sampler,
        "--frames-dir=frames",
    ];
    let facts = folder.facts(&[SMALL_FILM, &arguments].concat());
    let evaluations = facts["model_evaluations"].as_u64().unwrap();
    (evaluations, sequence(&folder.join("frames")))
}

#[test]
fn both_samplers_draw_the_same_pictures_at_the_same_cost() {
    let [(cost, ddim), (solver_cost, solver)] = ["ddim", "dpmpp-2m"].map(render);
    assert_eq!(cost, solver_cost);
    assert_eq!(ddim.len(), solver.len());
    let whole = distance(&ddim[0], &ddim[4]);
    for (index, (ddim, solver)) in ddim.iter().zip(&solver).enumerate() {
        let apart = distance(ddim, solver);
        assert!(
            apart > 0.0 && apart < 0.3 * whole,
            "frame {index}: {apart:.1} apart, {whole:.1} from end to end"
        );
    }
}

/// Stable Diffusion 2's directories contain these configurations besides that of DDIM. They all have
/// the same noise schedule, and only the noise schedule is used.
#[test]
fn models_of_other_samplers_draw_the_same_pictures_with_a_note() {
    let folder = Folder::new();
    let model = copy_of_pocket(&folder);
    let mut drawn = Vec::new();
    for (class, more, said) in [
        ("DDIMScheduler", json!({}), ""),
        (
            "PNDMScheduler",
            json!({"skip_prk_steps": true}),
            "PNDMScheduler: its noise schedule is used, its sampler is not",
        ),
        (
            "EulerDiscreteScheduler",
            json!({"skip_prk_steps": true, "interpolation_type": "linear"}),
            "EulerDiscreteScheduler: its noise schedule",
        ),
        (
            "DPMSolverMultistepScheduler",
            json!({"algorithm_type": "dpmsolver++", "use_karras_sigmas": true}),
            "DPMSolverMultistepScheduler with use_karras_sigmas: its noise schedule",
        ),
    ] {
        let mut config = json!({
            "_class_name": class,
            "_diffusers_version": "0.10.0.dev0",
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "beta_start": 0.00085,
            "clip_sample": false,
            "num_train_timesteps": 1000,
            "prediction_type": "v_prediction",
            "set_alpha_to_one": false,
            "steps_offset": 1,
            "trained_betas": null,
        });
        let settings = config.as_object_mut().unwrap();
        settings.extend(more.as_object().unwrap().clone());
        fs::write(
            model.join("scheduler/scheduler_config.json"),
            config.to_string(),
        )
        .unwrap();
        let tree = ["--steps=4", "--frames=2", "--model=./model", "-v"];
        let arguments = [
            "render",
            "a red apple",
            "a green pear",
            "--force",
            "--frames-dir=frames",
        ];
        let run = folder.run(&[&arguments[..], &tree].concat());
        assert_eq!(run.code, Some(0), "{class}: {}", run.error);
        assert!(run.error.contains(said), "{class}: {}", run.error);
        drawn.push(sequence(&folder.join("frames")));
    }
    assert!(drawn.iter().all(|frames| *frames == drawn[0]));
}
